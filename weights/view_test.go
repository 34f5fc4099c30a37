package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/vertebra/vertebra/internal/mapped"
	"github.com/vertebra/vertebra/tensor"
)

// fileOf returns the mapping of a checkpoint.
func fileOf(t testing.TB, src Checkpoint) *mapped.File {
	t.Helper()
	switch s := src.(type) {
	case *Safetensors:
		return s.file
	case *PyTorch:
		return s.file
	}
	t.Fatalf("%T is not a file", src)
	return nil
}

// inFile reports whether x lies in the mapped file.
func inFile(m *mapped.File, x *tensor.Tensor) bool {
	if len(x.Halves) > 0 {
		return m.Holds(unsafe.Slice((*byte)(unsafe.Pointer(&x.Halves[0])), 2*len(x.Halves)))
	}
	return len(x.Data) > 0 && m.Holds(unsafe.Slice((*byte)(unsafe.Pointer(&x.Data[0])), 4*len(x.Data)))
}

// big returns a tensor that is large enough to be used in place.
func big(name string, shape ...int) *tensor.Tensor {
	x := tensor.New(shape...)
	x.Name = name
	for i := range x.Data {
		x.Data[i] = float32(i%1021) - 500.5
	}
	return x
}

func write(t testing.TB, name string, file []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, path string) Checkpoint {
	t.Helper()
	src, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	m := fileOf(t, src)
	t.Cleanup(func() { // so that the file can be removed everywhere
		src.Close()
		if m.Data != nil {
			m.Data.Unmap()
		}
	})
	return src
}

func safetensors(t testing.TB, tensors ...*tensor.Tensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := WriteSafetensors(path, nil, tensors...); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestViewPairs compares views with copies in every file of testdata, with as
// many tensors in place as possible and with none.
func TestViewPairs(t *testing.T) {
	files := pytorchFiles(t, "testdata/pth")
	more, err := filepath.Glob("testdata/pth/*.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, path := range append(files, more...) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			for _, least := range []int{0, mapped.Least(binary.BigEndian)} {
				src := open(t, path)
				m := fileOf(t, src)
				m.Least = least
				for _, n := range src.Names() {
					want, errTensor := src.Tensor(n)
					got, errView := src.View(n)
					if errTensor != nil || errView != nil {
						if errTensor == nil || errView == nil || errTensor.Error() != errView.Error() {
							t.Errorf("%s: %v as a copy, %v as a view", n, errTensor, errView)
						}
						continue
					}
					same := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
					if got.Name != want.Name || !got.Shape.Equal(want.Shape) || !slices.EqualFunc(got.Floats(nil).Data, want.Data, same) {
						t.Errorf("%s: view %v differs from copy %v", n, got, want)
					}
					if inFile(m, want) {
						t.Errorf("%s: the copy lies in the file", n)
					}
					switch in := inFile(m, got); {
					case in && least > 0:
						t.Errorf("%s: the view lies in a file of another byte order", n)
					case in:
						seen++
					}
				}
			}
		})
	}
	if seen < 20 {
		t.Errorf("%d tensors are in place", seen)
	}
}

func TestViewOutlivesClose(t *testing.T) {
	want := big("w", 128, 129)
	path := safetensors(t, want)
	src := open(t, path)
	m := fileOf(t, src)
	got, err := src.View("w")
	if err != nil || !inFile(m, got) {
		t.Fatalf("the view %v does not lie in the file: %v", got, err)
	}
	for range 2 {
		if err := src.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := src.View("w"); err == nil {
		t.Error("View works on a closed file")
	}
	got.Unload()
	if !slices.Equal(got.Data, want.Data) {
		t.Error("the view changed when the file was closed")
	}
	if again := got.Reshape(129, 128); again.Unload == nil {
		t.Error("a reshaped view does not unload")
	}
}

func TestCloseUnmaps(t *testing.T) {
	for _, x := range []*tensor.Tensor{big("w", 200, 200), big("w", 3)} {
		src := open(t, safetensors(t, x))
		read := src.Tensor
		if len(x.Data) == 3 { // small: copied
			read = src.View
		}
		got, err := read("w")
		if err != nil || got.Unload != nil {
			t.Fatal(got, err)
		}
		m := fileOf(t, src)
		if err := src.Close(); err != nil || m.Data != nil {
			t.Errorf("%v: still mapped: %v", got, err)
		}
		if !slices.Equal(got.Data, x.Data) {
			t.Error("the copy changed when the file was closed")
		}
	}
}

// TestViewCopies views large tensors that cannot be used in place.
func TestViewCopies(t *testing.T) {
	const n = 160
	dims := []any{n, n}
	x := big("w", n, n)
	data := map[string][]byte{"0": floats(x.Data...)}
	for name, file := range map[string][]byte{
		"compressed": archive(t, zip.Deflate, dictOf("w", dense("0", n, n)), data),
		"transposed": archive(t, zip.Store, dictOf("w", strided("0", n*n, 0, dims, []any{1, n})), data),
		"expanded":   archive(t, zip.Store, dictOf("w", strided("0", n*n, 0, dims, []any{0, 1})), data),
	} {
		if _, in := viewed(t, name, file, 1); in {
			t.Errorf("%s: the view lies in the file", name)
		}
	}
}

// viewed reads "w" by View on a machine whose addresses must be multiples of
// align, compares it with Tensor, and reports whether it lies in the file.
func viewed(t *testing.T, name string, file []byte, align uintptr) (got *tensor.Tensor, in bool) {
	t.Helper()
	src := open(t, write(t, name, file))
	fileOf(t, src).Align = align
	got, err := src.View("w")
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	want, err := src.Tensor("w")
	if err != nil || !slices.Equal(got.Floats(nil).Data, want.Data) {
		t.Errorf("%s: the view differs from the copy: %v", name, err)
	}
	return got, inFile(fileOf(t, src), got)
}

// TestViewAligned moves a storage through a file byte by byte. It is used in
// place at one address in four, or at every one if the machine allows that.
func TestViewAligned(t *testing.T) {
	const n = 160
	x := big("w", n, n)
	data := map[string][]byte{"0": floats(x.Data...)}
	aligns := []uintptr{4, mapped.Align(runtime.GOARCH)}
	for _, w := range []*object{dense("0", n, n), strided("0", n*n, n, []any{n - 1, 1, n}, []any{n, 7, 1})} {
		for _, align := range aligns {
			seen, want := 0, 8/int(align)
			for note := range 8 {
				value := dictOf("w", w, "note", strings.Repeat("a", note))
				got, in := viewed(t, "stored", archive(t, zip.Store, value, data), align)
				if !slices.Equal(got.Data, x.Data[len(x.Data)-len(got.Data):]) {
					t.Errorf("%v has other numbers", got)
				}
				if in {
					seen++
				}
			}
			if seen != want {
				t.Errorf("%d of 8 are in place with an alignment of %d, want %d", seen, align, want)
			}
		}
	}
}

// TestBindSees binds tensors of a file unchanged, renamed, joined and transposed.
func TestBindSees(t *testing.T) {
	type model struct {
		Plain   *tensor.Tensor `weight:"plain"`
		Renamed *tensor.Tensor `weight:"renamed"`
		Both    *tensor.Tensor `weight:"both"`
		Turned  *tensor.Tensor `weight:"turned"`
	}
	names := []string{"plain", "old", "first", "second", "matrix"}
	var all []*tensor.Tensor
	for i, n := range names {
		x := big(n, 130, 140)
		x.Data[0] = float32(i)
		all = append(all, x)
	}
	path := safetensors(t, all...)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	src := open(t, path)
	places := map[string]Place{
		"first": {Name: "both", Of: 2}, "second": {Name: "both", Of: 2, Part: 1}, "matrix": {Name: "turned", Transpose: true},
	}
	arranged := Arrange(src, func(name string) Place {
		if p, ok := places[name]; ok {
			return p
		}
		return Place{Name: name}
	})
	m := &model{tensor.Declare(130, 140), tensor.Declare(130, 140), tensor.Declare(260, 140), tensor.Declare(140, 130)}
	if err := Bind(m, Rename(arranged, func(name string) string {
		if name == "old" {
			return "renamed"
		}
		return name
	})); err != nil {
		t.Fatal(err)
	}
	file := fileOf(t, src)
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		got  *tensor.Tensor
		want []float32
		in   bool
	}{
		{m.Plain, all[0].Data, true},
		{m.Renamed, all[1].Data, true},
		{m.Both, slices.Concat(all[2].Data, all[3].Data), false},
		{m.Turned, all[4].Permute(1, 0).Data, false},
	} {
		if in := inFile(file, c.got); in != c.in || in != (c.got.Unload != nil) {
			t.Errorf("%v: in the file: %v, want %v", c.got, in, c.in)
		}
		if !slices.Equal(c.got.Data, c.want) {
			t.Errorf("%v has other numbers", c.got)
		}
		if !c.in {
			c.got.Data[0]++ // its own
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the file has changed: %v", err)
	}
}

// TestOpenTruncated cuts files that hold tensors large enough to be used in place.
func TestOpenTruncated(t *testing.T) {
	x := big("w", 160, 160)
	data := map[string][]byte{"0": floats(x.Data...)}
	whole, err := os.ReadFile(safetensors(t, x))
	if err != nil {
		t.Fatal(err)
	}
	value := dictOf("w", dense("0", 160, 160))
	for name, file := range map[string][]byte{
		"safetensors": whole,
		"zip":         archive(t, zip.Store, value, data),
		"legacy":      legacy(value, dictOf("little_endian", true), []string{"0"}, data),
	} {
		for _, n := range []int{0, 1, 8, 20, len(file) / 2, len(file) - 4096, len(file) - 1} {
			if _, err := Open(write(t, name, file[:n])); err == nil {
				t.Errorf("%s: %d of %d bytes open without an error", name, n, len(file))
			}
		}
	}
}
