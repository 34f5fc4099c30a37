package batch

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/batch/store"
)

// TestUnmounted does units of which no picture can be seen, and reads from a disk that fails.
// The folders are there, as the mount points of disks are, or they may not be looked into.
func TestUnmounted(t *testing.T) {
	dir, m := sources(t), open(t, "lenet")
	j := begin(t, m, Options{Out: store.Folder(t.TempDir()), Sources: []string{"photos", "shard.tar"}, Folder: dir, Unit: 8, Spec: Spec{Task: Classify}})
	mount := t.TempDir()
	for _, name := range []string{"photos/a", "photos/b"} {
		if err := os.MkdirAll(filepath.Join(mount, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var place *PlaceError
	for _, folder := range []string{t.TempDir(), mount} {
		for n, first := range []string{"photos/a/0.png", "shard.tar"} {
			_, err := (&Worker{Job: j, Model: m, Folder: folder}).Do(context.Background(), n)
			if !errors.As(err, &place) || !strings.Contains(err.Error(), "none of the pictures is there") || !strings.Contains(err.Error(), first) {
				t.Error(err)
			}
		}
	}
	u := &unit{Worker: &Worker{Job: j}, items: make([]Item, 2), sums: make([]string, 2)}
	for i, want := range []bool{false, true} {
		if _, err := u.next(i, &vision.InputError{Err: fs.ErrPermission}); errors.As(err, &place) != want {
			t.Errorf("picture %d that may not be read: %v", i, err)
		}
	}
	if missing, _ := j.Missing(context.Background()); len(missing) != 2 {
		t.Errorf("%v", missing)
	}
	for _, err := range []error{io.ErrClosedPipe, syscall.EIO, syscall.ETIMEDOUT, syscall.EMFILE, context.Canceled} {
		if !errors.As(placed(err), &place) {
			t.Errorf("%v is the picture's", err)
		}
	}
}

// TestOddPaths does a unit with paths that no disk can open. Each is a row with its error.
func TestOddPaths(t *testing.T) {
	dir, m := sources(t), open(t, "lenet")
	photos := filepath.Join(dir, "photos")
	if err := errors.Join(os.Symlink("loop.png", filepath.Join(photos, "loop.png")), os.Symlink("notes.md/x.png", filepath.Join(photos, "through.png")),
		os.Symlink(strings.Repeat("x", 300), filepath.Join(photos, "long.png"))); err != nil {
		t.Fatal(err)
	}
	j := begin(t, m, Options{Out: store.Folder(t.TempDir()), Sources: []string{"photos"}, Folder: dir, Spec: Spec{Task: Classify}}, 0)
	failed := map[string]string{}
	for _, r := range rowsOf[classRow](t, j, 0) {
		if r.Error != "" {
			failed[filepath.Base(r.Path)] = r.Error
		}
	}
	for name, want := range map[string]string{"loop.png": "too many levels", "through.png": "not a directory", "long.png": "name too long"} {
		if !strings.Contains(failed[name], want) {
			t.Errorf("%s: %q, want %s", name, failed[name], want)
		}
	}
	if len(failed) != 5 {
		t.Errorf("%q", failed)
	}
}

// TestForeignFiles has files beside those of units, whose names are nearly such.
func TestForeignFiles(t *testing.T) {
	dir, m := sources(t), open(t, "lenet")
	out := store.Folder(t.TempDir())
	j := begin(t, m, Options{Out: out, Sources: []string{"photos"}, Folder: dir, Unit: 2, Spec: Spec{Task: Classify}})
	for _, name := range []string{"part--7.parquet", "part--0001.parquet", "part-3.parquet", "part-+0003.parquet", "part-000003.parquet", "part-00004.parquet", "part-00002.npy", "part-00003"} {
		if err := os.WriteFile(filepath.Join(string(out), name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if missing, err := j.Missing(context.Background()); err != nil || !slices.Equal(missing, []int{0, 1, 2, 3}) {
		t.Errorf("%v, %v", missing, err)
	}
	if s, err := j.Status(context.Background()); err != nil || s.Done != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, n := range []int{0, 17, 99999, 123456} {
		for kind, name := range map[byte]string{1: PartFile(n), 2: vectorFile(n)} {
			if got, k, ok := unitOf(name); got != n || k != kind || !ok {
				t.Errorf("%s: %d, %d, %v", name, got, k, ok)
			}
		}
	}
}

// TestBadSources names what is wrong with sources. No job begins.
func TestBadSources(t *testing.T) {
	dir := sources(t)
	for name, content := range map[string]string{"loop.txt": "loop.txt\n", "bad.txt": "photos\nnone.png\n", "cut.tar": "", "x.zip": "PK", "y.tar.gz": "x"} {
		if content == "" {
			b, err := os.ReadFile(filepath.Join(dir, "shard.tar"))
			if err != nil {
				t.Fatal(err)
			}
			content = string(b[:600])
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{
		"loop.txt": "loop.txt, line 1: loop.txt: the list names itself", "bad.txt": "bad.txt, line 2: ", "none*.png": "none*.png: no such file",
		"cut.tar": "cut.tar: 000006.png: the archive ends before it does", "x.zip": "x.zip: zip: not a valid zip file", "y.tar.gz": "y.tar.gz: the parts of a compressed archive",
		"empty": "empty: no picture in this folder", "gone": "no such file or directory",
	} {
		out := t.TempDir()
		_, err := Open(context.Background(), Options{Out: store.Folder(out), Sources: []string{source}, Folder: dir})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
		if left, _ := os.ReadDir(out); len(left) > 0 {
			t.Errorf("%s: %v", source, left)
		}
	}
}

// TestArchives lists an archive that has a name twice, as "tar --append" makes, and reads
// one that has changed since it was listed.
func TestArchives(t *testing.T) {
	dir, m, ctx := sources(t), open(t, "lenet"), context.Background()
	var twice bytes.Buffer
	w := tar.NewWriter(&twice)
	for _, n := range []int{1, 2, 1} {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d.png", n), Size: int64(len(picture(n))), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		w.Write(picture(n))
	}
	w.Close()
	at := filepath.Join(dir, "twice.tar")
	if err := os.WriteFile(at, twice.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	o := Options{Out: store.Folder(t.TempDir()), Sources: []string{"twice.tar"}, Folder: dir, Spec: Spec{Task: Classify}}
	j := begin(t, m, o, 0)
	if rows, paths, bad, err := j.Count(ctx); rows != 2 || paths != 2 || bad != 0 || err != nil || j.Pictures() != 2 {
		t.Errorf("%d rows, %d paths, %d errors, %v, %d pictures", rows, paths, bad, err, j.Pictures())
	}
	o.Out, o.AsListed = store.Folder(t.TempDir()), true
	begin(t, m, o)
	if err := os.WriteFile(at, twice.Bytes()[512:], 0o644); err != nil {
		t.Fatal(err)
	}
	j = begin(t, m, o)
	var place *PlaceError
	var changed *ChangedError
	if _, err := (&Worker{Job: j, Model: m}).Do(ctx, 0); err == nil || !strings.Contains(err.Error(), "twice.tar has changed since the job began") {
		t.Error(err)
	}
	items, err := j.Items(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := content(ctx, j.Places, dir, items[0]); !errors.As(err, &place) || !errors.As(err, &changed) {
		t.Error(err)
	}
}
