package weights

import (
	"archive/zip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// twin returns the path of the safetensors file with the same tensors.
func twin(path string) string {
	name := strings.TrimSuffix(path, filepath.Ext(path))
	for _, suffix := range []string{"_protocol4", "_legacy", "_zip", "_tar", "_deflated"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name + ".safetensors"
}

func pytorchFiles(t testing.TB, dir string) []string {
	t.Helper()
	var files []string
	for _, ext := range []string{"*.pth", "*.pt", "*.th"} {
		found, err := filepath.Glob(filepath.Join(dir, ext))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Fatalf("no PyTorch files in %s", dir)
	}
	return files
}

// same checks that two sources have equal tensors, bit for bit as float32.
func same(t *testing.T, got, want Checkpoint) {
	t.Helper()
	a, b := slices.Sorted(slices.Values(got.Names())), slices.Sorted(slices.Values(want.Names()))
	if !slices.Equal(a, b) {
		t.Fatalf("names %v, want %v", a, b)
	}
	for _, n := range a {
		g, err := got.Tensor(n)
		if err != nil {
			t.Fatal(err)
		}
		w, err := want.Tensor(n)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := tensor.Diff(g, w); err != nil || d.Max != 0 {
			t.Errorf("%s: %v %v", n, d, err)
		}
		ge, _ := got.Entry(n)
		we, _ := want.Entry(n)
		if ge.DType != we.DType || !ge.Shape.Equal(we.Shape) || ge.Bytes != we.Bytes {
			t.Errorf("%s: entry %v, want %v", n, ge, we)
		}
	}
}

// trimKey removes the path to the state dict and DataParallel's prefix from the
// names of a twin, which are whole paths.
func trimKey(src Source, key string) Source {
	return Rename(src, func(name string) string {
		return strings.TrimPrefix(strings.TrimPrefix(name, key+"."), "module.")
	})
}

type renamedCheckpoint struct {
	Checkpoint
	names Source
}

func (r renamedCheckpoint) Names() []string                            { return r.names.Names() }
func (r renamedCheckpoint) Tensor(name string) (*tensor.Tensor, error) { return r.names.Tensor(name) }
func (r renamedCheckpoint) Entry(name string) (Entry, bool) {
	return r.Checkpoint.Entry(r.names.(renamed).from[name])
}

func TestPyTorchPairs(t *testing.T) {
	for _, path := range pytorchFiles(t, "testdata/pth") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			got, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			want, err := Open(twin(path))
			if err != nil {
				t.Fatal(err)
			}
			defer want.Close()
			same(t, got, renamedCheckpoint{want, trimKey(want, got.(*PyTorch).Key)})
		})
	}
}

// TestPyTorchData reads real files, which a plain clone does not have.
func TestPyTorchData(t *testing.T) {
	data := os.Getenv("VERTEBRA_DATA")
	if data == "" {
		return
	}
	for _, path := range pytorchFiles(t, filepath.Join(data, "weights")) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			got, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			for _, n := range got.Names() {
				e, _ := got.Entry(n)
				x, err := got.Tensor(n)
				if err != nil || !x.Shape.Equal(e.Shape) || len(x.Data) != e.Shape.Len() {
					t.Fatalf("%s: %v, entry %v: %v", n, x, e, err)
				}
			}
			if want, err := Open(twin(path)); err == nil {
				defer want.Close()
				same(t, got, want)
			}
		})
	}
}

func TestPyTorchTruncated(t *testing.T) {
	for _, path := range pytorchFiles(t, "testdata/pth") {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for n := range file {
			// Limit the capacity, too: a read past the end must not find the rest.
			if _, err := ReadPyTorch(file[:n:n]); err == nil {
				t.Fatalf("%s: no error after %d of %d bytes", path, n, len(file))
			}
		}
	}
}

func TestPyTorchFlippedBits(t *testing.T) {
	for _, path := range pytorchFiles(t, "testdata/pth") {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		const block = 64 // reads of the allocator's statistics take the most time
		for i := 0; i < len(file); i += block {
			bounded(t, block*len(file), func() {
				for j := i; j < min(i+block, len(file)); j++ {
					file[j] ^= 0xff
					readAll(t, file)
					file[j] ^= 0xff
				}
			})
		}
	}
}

// bounded fails if f allocates much more than size.
func bounded(t *testing.T, size int, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 200*uint64(size)+32<<20 {
		t.Fatalf("%d bytes allocated for a file of %d", used, size)
	}
}

// readAll reads all tensors that can be read, and checks that none has more
// elements than the file allows.
func readAll(t *testing.T, file []byte) {
	t.Helper()
	p, err := ReadPyTorch(file)
	if err != nil {
		return
	}
	for _, n := range p.Names() {
		e, ok := p.Entry(n)
		if x, err := p.Tensor(n); err == nil && (!ok || len(x.Data) != e.Shape.Len() || len(x.Data) > 1032*len(file)) {
			t.Fatalf("%s: %d elements, entry %v, file of %d bytes", n, len(x.Data), e, len(file))
		}
	}
}

func FuzzPyTorch(f *testing.F) {
	for _, path := range pytorchFiles(f, "testdata/pth") {
		file, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Add(tarFile(f))
	value, storages := dictOf("w", dense("0", 2), "v", strided("0", 2, 1, nil, nil)), map[string][]byte{"0": floats(1, 2)}
	f.Add(archive(f, zip.Deflate, value, storages))
	f.Add(archive(f, zip.Store, dictOf("netG", value, "netD", dictOf("a.b", dense("0", 1))), storages, "data/0", "again"))
	f.Add(legacy(value, dictOf("little_endian", true), []string{"0"}, storages))
	f.Fuzz(func(t *testing.T, file []byte) {
		bounded(t, len(file), func() { _, _ = ReadPyTorch(file) })
		readAll(t, file)
	})
}
