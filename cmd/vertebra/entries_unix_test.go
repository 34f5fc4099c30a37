//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// badEntries puts entries into a folder that cannot be read, and returns their names.
func badEntries(t *testing.T, dir string) []string {
	t.Helper()
	at := func(name string) string { return filepath.Join(dir, name) }
	long := strings.Repeat("n", 250)
	deep, err := os.OpenRoot(dir)
	for range 20 { // more than a path may have
		if err == nil {
			err = deep.Mkdir(long, 0o755)
		}
		if err == nil {
			deep, err = deep.OpenRoot(long)
		}
	}
	for _, bad := range []error{
		err, syscall.Mkfifo(at("b_pipe.jpg"), 0o600), os.Symlink("b_loop.png", at("b_loop.png")),
		os.Symlink(os.DevNull, at("b_device.gif")), os.Symlink("none", at("b_broken.webp")), os.Symlink(".", at("b_folder.bmp")),
	} {
		if bad != nil {
			t.Fatal(bad)
		}
	}
	return []string{"b_pipe.jpg", "b_loop.png", "b_device.gif", "b_broken.webp", "b_folder.bmp", long + ": file name too long"}
}

// namedOnce fails unless each name stands in one line of text.
func namedOnce(t *testing.T, text string, names []string) {
	t.Helper()
	for _, name := range names {
		n := 0
		for _, line := range strings.Split(text, "\n") {
			if strings.HasPrefix(line, "vertebra: ") && strings.Contains(line, name) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d lines name %s:\n%s", n, name, text)
		}
	}
}

// TestBadEntries runs the commands that walk folders on one with entries that cannot be
// read. Each is named once, and the others have their results.
func TestBadEntries(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "photos")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	seven(t, dir, "a.png", 40)
	seven(t, dir, "c.png", 50)
	if err := os.Symlink("c.png", filepath.Join(dir, "d.png")); err != nil {
		t.Fatal(err)
	}
	bad, w := badEntries(t, dir), smallCLIP(t, 1)
	for _, c := range []struct {
		args   []string
		status int
	}{
		{[]string{"classify", "lenet", dir, "--json", "--top", "1"}, 1},
		{[]string{"match", dir, "--text", "ab", "--text", "a c", "--weights", w, "--json"}, 1},
		{[]string{"search", dir, "ab", "--weights", w, "--json"}, 0},
	} {
		status, stdout, stderr := vertebra(c.args...)
		if status != c.status || !strings.Contains(stderr, "left out 6 of 9 pictures: ") {
			t.Errorf("%s: status %d, %s", c.args[0], status, stderr)
		}
		for _, name := range []string{"a.png", "c.png", "d.png"} {
			if strings.Count(stdout, name) != 1 {
				t.Errorf("%s: %s", c.args[0], stdout)
			}
		}
		namedOnce(t, stderr, bad)
	}
	status, _, stderr := vertebra("classify", "lenet", filepath.Join(dir, "a.png"), filepath.Join(dir, "b_loop.png"), "no-such.png", filepath.Join(dir, "no*such"))
	if status != 1 {
		t.Errorf("arguments: status %d", status)
	}
	namedOnce(t, stderr, []string{"b_loop.png: too many levels", "no-such.png: no such file", "no*such: no such file"})
}

// TestLeavesOut writes rows for the pictures that can be read, and says which they are.
func TestLeavesOut(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	good := []string{seven(t, dir, "a.png", 40), seven(t, dir, "c.png", 50)}
	if err := os.WriteFile(filepath.Join(dir, "b.png"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	bad := append(badEntries(t, dir), "b.png: not an image")
	for _, c := range [][]string{
		{"features", "lenet", dir},
		{"embed", dir, "--weights", smallCLIP(t, 1)},
	} {
		st, npy := filepath.Join(out, c[0]+".safetensors"), filepath.Join(out, c[0]+".npy")
		status, stdout, stderr := vertebra(append(c, "-o", st, "--json")...)
		var r writtenTensors
		if err := json.Unmarshal([]byte(stdout), &r); err != nil || status != 0 {
			t.Fatalf("%s: status %d, %v, %s", c[0], status, err, stderr)
		}
		var list []string
		err := json.Unmarshal([]byte(openFile(t, st).Metadata["pictures"]), &list)
		if err != nil || !slices.Equal(list, good) || !slices.Equal(r.Files, good) || len(r.Left) != len(bad) || r.Tensors[0].Shape[0] != 2 {
			t.Errorf("%s: %v, metadata %v, %+v", c[0], err, list, r)
		}
		namedOnce(t, stderr, bad)

		if status, _, stderr = vertebra(append(c, "-o", npy, "--strict")...); status != 1 {
			t.Errorf("%s --strict: status %d", c[0], status)
		}
		namedOnce(t, stderr, bad)
		text, err := os.ReadFile(npy + ".json")
		var beside rowList
		if err == nil {
			err = json.Unmarshal(text, &beside)
		}
		if err != nil || !slices.Equal(beside.Files, good) || len(beside.Left) != len(bad) {
			t.Errorf("%s: %v, beside the rows stands %+v", c[0], err, beside)
		}
		if _, err := os.Stat(npy); err != nil {
			t.Error(err)
		}
	}
}
