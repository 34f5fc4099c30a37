package files

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// holds fails unless the folder has only the named files, and the file at path has the
// text want.
func holds(t *testing.T, path, want, folder string, names ...string) {
	t.Helper()
	if data, err := os.ReadFile(path); err != nil || string(data) != want {
		t.Errorf("%s: %q, %v, want %q", path, data, err, want)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, e := range entries {
		have = append(have, e.Name())
	}
	if strings.Join(have, " ") != strings.Join(names, " ") {
		t.Errorf("%s holds %q, want %q", folder, have, names)
	}
}

// TestWrite writes a file, replaces it, and keeps it if writing fails or panics.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for _, s := range []string{"one", "two"} {
		if err := Write(path, text(s)); err != nil {
			t.Error(err)
		}
		holds(t, path, s, dir, "a")
	}
	broken := errors.New("broken")
	err := Write(path, func(w io.Writer) error { return errors.Join(text("three")(w), broken) })
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	func() {
		defer func() { recover() }()
		Write(path, func(io.Writer) error { panic("broken") })
	}()
	holds(t, path, "two", dir, "a")
	if err := Writable(path); err != nil {
		t.Error(err)
	}
	holds(t, path, "two", dir, "a")
}

// TestWriteLong writes to a name as long as names can be.
func TestWriteLong(t *testing.T) {
	dir := t.TempDir()
	name := strings.Repeat("n", 251) + ".png"
	path := filepath.Join(dir, name)
	if err := errors.Join(Writable(path), Write(path, text("long"))); err != nil {
		t.Error(err)
	}
	holds(t, path, "long", dir, name)
}

// TestWriteLink shows that links stay, and that the file at their end is written. It
// need not exist.
func TestWriteLink(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	for _, d := range []string{"far/away", "links"} {
		if err := os.MkdirAll(at(d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"links/second": filepath.FromSlash("../far/away/file"), "links/first": "second",
		"links/whole": at("far/away/file"), "links/folder": filepath.FromSlash("../far/away"),
		"links/up": filepath.FromSlash("folder/../away/file"), // folder's parent is far
	} {
		if err := os.Symlink(to, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"first", "second", "whole", "up", "folder/file"} {
		for _, s := range []string{"new", "old"} { // a missing and an existing file
			if err := Write(at("links/"+name), text(name+s)); err != nil {
				t.Error(name, err)
			}
			holds(t, at("far/away/file"), name+s, at("far/away"), "file")
			holds(t, at("links/first"), name+s, at("links"), "first", "folder", "second", "up", "whole")
		}
		if err := os.Remove(at("far/away/file")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("loop", at("loop")); err != nil {
		t.Fatal(err)
	}
	if err := Write(at("loop"), text("a")); err == nil || !strings.HasPrefix(err.Error(), at("loop")+": ") {
		t.Error(err)
	}
}

// TestReplace writes as Write does: through a link, with the permissions that there were,
// and nothing if writing fails.
func TestReplace(t *testing.T) {
	dir, links := t.TempDir(), t.TempDir()
	path, link := filepath.Join(dir, "a"), filepath.Join(links, "film.mp4")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	write := func(s string) func(string) error {
		return func(temporary string) error {
			if filepath.Ext(temporary) != ".mp4" {
				t.Errorf("it writes to %s", temporary)
			}
			return os.WriteFile(temporary, []byte(s), 0o644)
		}
	}
	for _, s := range []string{"one", "two"} {
		if err := Replace(link, write(s)); err != nil {
			t.Error(err)
		}
		holds(t, path, s, dir, "a")
		holds(t, link, s, links, "film.mp4")
		if info, err := os.Stat(path); err != nil || s == "two" && info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	broken := errors.New("broken")
	if err := Replace(link, func(temporary string) error { return errors.Join(write("three")(temporary), broken) }); !errors.Is(err, broken) {
		t.Error(err)
	}
	holds(t, path, "two", dir, "a")
	if err := Replace(link, func(string) error { return nil }); err == nil || !strings.HasPrefix(err.Error(), link+": ") {
		t.Errorf("nothing was written: %v", err)
	}
	holds(t, path, "two", dir, "a")
	if err := Replace(dir, write("a")); err == nil || err.Error() != dir+": is a folder, want a file" {
		t.Error(err)
	}
}

// TestWriteErrors shows that errors name the path, not the temporary file.
func TestWriteErrors(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		dir:                               dir + ": is a folder, want a file",
		filepath.Join(dir, "none", "a"):   filepath.Join(dir, "none", "a") + ": no such file or directory",
		filepath.Join(dir, "none", "a\n"): Quote(filepath.Join(dir, "none", "a\n")) + ": no such file or directory",
	} {
		if err := Write(path, text("a")); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		if err := Writable(path); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
