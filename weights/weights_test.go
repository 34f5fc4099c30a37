package weights

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

type leaf struct {
	Weight *tensor.Tensor `weight:"weight"`
	Bias   *tensor.Tensor `weight:"bias"`
}

type net struct {
	Conv   *leaf    `weight:"conv"`
	Layers []*leaf  `weight:"layers"`
	Tail   *leaf    `weight:"deep.tail"`
	Note   []string // no weights
}

func newNet() *net {
	l := func() *leaf { return &leaf{Weight: tensor.Declare(2, 3), Bias: tensor.Declare(2)} }
	n := &net{Conv: l(), Layers: []*leaf{l(), l()}, Tail: l()}
	n.Tail.Bias = nil
	return n
}

func newSource() Map {
	m := Map{}
	Walk(newNet(), func(name string, t *tensor.Tensor) {
		x := tensor.New(t.Shape...)
		x.Data[0] = float32(len(m) + 1)
		m[name] = x
	})
	return m
}

func TestBind(t *testing.T) {
	n, src := newNet(), newSource()
	src["conv.num_batches_tracked"] = tensor.New()
	if err := Bind(n, src); err != nil {
		t.Fatal(err)
	}
	if n.Layers[1].Weight.Name != "layers.1.weight" || n.Tail.Weight.Data[0] == 0 {
		t.Errorf("bound %v, %v", n.Layers[1].Weight, n.Tail.Weight.Data)
	}
}

// theirNet is a net whose checkpoints may have upper-case names.
type theirNet net

func (*theirNet) Canonical(src Source) Source { return Rename(src, strings.ToLower) }

// TestBindLayouts binds a checkpoint in another layout that the model knows.
func TestBindLayouts(t *testing.T) {
	theirs := Rename(newSource(), strings.ToUpper)
	m := (*theirNet)(newNet())
	if err := Compare(m, theirs).Err(); err != nil {
		t.Error(err)
	}
	if err := Bind(m, theirs); err != nil {
		t.Fatal(err)
	}
	if m.Tail.Weight.Data[0] == 0 {
		t.Error("a tensor has no data")
	}
	if err := Bind(newNet(), nil); err == nil {
		t.Error("it has bound nil")
	}
	if err := Bind(newNet(), theirs); err == nil {
		t.Error("a model that does not know the layout binds it")
	}
}

func TestBindNamesEveryProblem(t *testing.T) {
	n, src := newNet(), newSource()
	delete(src, "layers.0.bias")
	src["conv.weight"] = tensor.New(3, 2)
	src["extra.weight"] = tensor.New(1)
	src["mask.a"] = tensor.New(1)
	err := Bind(n, src, "mask.*")
	for _, want := range []string{"missing layers.0.bias [2]", "conv.weight is [3, 2], the model wants [2, 3]", "unused extra.weight"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "mask") {
		t.Errorf("error names an ignored tensor: %v", err)
	}
	if n.Layers[1].Weight.Data != nil {
		t.Error("a failed Bind filled a tensor")
	}
}

func TestSafetensorsRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.safetensors")
	a := &tensor.Tensor{Name: "a", Shape: tensor.Shape{2, 3}, Data: []float32{1, 2, 3, 4, 5, -6}}
	b := &tensor.Tensor{Name: "b", Shape: tensor.Shape{}, Data: []float32{7}}
	if err := WriteSafetensors(path, map[string]string{"k": "v"}, a, b); err != nil {
		t.Fatal(err)
	}
	src, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	s := src.(*Safetensors)
	defer s.Close()
	if s.Metadata["k"] != "v" || strings.Join(s.Names(), " ") != "a b" {
		t.Errorf("metadata %v, names %v", s.Metadata, s.Names())
	}
	for _, want := range []*tensor.Tensor{a, b} {
		got, err := s.Tensor(want.Name)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := tensor.Diff(got, want); err != nil || d.Max != 0 {
			t.Errorf("%s: %v %v", want.Name, d, err)
		}
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
}

// TestSafetensorsHeader expects what is wrong with a header.
func TestSafetensorsHeader(t *testing.T) {
	const line = `"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}`
	for header, want := range map[string]string{
		`{` + line + `, ` + line + `}`:                                   `name "a" is used twice`,
		`{"__metadata__": {}, ` + line + `, "__metadata__": {"a": "b"}}`: `name "__metadata__" is used twice`,
		`{` + line:          "unexpected end of JSON input",
		`{` + line + `} {}`: "after top-level value",
		`[]`:                "cannot unmarshal array",
		`{"a": {"dtype": "F9", "shape": [33], "data_offsets": [0, 4]}}`:                                  "a: shape [33] does not fit in 4 bytes",
		`{"a": {"dtype": "F32", "dtype": "F32"}}`:                                                        `name "dtype" is used twice`,
		`{"__metadata__": {"a": "b", "\u0061": "c"}}`:                                                    `name "a" is used twice`,
		"{\"w\xff\": 1, \"w\xfe\": 2}":                                                                   `"w\xff", "w\xfe" are not UTF-8`,
		`{"\ud800": 1, "\ud801": 2}`:                                                                     `is used twice`,
		`{"a": {"dtype": "F32", "shape": [0` + strings.Repeat(", 0", 99) + `], "data_offsets": [0, 0]}}`: "100 dimensions",
		`{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}`:                                  "a: shape [2] does not fit in 4 bytes",
		`{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}`:                                  "outside the 4 bytes",
		`{"a": {"dtype": "F32", "shape": [0, -1], "data_offsets": [0, 0]}}`:                              "does not fit",
	} {
		file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		file = append(append(file, header...), 0, 0, 0, 0)
		if _, err := ReadSafetensors(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", header, err, want)
		}
	}
}

func FuzzReadSafetensors(f *testing.F) {
	path := filepath.Join(f.TempDir(), "a")
	if err := WriteSafetensors(path, nil, &tensor.Tensor{Name: "a", Shape: tensor.Shape{1}, Data: []float32{1}}); err != nil {
		f.Fatal(err)
	}
	seed, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff{}"))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := ReadSafetensors(file)
		if err != nil {
			return
		}
		for _, n := range s.Names() {
			e, _ := s.Entry(n)
			if e.Shape.Len() > 8*len(file) {
				t.Fatalf("%s: %v in %d bytes", n, e.Shape, len(file))
			}
			if _, err := s.Tensor(n); err != nil && readable(e.DType) {
				t.Fatal(err)
			}
		}
	})
}

func TestFragmentsAfterUnderscore(t *testing.T) {
	var m struct {
		A struct {
			Conv struct {
				W *tensor.Tensor `weight:"weight"`
			} `weight:"conv"`
		} `weight:"h1_"`
	}
	m.A.Conv.W = tensor.Declare(1)
	Walk(&m, func(name string, _ *tensor.Tensor) {
		if name != "h1_conv.weight" {
			t.Errorf("name is %s", name)
		}
	})
}
