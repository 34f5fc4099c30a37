package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestOpen opens a file, a link to it, and things that are no files.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link} {
		if data, err := ReadFile(p); err != nil || string(data) != "text" {
			t.Errorf("%s: %q, %v", p, data, err)
		}
	}
	if _, err := Open(dir); err == nil || err.Error() != dir+": a folder, want a regular file" || !errors.Is(err, ErrNotRegular) {
		t.Errorf("a folder: %v", err)
	}
	odd := filepath.Join(dir, "a\x1bb")
	if _, err := ReadFile(odd); !errors.Is(err, fs.ErrNotExist) || err.Error() != Quote(odd)+": no such file or directory" {
		t.Errorf("a missing file: %v", err)
	}
}

// TestNamed shows that the path stands once in an error, and without the call.
func TestNamed(t *testing.T) {
	_, missing := os.Stat(filepath.Join(t.TempDir(), "missing"))
	plain := errors.New("broken")
	for _, c := range []struct {
		err  error
		want string
	}{
		{missing, "a: no such file or directory"},
		{Named("a", missing), "a: no such file or directory"},
		{Named("a", plain), "a: broken"},
		{Named("a", Named("a", plain)), "a: broken"},
		{Named("b", missing), "a: b: no such file or directory"},
	} {
		if got := Named("a", c.err); got.Error() != c.want {
			t.Errorf("Named(a, %v) = %v, want %s", c.err, got, c.want)
		}
	}
	if err := Named("a\n", plain); err.Error() != `"a\n": broken` || !errors.Is(err, plain) {
		t.Errorf("%v", err)
	}
	if Named("a", nil) != nil {
		t.Error("an error of nil")
	}
}
