package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// photos writes a folder of small pictures, all different.
func photos(t *testing.T, n int) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "photos")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		data, err := os.ReadFile(photograph(t, 8+i, 9))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.png", i)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// lines tells of each line that is written to it.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// TestSearchAtOnce searches a folder without an index from several sides at the
// same time: all give the same answer, and the index holds each picture once.
func TestSearchAtOnce(t *testing.T) {
	w, folder := smallCLIP(t, 1), photos(t, 12)
	answers := make([]string, 4)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			var out strings.Builder
			var r searched
			args := []string{"search", folder, "ab", "--weights", w, "--json", "--top", "20", "--device", "cpu"}
			if status := run(context.Background(), args, &out, io.Discard); status != 0 {
				t.Errorf("status %d", status)
				return
			}
			if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
				t.Error(err)
			}
			answers[i] = fmt.Sprint(r.Pictures, r.Found)
		})
	}
	all.Wait()
	for i, a := range answers {
		if !strings.HasPrefix(a, "12 ") || a != answers[0] {
			t.Errorf("search %d says %s, search 0 %s", i, a, answers[0])
		}
	}
	whole, err := os.ReadFile(folder + ".vertebra")
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	x := &index{width: 12}
	for at := int64(headSize); at < int64(len(whole)); records++ {
		_, r, ok := x.record(whole[at:])
		if !ok {
			t.Fatalf("after %d records: a broken one", records)
		}
		at += r.length
	}
	if records != 12 {
		t.Errorf("%d records, want 12", records)
	}
	if left, err := filepath.Glob(folder + ".vertebra?*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestSearchWaits lets a search wait for another process, and be interrupted.
func TestSearchWaits(t *testing.T) {
	w, folder := smallCLIP(t, 1), photos(t, 1)
	unlock, err := lockIndex(context.Background(), folder+".vertebra", func() { t.Error("nobody has locked it") })
	if err != nil {
		t.Fatal(err)
	}
	for _, interrupt := range []bool{true, false} {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		says, done := make(lines), make(chan int)
		go func() {
			done <- run(ctx, []string{"search", folder, "ab", "--weights", w, "-q", "--device", "cpu"}, io.Discard, says)
		}()
		if line := <-says; !strings.HasSuffix(line, "another process is writing to the index: waiting for it\n") {
			t.Errorf("it says %q", line)
		}
		if interrupt {
			cancel()
			if line, status := <-says, <-done; status != interrupted || line != "vertebra: interrupted\n" {
				t.Errorf("interrupted: %q, status %d", line, status)
			}
			continue
		}
		unlock()
		if status := <-done; status != 0 {
			t.Errorf("status %d", status)
		}
	}
}

// TestLockIndex checks that a file which is left behind locks nothing, and that
// one at a time has the lock.
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
