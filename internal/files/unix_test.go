//go:build unix

package files

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOpenSpecial shows that neither a pipe nor a socket nor a device is waited for.
func TestOpenSpecial(t *testing.T) {
	t.Chdir(t.TempDir()) // a socket's path is short
	if err := syscall.Mkfifo("pipe.jpg", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pipe.jpg", "link.jpg"); err != nil {
		t.Fatal(err)
	}
	s, err := net.Listen("unix", "socket.jpg")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct{ path, want string }{
		{"pipe.jpg", "pipe.jpg: a named pipe, want a regular file"},
		{"link.jpg", "link.jpg: a named pipe, want a regular file"},
		{"socket.jpg", "socket.jpg: a socket, want a regular file"},
		{os.DevNull, "/dev/null: a device, want a regular file"},
	} {
		if _, err := Open(c.path); err == nil || err.Error() != c.want || !errors.Is(err, ErrNotRegular) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// TestWriteMode shows that a new file follows the umask, and that an existing one keeps
// its permissions.
func TestWriteMode(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o027))
	dir := t.TempDir()
	mode := func(path string) os.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	fresh := filepath.Join(dir, "fresh")
	if err := Write(fresh, text("a")); err != nil || mode(fresh) != 0o640 {
		t.Errorf("%v, mode %o, want 640", err, mode(fresh))
	}
	for _, m := range []os.FileMode{0o600, 0o666, 0o444, 0o755} {
		if err := os.Chmod(fresh, m); err != nil {
			t.Fatal(err)
		}
		if err := Write(fresh, text("b")); err != nil || mode(fresh) != m {
			t.Errorf("%v, mode %o, want %o", err, mode(fresh), m)
		}
	}
}

// TestWritePipe writes into what is no file and lets it be.
func TestWritePipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		data, _ := os.ReadFile(path)
		got <- string(data)
	}()
	if err := Write(path, text("through")); err != nil || <-got != "through" {
		t.Error(err)
	}
	if err := Writable(path); err != nil {
		t.Error(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().IsRegular() {
		t.Errorf("%v, %v", info, err)
	}
}
