package ui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"
)

// pause is the least time between two messages to a page.
const pause = 50 * time.Millisecond

// events sends jobs as they change, first all of them.
func (s *Server) events(w http.ResponseWriter, r *http.Request) (any, error) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	s.watchers.add(1)
	defer s.watchers.add(-1)
	flush := http.NewResponseController(w)
	version := int64(0)
	for {
		changed, now, next := s.jobs.since(version)
		version = now
		for _, j := range changed {
			text, err := json.Marshal(j)
			if err != nil {
				return sent{}, nil
			}
			if _, err := fmt.Fprintf(w, "event: job\ndata: %s\n\n", text); err != nil {
				return sent{}, nil
			}
		}
		if len(changed) == 0 {
			fmt.Fprint(w, ": nothing new\n\n")
		}
		if flush.Flush() != nil {
			return sent{}, nil
		}
		for _, wait := range []<-chan struct{}{next, after(pause)} { // one after the other
			select {
			case <-wait:
			case <-r.Context().Done():
				return sent{}, nil
			case <-s.jobs.ctx.Done():
				return sent{}, nil
			}
		}
	}
}

// after returns a channel that is closed after d.
func after(d time.Duration) <-chan struct{} {
	c := make(chan struct{})
	time.AfterFunc(d, func() { close(c) })
	return c
}

func (s *Server) listJobs(http.ResponseWriter, *http.Request) (any, error) {
	all, _, _ := s.jobs.since(0)
	return append([]Job{}, all...), nil
}

func (s *Server) oneJob(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.jobs.get(r.PathValue("id"))
}

func (s *Server) cancelJob(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.jobs.end(r.PathValue("id"))
}

func (s *Server) forgetJob(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.jobs.forget(r.PathValue("id"))
}

// jobFile sends a file of a job's result.
func (s *Server) jobFile(w http.ResponseWriter, r *http.Request) (any, error) {
	j, err := s.jobs.get(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	if !slices.Contains(j.Files, name) {
		return nil, missing("job %s has no file %q", j.ID, name)
	}
	w.Header().Set("Cache-Control", "private, max-age=3600")
	http.ServeFile(w, r, filepath.Join(j.folder, name))
	return sent{}, nil
}
