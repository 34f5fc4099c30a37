package batch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/batch/store"
)

// picture is a PNG that differs for each number.
func picture(n int) []byte {
	m := image.NewGray(image.Rect(0, 0, 28, 28))
	for y := range 28 {
		for x := range 28 {
			m.SetGray(x, y, color.Gray{Y: uint8((x*n + y*y) * 7)})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// sources makes a folder with a tar and a zip beside it, and a list of all. It has 12
// pictures that can be read and two that cannot.
func sources(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write := func(name string, b []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		write(fmt.Sprintf("photos/%c/%d.png", 'a'+i%2, i), picture(i))
	}
	write("photos/a/broken.jpg", []byte("no picture"))
	write("photos/notes.md", nil)
	if err := os.Symlink("nowhere", filepath.Join(dir, "photos/b/dangling.png")); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for i := 6; i < 9; i++ {
		for _, name := range []string{fmt.Sprintf("%06d.png", i), fmt.Sprintf("%06d.txt", i)} {
			if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(picture(i))), Mode: 0o644}); err != nil {
				t.Fatal(err)
			}
			w.Write(picture(i))
		}
	}
	w.Close()
	write("shard.tar", archive.Bytes())
	archive.Reset()
	z := zip.NewWriter(&archive)
	for i := 9; i < 12; i++ {
		e, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("in/%d.png", i), Method: []uint16{zip.Store, zip.Deflate}[i%2]})
		if err != nil {
			t.Fatal(err)
		}
		e.Write(picture(i))
	}
	z.Close()
	write("shard.zip", archive.Bytes())
	write("all.txt", []byte("photos\n\nshard.*\r\nphotos/a/0.png\n"))
	return dir
}

// paths are those of sources in their order.
var paths = []string{
	"photos/a/0.png", "photos/a/2.png", "photos/a/4.png", "photos/a/broken.jpg", "photos/b/1.png", "photos/b/3.png", "photos/b/5.png", "photos/b/dangling.png",
	"shard.tar/000006.png", "shard.tar/000007.png", "shard.tar/000008.png", "shard.zip/in/9.png", "shard.zip/in/10.png", "shard.zip/in/11.png",
}

// number is that of the picture at one of paths, or -1 if it cannot be read.
func number(path string) (n int) {
	if strings.Contains(path, "broken") || strings.Contains(path, "dangling") {
		return -1
	}
	fmt.Sscanf(strings.TrimLeft(strings.TrimSuffix(path[strings.LastIndex(path, "/")+1:], ".png"), "0"), "%d", &n)
	return n
}

func open(t *testing.T, name string) *vision.Model {
	t.Helper()
	m, err := vision.Open(name, vision.Options{Device: "cpu", Batch: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func fingerprint(t *testing.T, m *vision.Model) string {
	t.Helper()
	sum, err := Fingerprint(m)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// begin opens the job of sources in a new store, and makes some of its units.
func begin(t *testing.T, m *vision.Model, o Options, units ...int) *Job {
	t.Helper()
	o.Spec.Model, o.Spec.Fingerprint = m.Name, fingerprint(t, m)
	j, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	for _, n := range units {
		r, err := (&Worker{Job: j, Model: m, Name: "me"}).Do(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		if items, _ := j.Items(n); !r.First || r.Pictures != len(items) {
			t.Errorf("%+v", r)
		}
	}
	return j
}

// rowsOf reads the rows of a unit.
func rowsOf[T any](t *testing.T, j *Job, n int) []T {
	t.Helper()
	p, err := openPart(context.Background(), j.Out, PartFile(n))
	if err != nil {
		t.Fatal(err)
	}
	defer p.file.Close()
	all, err := readRows[T](p, PartFile(n))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestClassify makes all units of a job and compares their rows with what the model says.
// It loses one, and does it again.
func TestClassify(t *testing.T) {
	ctx, dir, m := context.Background(), sources(t), open(t, "lenet")
	out := filepath.Join(t.TempDir(), "out")
	o := Options{Out: store.Folder(out), Sources: []string{"all.txt"}, Folder: dir, Unit: 5, Spec: Spec{Task: Classify, Top: 3, SHA256: true}}
	j := begin(t, m, o, 2, 0, 1)
	if j.Units() != 3 || j.Pictures() != len(paths) {
		t.Fatalf("%d units, %d pictures", j.Units(), j.Pictures())
	}
	check := func() {
		t.Helper()
		var got []string
		for n := range 3 {
			for _, r := range rowsOf[classRow](t, j, n) {
				got = append(got, r.Path)
				k := number(r.Path)
				if k < 0 {
					if r.Error == "" || r.Classes != nil || strings.Contains(r.Error, "dangling.png: dangling") {
						t.Errorf("%s: %+v", r.Path, r)
					}
					continue
				}
				if r.Error != "" || r.SHA256 != fmt.Sprintf("%x", sha256.Sum256(picture(k))) {
					t.Errorf("%s: %+v", r.Path, r)
					continue
				}
				for c, err := range m.Classify(ctx, vision.Reader("x", bytes.NewReader(picture(k)))) {
					if err != nil {
						t.Fatal(err)
					}
					var want []Class
					for _, top := range c.Top(3) {
						want = append(want, Class{int32(top.Number), top.Name, top.Probability})
					}
					if !slices.Equal(r.Classes, want) {
						t.Errorf("%s: %v, want %v", r.Path, r.Classes, want)
					}
				}
			}
		}
		if !slices.Equal(got, paths) {
			t.Errorf("%q, want %q", got, paths)
		}
	}
	check()
	if missing, err := j.Missing(ctx); err != nil || len(missing) > 0 {
		t.Errorf("%v are missing, %v", missing, err)
	}
	if r, err := (&Worker{Job: j, Model: m}).Do(ctx, 1); err != nil || r.First || r.Pictures != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := os.Remove(filepath.Join(out, PartFile(1))); err != nil {
		t.Fatal(err)
	}
	j = begin(t, m, o)
	if missing, err := j.Missing(ctx); err != nil || !slices.Equal(missing, []int{1}) {
		t.Errorf("%v are missing, %v", missing, err)
	}
	begin(t, m, o, 1)
	check()

	wrong := func(change func(*Options), want string) {
		t.Helper()
		o := o
		o.Spec.Model, o.Spec.Fingerprint = m.Name, fingerprint(t, m)
		change(&o)
		j, err := Open(ctx, o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if err == nil {
			j.Close()
		}
	}
	wrong(func(o *Options) { o.Spec.Top = 4 }, "_job.parquet: the job is another: top 3, not 4")
	wrong(func(o *Options) { o.Unit = 4 }, "units of 5 pictures, not 4")
	wrong(func(o *Options) { o.Unit = -1 }, "units of -1 pictures")
	wrong(func(o *Options) { o.Sources = []string{"photos"} }, `shard.tar/000006.png is gone since the job began`)
	if err := os.WriteFile(filepath.Join(dir, "photos/a/3.png"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	wrong(func(*Options) {}, `photos/a/3.png is new since the job began`)
	o.AsListed = true
	begin(t, m, o)

	if err := (Spec{Task: Classify, Fingerprint: "f"}).Check(m); err == nil || err.Error() != "lenet is not the job's model: its weights are others, or pictures are prepared in another way" {
		t.Error(err)
	}
	if err := (Spec{Task: "sing"}).Check(m); err == nil || !strings.HasPrefix(err.Error(), `no task "sing", want embed, `) {
		t.Error(err)
	}
	if err := (Spec{Task: Embed}).Check(m); err == nil {
		t.Error("lenet embeds")
	}
}

// TestFeatures compares vectors in Parquet and NumPy with the model's.
func TestFeatures(t *testing.T) {
	ctx, dir, m := context.Background(), sources(t), open(t, "lenet")
	out := store.Folder(t.TempDir())
	o := Options{Out: out, Sources: []string{"shard.zip", "photos/a"}, Folder: dir, Unit: 4, Spec: Spec{Task: Features, Layer: "fc2", NPY: true}}
	j := begin(t, m, o, 0, 1)
	seen := 0
	for v, err := range Vectors(ctx, j) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		k := number(v.Path)
		if k < 0 {
			if v.Error == "" || v.Vector != nil {
				t.Errorf("%+v", v)
			}
			continue
		}
		for f, err := range m.Features(ctx, []string{"fc2"}, vision.Reader("x", bytes.NewReader(picture(k)))) {
			if err != nil || v.Error != "" || !slices.Equal(v.Vector, f.Stages[0].Data) {
				t.Errorf("%s: %v, %v", v.Path, v, err)
			}
		}
	}
	if seen != 7 {
		t.Errorf("%d vectors", seen)
	}
	for n, rows := range []int{4, 3} {
		b, err := readAll(ctx, out, vectorFile(n))
		if err != nil {
			t.Fatal(err)
		}
		if shape := fmt.Sprintf("'shape': (%d, 84,)", rows); !bytes.Contains(b[:80], []byte(shape)) || len(b) != 128+4*84*rows {
			t.Errorf("%q, %d bytes", b[:80], len(b))
		}
	}
	if err := os.Remove(filepath.Join(string(out), vectorFile(0))); err != nil {
		t.Fatal(err)
	}
	if missing, err := j.Missing(ctx); err != nil || !slices.Equal(missing, []int{0}) {
		t.Errorf("%v, %v", missing, err)
	}
	if r, err := (&Worker{Job: j, Model: m}).Do(ctx, 0); err != nil || r.First {
		t.Errorf("%+v, %v", r, err)
	}
	if missing, err := j.Missing(ctx); err != nil || len(missing) > 0 {
		t.Errorf("%v, %v", missing, err)
	}
}

// TestUpscale enlarges pictures to files.
func TestUpscale(t *testing.T) {
	dir, m := sources(t), open(t, "espcn_x2")
	out := store.Folder(t.TempDir())
	j := begin(t, m, Options{Out: out, Sources: []string{"photos/a/*"}, Folder: dir, Spec: Spec{Task: Upscale}}, 0)
	var names []string
	for _, r := range rowsOf[enlargedRow](t, j, 0) {
		if r.Error != "" {
			names = append(names, r.Error)
			continue
		}
		names = append(names, r.Output)
		f, err := os.Open(filepath.Join(string(out), r.Output))
		if err != nil {
			t.Fatal(err)
		}
		c, err := png.DecodeConfig(f)
		if f.Close(); err != nil || c.Width != 56 || r.Width != 56 || r.Height != 56 {
			t.Errorf("%+v, %v", c, err)
		}
	}
	if len(names) != 4 || names[0] != "part-00000/000-0.png" || names[2] != "part-00000/002-4.png" || !strings.Contains(names[3], "broken.jpg") {
		t.Errorf("%q", names)
	}
}
