package weights

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

const (
	v2        = global("torch._utils._rebuild_tensor_v2")
	ordered   = global("collections.OrderedDict")
	parameter = global("torch._utils._rebuild_parameter")
)

// dense is the call that rebuilds a contiguous float32 tensor.
func dense(key string, dims ...int) *object {
	n, sizes, strides := 1, make([]any, len(dims)), make([]any, len(dims))
	for i := len(dims) - 1; i >= 0; i-- {
		sizes[i], strides[i] = dims[i], n
		n *= dims[i]
	}
	return strided(key, n, 0, sizes, strides)
}

func strided(key string, numel, offset int, sizes, strides []any) *object {
	s := &storage{key: key, dtype: "FloatStorage", numel: int64(numel)}
	return &object{class: v2, args: []any{s, offset, tupleOf(sizes...), tupleOf(strides...), false, &object{class: ordered}}}
}

func floats(v ...float32) []byte {
	var b []byte
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// archive writes a checkpoint as torch.save does now. extra holds the names and
// contents of further entries in turn.
func archive(t testing.TB, method uint16, value any, storages map[string][]byte, extra ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	put := func(name string, content []byte) {
		e, err := w.CreateHeader(&zip.FileHeader{Name: "archive/" + name, Method: method})
		if err == nil {
			_, err = e.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put("data.pkl", pickled(value))
	for key, data := range storages {
		put("data/"+key, data)
	}
	for i := 0; i < len(extra); i += 2 {
		put(extra[i], []byte(extra[i+1]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// legacy writes a checkpoint as torch.save did before version 1.6.
func legacy(value any, system *dict, keys []string, storages map[string][]byte) []byte {
	b := slices.Concat(pickled(legacyMagic), pickled(1001), pickled(system), pickled(value))
	names := &list{}
	for _, k := range keys {
		names.items = append(names.items, k)
	}
	b = append(b, pickled(names)...)
	for _, k := range keys {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(storages[k])/4))
		b = append(b, storages[k]...)
	}
	return b
}

// tarFile is a checkpoint of the first versions: "a" [2, 2] and "b" [2], the
// second column of it.
func tarFile(t testing.TB) []byte {
	t.Helper()
	le := binary.LittleEndian
	float := global("torch.FloatStorage")
	storages := slices.Concat(pickled(1), pickled(tupleOf(11, "cpu", float)), le.AppendUint64(nil, 4), floats(1, 2, 3, 4),
		pickled(&list{[]any{tupleOf(12, 11, 1, 3)}}))
	row := func(key, storage int, numbers ...uint64) []byte {
		b := pickled(tupleOf(key, storage, global("torch.FloatTensor")))
		for _, n := range numbers {
			b = le.AppendUint64(b, n)
		}
		return b
	}
	tensors := slices.Concat(pickled(2), row(21, 11, 2, 2, 2, 2, 1, 0), row(22, 12, 1, 2, 2, 0))
	// A persistent identifier of protocol 2 may be any value, here text.
	value := []byte("\x80\x02}(U\x01aU\x0221QU\x01bU\x0222Qu.")
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range []struct {
		name string
		data []byte
	}{{"storages", storages}, {"tensors", tensors}, {"pickle", value}} {
		err := w.WriteHeader(&tar.Header{Name: m.name, Size: int64(len(m.data)), Mode: 0o644, Format: tar.FormatPAX})
		if err == nil {
			_, err = w.Write(m.data)
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

// check reads a file and compares names and values.
func check(t *testing.T, file []byte, want map[string][]float32) *PyTorch {
	t.Helper()
	p, err := ReadPyTorch(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Names()) != len(want) {
		t.Errorf("names %v, want %d", p.Names(), len(want))
	}
	for name, data := range want {
		x, err := p.Tensor(name)
		if err != nil {
			t.Errorf("%s: %v (names %v)", name, err, p.Names())
			continue
		}
		if !slices.Equal(x.Data, data) {
			t.Errorf("%s: %v, want %v", name, x.Data, data)
		}
	}
	return p
}

func TestPyTorchFormats(t *testing.T) {
	value := dictOf("w", dense("0", 2), "v", strided("0", 2, 1, nil, nil))
	storages := map[string][]byte{"0": floats(1, 2)}
	want := map[string][]float32{"w": {1, 2}, "v": {2}}
	little := dictOf("little_endian", true)
	check(t, archive(t, zip.Store, value, storages), want)
	check(t, archive(t, zip.Deflate, value, storages), want)
	check(t, archive(t, zip.Store, value, storages, "byteorder", "little", "version", "3\n"), want)
	check(t, legacy(value, little, []string{"0"}, storages), want)
	untyped := strided("0", 4, 1, []any{1}, []any{1})
	untyped.class, untyped.args[0].(*storage).dtype = "torch._utils._rebuild_tensor_v3", "UntypedStorage"
	untyped.args = append(untyped.args, global("torch.uint16"))
	check(t, archive(t, zip.Store, dictOf("u", untyped), map[string][]byte{"0": {1, 0, 2, 0x80}}), map[string][]float32{"u": {0x8002}})
	check(t, tarFile(t), map[string][]float32{"a": {1, 2, 3, 4}, "b": {2, 4}})

	other := map[string][]byte{"1": floats(1, 2)}
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"big-endian archive", "byte order", archive(t, zip.Store, value, storages, "byteorder", "big")},
		{"big-endian legacy file", "big-endian", legacy(value, dictOf("little_endian", false), []string{"0"}, storages)},
		{"archive without a storage", "storage 0 is not in the archive", archive(t, zip.Store, value, other)},
		{"archive with a short storage", "storage 0 has 4 bytes", archive(t, zip.Store, value, map[string][]byte{"0": floats(1)})},
		{"legacy file without a storage", "storage 0 is not in the file", legacy(value, little, nil, nil)},
		{"legacy file with a strange storage", "belongs to no tensor", legacy(value, little, []string{"1"}, other)},
		{"legacy file with a short storage", "reaches past the 1 elements", legacy(value, little, []string{"0"}, map[string][]byte{"0": floats(1)})},
		{"version", "version 1000", slices.Concat(pickled(legacyMagic), pickled(1000))},
		{"zip archive", "without data.pkl", bytes.ReplaceAll(archive(t, zip.Store, value, storages), []byte("data.pkl"), []byte("data.abc"))},
		{"text", "neither", []byte("hello")},
		{"no tensors", "no tensors", archive(t, zip.Store, dictOf("epoch", 3), nil)},
		{"compressed far", "data.pkl of", archive(t, zip.Deflate, strings.Repeat("a", 1<<16), nil)},
	} {
		if _, err := ReadPyTorch(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
	}
}

func TestPyTorchNames(t *testing.T) {
	a := func() *object { return dense("0", 1) }
	sd := func(prefix string) *dict { return dictOf(prefix+"conv.weight", a(), prefix+"conv.bias", a()) }
	module := func(class string, parameters, buffers, modules *dict) *object {
		return &object{class: global(class), state: dictOf("training", true, "_parameters", parameters, "_buffers", buffers,
			"_modules", modules, "_non_persistent_buffers_set", &object{class: "builtins.set", args: []any{&list{[]any{"mask"}}}})}
	}
	wrapped := &object{class: parameter, args: []any{a(), true, &object{class: ordered}}}
	conv := module("torch.nn.modules.conv.Conv2d", dictOf("weight", wrapped, "bias", nil), dictOf("mask", a(), "mean", a()), dictOf())
	net := module("torchvision.models.Net", dictOf(), dictOf(), dictOf("conv", conv, "again", conv, "relu", nil))
	optimizer := dictOf("state", dictOf(0, dictOf("exp_avg", a())), "param_groups", &list{[]any{dictOf("lr", 0.1)}})
	script := &object{class: "__torch__.Net", state: dictOf("training", true, "constants", &list{[]any{a()}}, "visual",
		&object{class: "__torch__.Visual", state: dictOf("proj", a())})}
	for _, c := range []struct {
		name, key, names, beside string
		value                    any
	}{
		{"bare", "", "conv.weight conv.bias", "", sd("")},
		{"ordered", "", "conv.weight", "", &object{class: ordered, args: []any{&list{[]any{&list{[]any{"conv.weight", a()}}}}}}},
		{"parallel", "", "conv.weight conv.bias", "", sd("module.")},
		{"parallel in part", "", "module.conv.weight module.conv.bias w", "", func() any { d := sd("module."); d.set("w", a()); return d }()},
		{"nested", "model", "conv.weight conv.bias", "", dictOf("model", sd("module."), "optimizer", optimizer, "epoch", 3)},
		{"nested twice", "model.state_dict", "conv.weight conv.bias", "", dictOf("model", dictOf("state_dict", sd("")), "args", &object{class: "argparse.Namespace", state: dictOf("lr", 0.1)})},
		{"averages beside", "", "state_dict_ema.conv.weight state_dict_ema.conv.bias state_dict.conv.weight state_dict.conv.bias", "", dictOf("state_dict_ema", sd(""), "state_dict", sd(""))},
		{"random state beside", "net", "conv.weight conv.bias", "", dictOf("rng", a(), "net", sd(""))},
		{"another key", "generator", "conv.weight conv.bias", "", dictOf("generator", sd(""), "rng", a(), "step", 7)},
		{"two parts", "", "encoder.conv.weight encoder.conv.bias decoder.conv.weight decoder.conv.bias", "", dictOf("encoder", sd(""), "decoder", sd(""))},
		{"by structure", "", "conv.weight", "", dictOf("conv", dictOf("weight", a()))},
		{"pair", "0", "conv.weight conv.bias", "", tupleOf(sd(""), 12)},
		{"tensor", "", "tensor", "", a()},
		{"tensors", "", "0 1", "", &list{[]any{a(), a()}}},
		{"module", "", "conv.weight conv.mean again.weight again.mean", "", net},
		{"module within", "model", "conv.weight conv.mean again.weight again.mean", "", dictOf("model", net, "optimizer", optimizer)},
		{"script", "", "visual.proj", "", script},
		{"unknown objects", "", "w", "", dictOf("w", a(), "x", &object{class: "somewhere.Else", args: []any{1}, state: dictOf("a", 1)},
			"np", &object{class: "numpy.core.multiarray.scalar", args: []any{&object{class: "numpy.dtype", args: []any{"f8"}}, "bytes"}})},
		{"attributes of a tensor", "", "w", "", dictOf("w", &object{class: "torch._tensor._rebuild_from_type_v2", args: []any{v2, global("torch.Tensor"), tupleOf(a().args...), dictOf("tag", 1)}})},
	} {
		p, err := ReadPyTorch(archive(t, zip.Store, c.value, map[string][]byte{"0": floats(5)}))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if p.Key != c.key || strings.Join(p.Names(), " ") != c.names || strings.Join(p.Beside, " ") != c.beside {
			t.Errorf("%s: key %q, names %v, beside %v; want %q, %s, %s", c.name, p.Key, p.Names(), p.Beside, c.key, c.names, c.beside)
		}
		for _, n := range p.Names() {
			if x, err := p.Tensor(n); err != nil || len(x.Data) != 1 || x.Data[0] != 5 {
				t.Errorf("%s: %s: %v %v", c.name, n, x, err)
			}
		}
	}
}

func TestPyTorchRefusesTensors(t *testing.T) {
	ints := func(v ...any) []any { return v }
	many := make([]any, 65)
	for i := range many {
		many[i] = 1
	}
	for _, c := range []struct {
		name, want string
		tensor     *object
	}{
		{"past the end", "reaches past the 4 elements of storage 0", strided("0", 4, 0, ints(5), ints(1))},
		{"offset", "reaches past", strided("0", 4, 4, ints(1), ints(1))},
		{"negative offset", "offset -1", strided("0", 4, -1, ints(1), ints(1))},
		{"offset of 63 bits", "reaches past", strided("0", 4, math.MaxInt64, ints(2), ints(1))},
		{"stride", "reaches past", strided("0", 4, 0, ints(2), ints(math.MaxInt64))},
		{"negative stride", "stride -1", strided("0", 4, 3, ints(2), ints(-1))},
		{"strides that wrap", "reaches past", strided("0", 4, 0, ints(3, 3, 3), ints(1<<62, 1<<62, 1<<62))},
		{"size", "dimension 0 is -1", strided("0", 4, 0, ints(-1), ints(1))},
		{"sizes that wrap", "more elements than a file can hold", strided("0", 4, 0, ints(1<<32, 1<<32), ints(0, 0))},
		{"expanded beyond the file", "in a file of", strided("0", 4, 0, ints(1<<40), ints(0))},
		{"ranks differ", "2 strides", strided("0", 4, 0, ints(1), ints(1, 1))},
		{"65 dimensions", "65 dimensions", strided("0", 4, 0, many, many)},
		{"larger than in the archive", "its 5 elements need 20", strided("0", 5, 0, ints(1), ints(1))},
		{"no arguments", "with 0 arguments", &object{class: v2}},
		{"no storage", "no storage", &object{class: v2, args: []any{1, 2, 3, 4}}},
		{"class of the storage", "elements: torch.FloatTensor", &object{class: v2, args: []any{&storage{key: "0", dtype: "FloatTensor", numel: 1}, 0, 0, 0}}},
	} {
		_, err := ReadPyTorch(archive(t, zip.Store, dictOf("w", c.tensor), map[string][]byte{"0": floats(1, 2, 3, 4)}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
	}

	of := func(class string) *object {
		x := dense("0", 1)
		x.args[0].(*storage).dtype = class
		return x
	}
	quantized := dense("0", 1)
	quantized.class = "torch._utils._rebuild_qtensor"
	p, err := ReadPyTorch(archive(t, zip.Store, dictOf("c", of("ComplexDoubleStorage"), "q", quantized, "p", of("QUInt8Storage"),
		"s", &object{class: "torch._utils._rebuild_sparse_tensor", args: []any{global("torch.sparse_coo"), tupleOf()}},
		"m", &object{class: "torch._utils._rebuild_meta_tensor_no_storage", args: []any{global("torch.float32"), tupleOf(2), tupleOf(1), false}},
		"w", dense("0", 2)), map[string][]byte{"0": floats(1, 2, 3, 4)}))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"c": "complex", "q": "quantized", "p": "quantized", "s": "torch._utils._rebuild_sparse_tensor is refused", "m": "no data", "x": "no tensor x"} {
		for _, read := range []func(Source, string) (*tensor.Tensor, error){Source.Tensor, View} {
			if _, err := read(p, name); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v does not say %q", name, err, want)
			}
		}
	}
	if x, err := p.Tensor("w"); err != nil || x.Data[1] != 2 {
		t.Errorf("a tensor beside refused ones: %v %v", x, err)
	}
	_, err = ReadPyTorch(archive(t, zip.Store, dictOf("w", dense("0", 1), "x", &object{class: "posix.system", args: []any{"true"}}), map[string][]byte{"0": floats(1)}))
	if err == nil || !strings.Contains(err.Error(), "not a tensor or a container: posix.system") {
		t.Errorf("a call of posix.system: %v", err)
	}
}

// TestPyTorchShared reads values whose names are longer than the file.
func TestPyTorchShared(t *testing.T) {
	program := []byte("\x80\x02}q\x00(X\x01\x00\x00\x00w")
	program = append(appendPickle(program, dense("0", 1)), 'u')
	// Each dictionary holds the one before it forty times.
	for range 20 {
		program = append(program, "q\x000}("...)
		for i := range 40 {
			program = append(program, 'U', 1, byte('a'+i), 'h', 0)
		}
		program = append(program, 'u')
	}
	cycle := []byte("\x80\x02}q\x00U\x04selfh\x00sU\x01w")
	cycle = append(appendPickle(cycle, dense("0", 1)), "s."...)
	build := func(program []byte) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for name, data := range map[string][]byte{"a/data.pkl": program, "a/data/0": floats(1)} {
			e, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
			if err == nil {
				_, err = e.Write(data)
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
	if _, err := ReadPyTorch(build(append(program, '.'))); err == nil || !strings.Contains(err.Error(), "far more memory") {
		t.Errorf("shared dictionaries: %v", err)
	}
	if p, err := ReadPyTorch(build(cycle)); err == nil && len(p.Names()) > 200 {
		t.Errorf("a cycle has %d names", len(p.Names()))
	}
}
