package ui

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestUntilClosed waits for the last page and the last job, and a while longer.
func TestUntilClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		start := time.Now()
		s.watchers.add(1)
		go func() {
			time.Sleep(time.Hour) // of the test's own clock
			s.watchers.add(-1)
			time.Sleep(30 * time.Second)
			s.watchers.add(2)
			time.Sleep(time.Hour)
			s.watchers.add(-2)
		}()
		_, err = s.jobs.start(Request{Kind: "download"}, false, func(ctx context.Context, _ *task) (any, error) {
			time.Sleep(3 * time.Hour)
			return nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s.UntilClosed(t.Context(), time.Minute)
		if waited, want := time.Since(start), 3*time.Hour+time.Minute; waited != want {
			t.Errorf("waited %v, want %v", waited, want)
		}
		s.UntilClosed(t.Context(), time.Minute)
		if waited, want := time.Since(start), 3*time.Hour+2*time.Minute; waited != want {
			t.Errorf("without a page and a job: waited %v, want %v", waited, want)
		}
	})
}
