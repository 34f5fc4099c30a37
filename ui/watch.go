package ui

import (
	"context"
	"math"
	"sync"
	"time"
)

// watchers counts the pages that are open: each has a stream of events.
type watchers struct {
	mu      sync.Mutex
	open    int
	changed chan struct{} // closed at the next change
}

// add counts n more pages.
func (w *watchers) add(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open += n
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *watchers) now() (open int, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open, w.changed
}

// UntilClosed waits until no page has been open and no job has been under way for the
// time quiet, or until ctx ends.
func (s *Server) UntilClosed(ctx context.Context, quiet time.Duration) {
	for {
		open, pages := s.watchers.now()
		_, _, jobs := s.jobs.since(math.MaxInt64)
		var over <-chan time.Time
		if open == 0 && !s.jobs.underWay() {
			over = time.After(quiet)
		}
		select {
		case <-pages:
		case <-jobs:
		case <-over:
			return
		case <-ctx.Done():
			return
		}
	}
}
