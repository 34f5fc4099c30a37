package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// all reads a file.
func all(t *testing.T, s Store, name string) string {
	t.Helper()
	f, err := s.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestFolder lets writers race for one file, and ends writers at every moment.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b]")
	s, ctx := Folder(dir), context.Background()
	if _, err := s.Open(ctx, "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for _, err := range s.List(ctx) {
		t.Errorf("a folder that is not there has a file, %v", err)
	}
	broken := errors.New("broken")
	half := func(w io.Writer) error {
		io.WriteString(w, "half")
		return broken
	}
	if made, err := s.Create(ctx, "x", half); made || !errors.Is(err, broken) {
		t.Errorf("%v, %v", made, err)
	}
	ended, end := context.WithCancel(ctx)
	end()
	if made, err := s.Create(ended, "x", text("x")); made || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", made, err)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) > 0 {
		t.Errorf("%v is left, %v", names, err)
	}
	// A writer that was killed leaves its temporary, until the file is there.
	for _, stale := range []string{".writing-x-1", ".writing-x.y-2"} {
		if err := os.WriteFile(filepath.Join(dir, stale), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	won := make(chan string, 8)
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		group.Go(func() {
			made, err := s.Create(ctx, "x", text(name))
			if err != nil {
				t.Error(err)
			}
			if made {
				won <- name
			}
		})
	}
	group.Wait()
	close(won)
	first := <-won
	if got := all(t, s, "x"); got != first || len(won) > 0 {
		t.Errorf("the file is %q, and %q was the first of %d", got, first, len(won)+1)
	}
	if made, err := s.Create(ctx, "x", text("late")); made || err != nil || all(t, s, "x") != first {
		t.Errorf("%v, %v", made, err)
	}
	if made, err := s.Create(ctx, "deep/y", text("y")); !made || err != nil || all(t, s, "deep/y") != "y" {
		t.Errorf("%v, %v", made, err)
	}
	var listed []string
	for e, err := range s.List(ctx) {
		if err != nil || e.Size != 1 || e.Time.IsZero() {
			t.Errorf("%+v, %v", e, err)
		}
		listed = append(listed, e.Path)
	}
	if !slices.Equal(listed, []string{"x"}) {
		t.Error(listed)
	}
	if left, _ := filepath.Glob(filepath.Join(pattern(dir), ".writing-*")); len(left) != 1 {
		t.Errorf("%v is left, want one of another file", left)
	}
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}
