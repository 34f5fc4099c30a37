package weights

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	bigint "math/big"
	"runtime"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// allocated returns the bytes that f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// zipOf writes an archive of entries in the order given: names and contents in turn.
func zipOf(t testing.TB, method uint16, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		e, err := w.CreateHeader(&zip.FileHeader{Name: entries[i], Method: method})
		if err == nil {
			_, err = e.Write([]byte(entries[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tarOf writes a tar archive of entries: names and contents in turn. All have the same
// further records. The vendor ABC becomes GNU, whose records tar.Writer refuses.
func tarOf(t testing.TB, records map[string]string, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		err := w.WriteHeader(&tar.Header{Name: entries[i], Size: int64(len(entries[i+1])), Mode: 0o644, Format: tar.FormatPAX, PAXRecords: records})
		if err == nil {
			_, err = w.Write([]byte(entries[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(b.Bytes(), []byte("ABC.sparse."), []byte("GNU.sparse."))
}

// TestPickleBombs reads small files whose pickles would make many values.
func TestPickleBombs(t *testing.T) {
	const n = 4 << 20
	head := "\x80\x02"
	big := string(appendPickle(nil, func() *dict { // 1000 items
		d := &dict{}
		for i := range 1000 {
			d.set(strings.Repeat("k", i+1), nil)
		}
		return d
	}()))
	for name, program := range map[string]string{
		"dictionaries":  head + strings.Repeat("}", n),
		"lists":         head + strings.Repeat("]", n),
		"tuples":        head + "N" + strings.Repeat("\x85", n),
		"nested tuples": head + ")" + strings.Repeat("q\x00h\x00h\x00\x86", n/6),
		"duplicates":    head + "N" + strings.Repeat("2", n),
		"marks":         head + strings.Repeat("(", n),
		"memo":          head + "N" + strings.Repeat("\x94", n),
		"items":         head + "](" + strings.Repeat("N", n) + "e",
		"numbers":       head + strings.Repeat("K\x01", n),
		"lines":         head + strings.Repeat("I7\n", n/3),
		"classes":       head + strings.Repeat("cm\nf\n", n/5),
		"calls":         head + "cm\nf\nq\x00" + strings.Repeat("h\x00)R0", n/5),
		"copies":        head + "ccollections\nOrderedDict\nq\x000" + big + "\x85q\x010" + strings.Repeat("h\x00h\x01R", n/20),
	} {
		file := zipOf(t, zip.Deflate, "archive/data.pkl", program+"0.")
		var err error
		used := allocated(func() { _, err = ReadPyTorch(file) })
		if err == nil || used > 150<<20 {
			t.Errorf("%s: a file of %d bytes takes %d MiB: %v", name, len(file), used>>20, err)
		}
	}
}

// TestPickleManyTensors reads what takes the most memory for its bytes, but is honest:
// many tensors of one element, as views of one storage.
func TestPickleManyTensors(t *testing.T) {
	const n = 10000
	d := &dict{}
	for i := range n {
		d.set("layer."+string(rune('a'+i%26))+"."+big10(i), strided("0", n, i, []any{1}, []any{1}))
	}
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		file := archive(t, method, d, map[string][]byte{"0": make([]byte, 4*n)})
		p, err := ReadPyTorch(file)
		if err != nil || len(p.Names()) != n {
			t.Errorf("method %d, %d bytes: %v", method, len(file), err)
		}
	}
}

func big10(i int) string {
	var b []byte
	for range 6 {
		b = append(b, byte('0'+i%10))
		i /= 10
	}
	return string(b)
}

// TestInflateOnce reads tensors on a compressed storage that is far larger than the
// file. It is inflated once, and only what the tensors need is kept.
func TestInflateOnce(t *testing.T) {
	const numel = 32 << 20 // 128 MiB
	data := make([]byte, 4*numel)
	for i, v := range []float32{1, 2, 3} {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
	}
	binary.LittleEndian.PutUint32(data[4*(numel-1):], math.Float32bits(9))
	value := dictOf(
		"a", strided("0", numel, 0, []any{2}, []any{1}),
		"b", strided("0", numel, 1, []any{2}, []any{1}),
		"last", strided("0", numel, numel-1, []any{1}, []any{1}),
		"far", strided("0", numel, 0, []any{2}, []any{numel - 1}),
		"repeated", strided("0", numel, 2, []any{3, 2}, []any{0, 0}))
	p, err := ReadPyTorch(archive(t, zip.Deflate, value, map[string][]byte{"0": data}))
	if err != nil {
		t.Fatal(err)
	}
	b := p.entries["a"].storage.blob
	open, opened := b.packed, 0
	b.packed = func() (io.ReadCloser, error) { opened++; return open() }
	used := allocated(func() {
		for name, want := range map[string][]float32{"a": {1, 2}, "b": {2, 3}, "last": {9}, "far": {1, 9}, "repeated": {3, 3, 3, 3, 3, 3}} {
			x, err := p.Tensor(name)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range x.Data {
				if v != want[i] {
					t.Errorf("%s is %v, want %v", name, x.Data, want)
					break
				}
			}
		}
	})
	if opened != 1 || b.kept != nil || used > 4<<20 {
		t.Errorf("inflated %d times, %d bytes allocated, kept %v", opened, used, b.kept != nil)
	}
	if x, err := p.Tensor("last"); err != nil || x.Data[0] != 9 || opened != 2 {
		t.Errorf("read again: %v, %v", x, err)
	}
}

// TestArchiveLies reads archives whose entries are twice or overlap, or whose sizes
// and sums are wrong.
func TestArchiveLies(t *testing.T) {
	pickle := string(pickled(dictOf("w", dense("0", 2))))
	numbers := string(floats(1, 2))
	twice := zipOf(t, zip.Store, "a/data.pkl", pickle, "a/data/0", numbers, "a/data/0", string(floats(5, 6)))
	overlap := zipOf(t, zip.Store, "a/data.pkl", pickle, "a/data/0", numbers, "a/data/1", numbers)
	// The second storage's place in the directory becomes that of the first.
	places := bytes.LastIndex(overlap, []byte("PK\x01\x02"))
	first := bytes.LastIndex(overlap[:places], []byte("PK\x01\x02"))
	copy(overlap[places+42:places+46], overlap[first+42:first+46])
	wrong := archive(t, zip.Deflate, dictOf("w", dense("0", 2)), map[string][]byte{"0": []byte(numbers)})
	sum := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(numbers)))
	for at := bytes.Index(wrong, sum); at >= 0; at = bytes.Index(wrong, sum) {
		wrong[at] ^= 1
	}
	for want, file := range map[string][]byte{
		`two entries are named "a/data/0"`:          twice,
		`entries "a/data/0" and "a/data/1" overlap`: overlap,
		"checksum":                                     wrong,
		`two entries are named "pickle"`:               tarOf(t, nil, "storages", "x", "tensors", "y", "pickle", "a", "pickle", "b"),
		`"storages" is a sparse file`:                  tarOf(t, map[string]string{"ABC.sparse.major": "1", "ABC.sparse.minor": "0", "ABC.sparse.name": "storages", "ABC.sparse.realsize": "1000000000"}, "storages", "1\n0\n1\n"+strings.Repeat("\x00", 506)+"x"),
		`key "w" is set twice`:                         archive(t, zip.Store, &dict{keys: []any{"w", "w"}, values: []any{dense("0", 1), dense("0", 2)}}, map[string][]byte{"0": []byte(numbers)}),
		"dimension 0 is 1180591620717411303424":        archive(t, zip.Store, dictOf("w", strided("0", 2, 0, []any{long("\x00\x00\x00\x00\x00\x00\x00\x00\x40")}, []any{1})), map[string][]byte{"0": []byte(numbers)}),
		"[4611686018427387904] has more elements than": archive(t, zip.Store, dictOf("w", strided("0", 2, 0, []any{1 << 62}, []any{1})), map[string][]byte{"0": []byte(numbers)}),
		"not a tensor or a container: pickle.loads":    archive(t, zip.Store, dictOf("w", &object{class: "pickle.loads", args: []any{"x"}}), nil),
		"not a tensor or a container: some.Other":      archive(t, zip.Store, dictOf("w", &object{class: "some.Other"}), nil),
		"not a tensor or a container: some.Thing":      archive(t, zip.Store, &object{class: "some.Thing"}, nil),
	} {
		p, err := ReadPyTorch(file)
		if err == nil {
			_, err = p.Tensor("w")
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	// Numbers and settings may be set again, as Python allows.
	p, err := ReadPyTorch(archive(t, zip.Store, &dict{keys: []any{"lr", "lr", "w"}, values: []any{1, 2, dense("0", 2)}}, map[string][]byte{"0": []byte(numbers)}))
	if err != nil || len(p.Names()) != 1 {
		t.Errorf("a number that is set twice: %v", err)
	}
}

func TestLong(t *testing.T) {
	for _, digits := range []string{"9223372036854775808", "-9223372036854775809", "1180591620717411303424", "-1180591620717411303424", "255", "-128"} {
		n, _ := new(bigint.Int).SetString(digits, 10)
		if got := longOf(n).String(); got != digits {
			t.Errorf("%s is %s", digits, got)
		}
	}
	n, _ := new(bigint.Int).SetString("512355101579221921336428", 10)
	if got := longOf(n); got != "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x6c" && len(got) != 10 {
		t.Errorf("%q", got)
	}
}

// TestFloat8 compares codes with the values that the formats' papers give.
func TestFloat8(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for dtype, values := range map[string]map[byte]float32{
		"F8_E4M3":     {0: 0, 1: 1.0 / 512, 0x08: 1.0 / 64, 0x38: 1, 0xb8: -1, 0x3c: 1.5, 0x7e: 448, 0x7f: nan, 0xff: nan},
		"F8_E5M2":     {0: 0, 1: 1.0 / 65536, 0x04: 1.0 / 16384, 0x3c: 1, 0xbe: -1.5, 0x7b: 57344, 0x7c: inf, 0xfc: -inf, 0x7d: nan},
		"F8_E4M3FNUZ": {0: 0, 1: 1.0 / 1024, 0x40: 1, 0xc0: -1, 0x7f: 240, 0x80: nan},
		"F8_E5M2FNUZ": {0: 0, 1: 1.0 / 131072, 0x40: 1, 0xc0: -1, 0x7f: 57344, 0x80: nan},
	} {
		for code, want := range values {
			var got [1]float32
			if err := decode(got[:], []byte{code}, dtype); err != nil || got[0] != want && (got[0] == got[0] || want == want) {
				t.Errorf("%s %#x is %v, want %v (%v)", dtype, code, got[0], want, err)
			}
		}
	}
}

// TestNewTypes opens files with tensors of types that are not read. Only asking for
// one is an error. A network that does not want it binds, nor does it mind a float8.
func TestNewTypes(t *testing.T) {
	header := `{"conv.weight": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]},
		"conv.bias": {"dtype": "F32", "shape": [2], "data_offsets": [2, 10]},
		"x.scale": {"dtype": "F8_E8M0", "shape": [3], "data_offsets": [10, 13]},
		"x.four": {"dtype": "F4", "shape": [4], "data_offsets": [13, 15]},
		"x.six": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [15, 18]},
		"x.new": {"dtype": "I3", "shape": [2, 2], "data_offsets": [18, 20]},
		"scale": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [20, 21]}}`
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	file = append(append(append(file, 0x38, 0xb8), floats(5, 6)...), make([]byte, 11)...)
	s, err := ReadSafetensors(file)
	if err != nil {
		t.Fatal(err)
	}
	of := func(class string) *object {
		x := dense("1", 2)
		x.args[0].(*storage).dtype = class
		return x
	}
	untyped := strided("1", 8, 0, []any{2}, []any{1})
	untyped.class, untyped.args[0].(*storage).dtype = "torch._utils._rebuild_tensor_v3", "UntypedStorage"
	untyped.args = append(untyped.args, global("torch.float6_e2m3fn"))
	p, err := ReadPyTorch(archive(t, zip.Store, dictOf("conv.weight", dense("0", 2), "conv.bias", dense("0", 2),
		"x.scale", of("Float8_e8m0fnuStorage"), "x.new", of("Int128Storage"), "x.untyped", untyped, "x.complex", of("ComplexFloatStorage")),
		map[string][]byte{"0": floats(1, -1), "1": make([]byte, 64)}))
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range []Checkpoint{s, p} {
		m := newWrapped()
		if err := Bind(m, src); err != nil || m.Weight.Data[1] != -1 {
			t.Errorf("%v: %v, %v", src.Names(), m.Weight, err)
		}
		for _, n := range src.Names() {
			_, err := src.Tensor(n)
			if odd := strings.HasPrefix(n, "x."); odd && (err == nil || !strings.Contains(err.Error(), "not read")) || !odd && err != nil {
				t.Errorf("%s: %v", n, err)
			}
		}
	}
	type hungry struct {
		X *tensor.Tensor `weight:"x.scale"`
	}
	if err := Bind(&hungry{tensor.Declare(3)}, below(s, "")); err == nil || !strings.Contains(err.Error(), "unused conv.bias") {
		t.Errorf("a network that wants it: %v", err)
	}
}
