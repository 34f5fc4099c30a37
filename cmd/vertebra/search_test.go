package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/index"
)

// TestSearch follows a folder: pictures come, change and go, are unreadable, and
// the index of another model is left alone.
func TestSearch(t *testing.T) {
	w, folder := smallCLIP(t, 1), filepath.Join(t.TempDir(), "photos")
	if err := os.MkdirAll(filepath.Join(folder, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(name string, width, height int) {
		t.Helper()
		data, err := os.ReadFile(photograph(t, width, height))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found := func(args ...string) map[string]float32 {
		t.Helper()
		var r searched
		args = append([]string{"search", folder, "ab", "--weights", w, "--json"}, args...)
		if err := json.Unmarshal([]byte(ok(t, args...)), &r); err != nil {
			t.Fatal(err)
		}
		all := map[string]float32{}
		for i, f := range r.Found {
			all[f.File] = f.Cosine
			if i > 0 && f.Cosine > r.Found[i-1].Cosine {
				t.Errorf("not in order: %v", r.Found)
			}
		}
		return all
	}
	a, b, s := filepath.Join(folder, "a.png"), filepath.Join(folder, "b.png"), filepath.Join(folder, "sub", "c.png")
	put("a.png", 9, 9)
	put("b.png", 30, 9)
	put("sub/c.png", 9, 30)
	first := found("--batch", "2")
	if len(first) != 3 {
		t.Fatalf("%v", first)
	}
	var r []matched
	if err := json.Unmarshal([]byte(ok(t, "match", s, "--text", "ab", "--weights", w, "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if d := r[0].Texts[0].Cosine - float64(first[s]); d > 1e-5 || d < -1e-5 {
		t.Errorf("search says %v, match %v", first[s], r[0].Texts[0].Cosine)
	}
	index := folder + ".vertebra"
	size := func() int64 {
		info, err := os.Stat(index)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	old := size()
	if again := found("--top", "1"); len(again) != 1 || size() != old {
		t.Errorf("nothing has changed: %v, %d bytes, %d before", again, size(), old)
	}
	put("a.png", 31, 8)
	if err := os.Remove(b); err != nil {
		t.Fatal(err)
	}
	second := found()
	if len(second) != 2 || second[a] == first[a] || second[s] != first[s] {
		t.Errorf("a has changed, b has gone: %v, before %v", second, first)
	}
	whole, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	status, _, stderr := vertebra("search", folder, "ab", "--weights", smallCLIP(t, 2))
	if status != 1 || !strings.Contains(stderr, "the index was made with another model") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("another model: status %d, %s", status, stderr)
	}
	if now, err := os.ReadFile(index); err != nil || !slices.Equal(now, whole) {
		t.Errorf("another model has changed the index: %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "bad.jpg"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	status, _, stderr = vertebra("search", folder, "ab", "--weights", w)
	if status != 0 || !strings.Contains(stderr, "left out 1 of 3 pictures") {
		t.Errorf("a bad picture: status %d, %s", status, stderr)
	}
	if all := found(); len(all) != 2 {
		t.Errorf("after a bad picture: %v", all)
	}
	for i := range 12 { // more is replaced than is left: the index is written anew
		put("a.png", 10+i, 8)
		if all := found(); len(all) != 2 {
			t.Fatalf("%v", all)
		}
	}
	if size() > 3*old {
		t.Errorf("the index has grown to %d bytes, from %d", size(), old)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(folder), ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

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

// TestSearchWaits lets a search wait for another process, and be interrupted.
func TestSearchWaits(t *testing.T) {
	w, folder := smallCLIP(t, 1), photos(t, 2)
	m, err := vision.Open(w, vision.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	x, err := index.Open(m, folder, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	search := func(ctx context.Context) (says lines, done chan int) {
		says, done = make(lines), make(chan int)
		go func() {
			done <- run(ctx, []string{"search", folder, "ab", "--weights", w, "-q", "--device", "cpu"}, io.Discard, says)
		}()
		if line := <-says; !strings.HasSuffix(line, "another process is writing to the index: waiting for it\n") {
			t.Errorf("it says %q", line)
		}
		return says, done
	}
	var done chan int
	for _, err := range x.Update(context.Background()) { // which is at work meanwhile
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		says, ended := search(ctx)
		cancel()
		if line, status := <-says, <-ended; status != interrupted || line != "vertebra: interrupted\n" {
			t.Errorf("interrupted: %q, status %d", line, status)
		}
		_, done = search(context.Background())
		break
	}
	if status := <-done; status != 0 {
		t.Errorf("status %d", status)
	}
}
