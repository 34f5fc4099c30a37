package weights

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// f16s returns n different float16 numbers, as a file has them.
func f16s(n, first int) (file []byte, all []uint16) {
	for i := range n {
		all = append(all, tensor.Half(float32(first+i%1021)))
		file = binary.LittleEndian.AppendUint16(file, all[i])
	}
	return file, all
}

// f16File is a safetensors file with matrices of float16 numbers, [n, n] each.
func f16File(n int, names ...string) []byte {
	header, data := "{", []byte{}
	for i, name := range names {
		part, _ := f16s(n*n, i)
		header += fmt.Sprintf(`"%s":{"dtype":"F16","shape":[%d,%d],"data_offsets":[%d,%d]},`, name, n, n, len(data), len(data)+len(part))
		data = append(data, part...)
	}
	header = header[:len(header)-1] + "}"
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), []byte(header), data)
}

// TestViewHalves views large float16 matrices of both kinds of file in place.
func TestViewHalves(t *testing.T) {
	const n = 200
	data, want := f16s(n*n, 0)
	half := strided("0", n*n, 0, []any{n, n}, []any{n, 1})
	half.args[0].(*storage).dtype = "HalfStorage"
	for name, file := range map[string][]byte{
		"safetensors": f16File(n, "w"),
		"pytorch":     archive(t, zip.Store, dictOf("w", half), map[string][]byte{"0": data}),
	} {
		got, in := viewed(t, name, file, 1)
		if !in || got.Data != nil || !slices.Equal(got.Halves, want) || got.Unload == nil {
			t.Errorf("%s: %v in the file: %v, with %d float32 numbers", name, got, in, len(got.Data))
		}
	}
}

// TestBindHalves binds float16 matrices unchanged, joined and transposed. None becomes
// float32, and a bound model has the fingerprint of one whose weights are.
func TestBindHalves(t *testing.T) {
	type model struct {
		Plain  *tensor.Tensor `weight:"plain"`
		Both   *tensor.Tensor `weight:"both"`
		Turned *tensor.Tensor `weight:"turned"`
	}
	const n = 200
	src := open(t, write(t, "a.safetensors", f16File(n, "plain", "first", "second", "matrix")))
	places := map[string]Place{
		"plain": {Name: "plain"}, "first": {Name: "both", Of: 2}, "second": {Name: "both", Of: 2, Part: 1}, "matrix": {Name: "turned", Transpose: true},
	}
	m := &model{tensor.Declare(n, n), tensor.Declare(2*n, n), tensor.Declare(n, n)}
	if err := Bind(m, Arrange(src, func(name string) Place { return places[name] })); err != nil {
		t.Fatal(err)
	}
	read := func(name string) *tensor.Tensor {
		x, err := src.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	whole := &model{
		tensor.Of(read("plain").Data, n, n),
		tensor.Of(slices.Concat(read("first").Data, read("second").Data), 2*n, n),
		read("matrix").Permute(1, 0),
	}
	for i, c := range [][2]*tensor.Tensor{{m.Plain, whole.Plain}, {m.Both, whole.Both}, {m.Turned, whole.Turned}} {
		if c[0].Data != nil || !c[0].Bound() || !slices.Equal(c[0].Floats(nil).Data, c[1].Data) {
			t.Errorf("tensor %d has other numbers, %d of them float32", i, len(c[0].Data))
		}
	}
	if Fingerprint(m, "") != Fingerprint(whole, "") {
		t.Error("the fingerprints differ")
	}
}
