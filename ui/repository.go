package ui

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/hub"
)

// onFace begins the names of repositories on Hugging Face in Request.Model.
const onFace = "hf:"

// Repository is what a download of a repository on Hugging Face would get.
type Repository struct {
	Name          string           `json:"name"` // for Request.Model
	Commit        string           `json:"commit"`
	Licence       string           `json:"licence"` // empty if the repository does not say
	NonCommercial bool             `json:"non_commercial"`
	Bytes         int64            `json:"bytes"` // of all files; -1 if the server does not say
	Files         []RepositoryFile `json:"files"`
}

// RepositoryFile is a file of a repository.
type RepositoryFile struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"` // -1 if the server does not say
}

// repository asks Hugging Face about a repository.
func (s *Server) repository(_ http.ResponseWriter, r *http.Request) (any, error) {
	reference, ok := strings.CutPrefix(r.URL.Query().Get("name"), onFace)
	if !ok {
		return nil, wrong("want a name such as %sOWNER/NAME", onFace)
	}
	of, chosen, err := s.lookUp(r.Context(), reference)
	if err != nil {
		return nil, err
	}
	out := Repository{Name: onFace + reference, Commit: of.Commit, Licence: of.Licence, NonCommercial: of.NonCommercial()}
	for _, f := range chosen {
		out.Files = append(out.Files, RepositoryFile{f.Name, f.Bytes})
		if f.Bytes < 0 {
			out.Bytes = -1
		} else if out.Bytes >= 0 {
			out.Bytes += f.Bytes
		}
	}
	return out, nil
}

// lookUp returns a repository and those of its files that make up the model.
func (s *Server) lookUp(ctx context.Context, reference string) (*hub.Repository, []hub.RepositoryFile, error) {
	if s.options.Hub == nil {
		return nil, nil, wrong("this server downloads nothing")
	}
	name, revision, err := hub.ParseReference(reference)
	if err != nil {
		return nil, nil, wrong("%s is no repository such as OWNER/NAME or OWNER/NAME@REVISION", files.Quote(reference))
	}
	r, err := s.options.Hub.Repository(ctx, name, revision)
	if err != nil {
		return nil, nil, err
	}
	chosen, err := r.Select()
	if err != nil {
		return nil, nil, fmt.Errorf("%w, such as by: vertebra pull %s%s --file NAME", err, onFace, reference)
	}
	return r, chosen, nil
}

// startRepository starts the download of a repository.
func (s *Server) startRepository(q Request, reference string) (any, error) {
	if s.options.Hub == nil {
		return nil, wrong("this server downloads nothing")
	}
	if _, _, err := hub.ParseReference(reference); err != nil {
		return nil, wrong("%v", err)
	}
	return s.jobs.start(q, false, func(ctx context.Context, t *task) (any, error) {
		t.note("asking for %s", q.Model)
		r, chosen, err := s.lookUp(ctx, reference)
		if err != nil {
			return nil, err
		}
		if r.NonCommercial() && !q.Accept {
			return nil, nonCommercial(q.Model, r.Licence)
		}
		h := *s.options.Hub
		h.Progress = t.downloading(chosen)
		all, err := h.FetchRepository(ctx, r)
		if err != nil {
			return nil, err
		}
		out := Downloaded{}
		for _, f := range all {
			out.add(f)
		}
		choices := s.engine.repositories()
		if i := slices.IndexFunc(choices, func(c Choice) bool { return c.Name == onFace+r.Name }); i >= 0 {
			out.Fits = choices[i].Model
		}
		return out, nil
	})
}

func nonCommercial(name, licence string) error {
	return &statusError{http.StatusForbidden, fmt.Sprintf("%s has a licence that forbids commercial use (%s): accept it first", name, licence)}
}

// downloading returns what tells the progress of several files as one.
func (t *task) downloading(all []hub.RepositoryFile) func(hub.Progress) {
	before, total, known := map[string]int64{}, int64(0), true
	for _, f := range all {
		before[f.Name] = total
		known = known && f.Bytes >= 0
		total += max(f.Bytes, 0)
	}
	if !known {
		total = 0
	}
	return func(p hub.Progress) {
		switch p.State {
		case hub.Receiving:
			t.note("%s", p.Name)
		case hub.Checking:
			t.note("comparing %s with its hash", p.Name)
		case hub.Waiting:
			t.note("%s: %s; again in %v", p.Name, line(p.Why), p.Wait)
		case hub.Locked:
			t.note("%s: another program downloads it", p.Name)
		}
		t.progress(before[p.Name]+p.Done, max(total, before[p.Name]+p.Total), "bytes")
	}
}
