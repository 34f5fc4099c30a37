package index

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// TestLockIndex checks that a file that is left behind locks nothing, and that only
// one goroutine at a time has the lock.
func TestLockIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path+".lock", []byte("a process that was killed"), 0o644); err != nil {
		t.Fatal(err)
	}
	var inside, count atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				unlock, err := lockIndex(context.Background(), path, func() {})
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d have the lock", n)
				}
				count.Add(1)
				inside.Add(-1)
				unlock()
			}
		})
	}
	all.Wait()
	if n := count.Load(); n != 160 {
		t.Errorf("%d of 160", n)
	}
	if _, err := lockIndex(context.Background(), filepath.Join(path, "none", "x"), func() {}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in no folder: %v", err)
	}
}
