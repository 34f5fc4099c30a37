package onnx

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// message builds a message of fields for tests.
type message []byte

func (m message) bytes(n protowire.Number, b []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, n, protowire.BytesType), b)
}

func (m message) text(n protowire.Number, s string) message { return m.bytes(n, []byte(s)) }

func (m message) int(n protowire.Number, v int64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, n, protowire.VarintType), uint64(v))
}

func (m message) float(n protowire.Number, v float32) message {
	return protowire.AppendFixed32(protowire.AppendTag(m, n, protowire.Fixed32Type), math.Float32bits(v))
}

func packed(v ...int64) (b []byte) {
	for _, x := range v {
		b = protowire.AppendVarint(b, uint64(x))
	}
	return b
}

// TestTensor reads the same numbers in each of the ways that a file may hold them.
func TestTensor(t *testing.T) {
	for name, c := range map[string]struct {
		m    message
		want []float64
	}{
		"raw floats":      {message{}.int(1, 2).int(2, 1).bytes(9, []byte{0, 0, 128, 63, 0, 0, 0, 192}), []float64{1, -2}},
		"floats":          {message{}.bytes(1, packed(2)).int(2, 1).float(4, 1).float(4, -2), []float64{1, -2}},
		"packed and not":  {message{}.bytes(1, packed(3)).int(2, 1).bytes(4, []byte{0, 0, 128, 63}).float(4, -2).float(4, 3), []float64{1, -2, 3}},
		"int64":           {message{}.int(1, 2).int(2, 7).bytes(7, packed(1<<40, -1)), []float64{1 << 40, -1}},
		"int64, not":      {message{}.int(1, 2).int(2, 7).int(7, 5).int(7, -1), []float64{5, -1}},
		"raw int64":       {message{}.int(1, 1).int(2, 7).bytes(9, []byte{254, 255, 255, 255, 255, 255, 255, 255}), []float64{-2}},
		"int32":           {message{}.int(1, 1).int(2, 6).bytes(5, packed(-7)), []float64{-7}},
		"uint8 as int32":  {message{}.int(1, 2).int(2, 2).bytes(5, packed(200, 3)), []float64{200, 3}},
		"int8":            {message{}.int(1, 2).int(2, 3).bytes(9, []byte{200, 3}), []float64{-56, 3}},
		"bool":            {message{}.int(1, 2).int(2, 9).bytes(9, []byte{2, 0}), []float64{1, 0}},
		"float16 codes":   {message{}.int(1, 3).int(2, 10).bytes(5, packed(0x3c00, 0xc000, 0x0001)), []float64{1, -2, math.Ldexp(1, -24)}},
		"raw float16":     {message{}.int(1, 2).int(2, 10).bytes(9, []byte{0, 0x7c, 255, 0x7b}), []float64{math.Inf(1), 65504}},
		"bfloat16":        {message{}.int(1, 1).int(2, 16).bytes(9, []byte{0x80, 0xbf}), []float64{-1}},
		"double":          {message{}.int(1, 1).int(2, 11).bytes(10, []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f}), []float64{1}},
		"uint64":          {message{}.int(1, 1).int(2, 13).bytes(11, packed(-1)), []float64{math.MaxUint64}},
		"int4":            {message{}.int(1, 3).int(2, 22).bytes(9, []byte{0xf1, 0x07}), []float64{1, -1, 7}},
		"uint4 in int32":  {message{}.int(1, 3).int(2, 21).bytes(5, packed(0xf1, 0x07)), []float64{1, 15, 7}},
		"float8 e4m3":     {message{}.int(1, 3).int(2, 17).bytes(9, []byte{0x38, 0x7e, 0xc0}), []float64{1, 448, -2}},
		"float8 e5m2":     {message{}.int(1, 2).int(2, 19).bytes(9, []byte{0x3c, 0x7c}), []float64{1, math.Inf(1)}},
		"float4":          {message{}.int(1, 4).int(2, 23).bytes(9, []byte{0x71, 0x92}), []float64{0.5, 6, 1, -0.5}},
		"no dimensions":   {message{}.int(2, 1).float(4, 3), []float64{3}},
		"no elements":     {message{}.int(1, 0).int(2, 1), nil},
		"unknown fields":  {message{}.int(77, 1).text(78, "x").int(1, 1).int(2, 1).float(4, 3), []float64{3}},
		"the last is it":  {message{}.int(1, 1).int(2, 7).int(2, 1).float(4, 3), []float64{3}},
		"raw before dims": {message{}.bytes(9, []byte{7}).int(2, 2).int(1, 1), []float64{7}},
	} {
		a, err := ReadTensor(c.m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []float64
		for i := range a.Len() {
			got = append(got, a.At(i))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestTensorFaults reads tensors that lie about themselves.
func TestTensorFaults(t *testing.T) {
	for want, m := range map[string]message{
		"4 bytes, but float32 [2] takes 8":      message{}.int(1, 2).int(2, 1).bytes(9, make([]byte, 4)),
		"1 numbers for [2]":                     message{}.int(1, 2).int(2, 1).float(4, 1).bytes(4, nil).bytes(5, packed(1, 1)),
		"4 bytes of numbers for [1000000000]":   message{}.int(1, 1e9).int(2, 1).float(4, 1),
		"dimensions [-1]":                       message{}.int(1, -1).int(2, 1),
		"dimensions [4294967296 4294967296]":    message{}.int(1, 1<<32).int(1, 1<<32).int(2, 1),
		"elements of type string are not read":  message{}.int(1, 1).int(2, 8).text(6, "a"),
		"elements of type type 99 are not read": message{}.int(1, 1).int(2, 99),
		"more than 64 dimensions":               message{}.bytes(1, make([]byte, 65)).int(2, 1),
		"unexpected EOF":                        message{}.int(1, 1)[:1],
		"in segments":                           message{}.bytes(3, nil),
	} {
		if _, err := ReadTensor(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// modelOf makes a model of a graph.
func modelOf(graph message) message {
	return message{}.int(1, 8).bytes(8, message{}.text(1, "").int(2, 17)).bytes(7, graph)
}

// infoOf makes a float32 input or output.
func infoOf(name string, dims ...any) message { return typed(Float32, name, dims...) }

func typed(t Type, name string, dims ...any) message {
	shape := message{}
	for _, d := range dims {
		switch d := d.(type) {
		case int:
			shape = shape.bytes(1, message{}.int(1, int64(d)))
		case string:
			shape = shape.bytes(1, message{}.text(2, d))
		}
	}
	return message{}.text(1, name).bytes(2, message{}.bytes(1, message{}.int(1, int64(t)).bytes(2, shape)))
}

// TestSplit reads a model whose messages come in two parts, as the wire format allows.
func TestSplit(t *testing.T) {
	node := message{}.text(1, "x").text(2, "y").text(4, "Relu")
	m, err := Read(modelOf(message{}.bytes(11, infoOf("x", "n", 2))).bytes(7, message{}.bytes(1, node).bytes(12, infoOf("y"))))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Graph.Inputs) != 1 || len(m.Graph.Nodes) != 1 || len(m.Graph.Outputs) != 1 || m.Opsets[""] != 17 {
		t.Errorf("%+v", m.Graph)
	}
	if d := m.Graph.Inputs[0].Dims; d[0].Name != "n" || d[1].N != 2 {
		t.Errorf("dimensions %v", d)
	}
}

// TestUnsupported finds a node without a converter, and where it is.
func TestUnsupported(t *testing.T) {
	node := message{}.text(1, "x").text(2, "y").text(4, "Relu")
	odd := message{}.text(1, "y").text(2, "z").text(4, "Odd").text(3, "n")
	data := modelOf(message{}.bytes(1, node).bytes(1, odd).bytes(11, infoOf("x", 2)).bytes(12, infoOf("z")))
	m, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	list := m.Unsupported()
	if len(list) != 1 || list[0].Name != "n" || !bytes.HasPrefix(data[list[0].Offset:], odd) {
		t.Errorf("%+v", list)
	}
	const want = "node n (Odd), opset 17, of float32 [2]: operator Odd is not supported"
	if _, err := Import(m, Options{}); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestBind gives the extents of free dimensions.
func TestBind(t *testing.T) {
	node := message{}.text(1, "x").text(2, "y").text(4, "Relu")
	for _, c := range []struct {
		dims   []any
		o      Options
		want   []int
		reason string
	}{
		{[]any{"n", 3}, Options{Dims: map[string]int{"n": 2}}, []int{2, 3}, ""},
		{[]any{"n", 3}, Options{}, nil, "dimension 0 of input x is free: [n 3]"},
		{[]any{"?", "?"}, Options{Dims: map[string]int{"?": 2}}, nil, "dimension 0 of input x is free"},
		{[]any{"", 3}, Options{Dims: map[string]int{"": 2}}, nil, "dimension 0 of input x is free"},
		{[]any{"?", "?"}, Options{Shapes: map[string][]int{"x": {4, 5}}}, []int{4, 5}, ""},
		{[]any{2, 3}, Options{Shapes: map[string][]int{"x": {4}}}, nil, "has 2 dimensions"},
	} {
		m, err := Read(modelOf(message{}.bytes(1, node).bytes(11, infoOf("x", c.dims...)).bytes(12, infoOf("y"))))
		if err != nil {
			t.Fatal(err)
		}
		n, err := Import(m, c.o)
		switch {
		case c.reason != "" && (err == nil || !strings.Contains(err.Error(), c.reason)):
			t.Errorf("%v: %v, want %s", c.dims, err, c.reason)
		case c.reason == "" && (err != nil || !slices.Equal(n.Outputs[0].Shape, c.want)):
			t.Errorf("%v: %v, want %v", c.dims, err, c.want)
		}
	}
}

// TestDeep reads graphs inside graphs, too many of them.
func TestDeep(t *testing.T) {
	g := message{}
	for range 100 {
		attribute := message{}.text(1, "then_branch").bytes(6, g)
		g = message{}.bytes(1, message{}.text(4, "If").bytes(5, attribute))
	}
	if _, err := Read(modelOf(g)); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Error(err)
	}
}

// TestMade imports a short file whose nodes make large constants: some fit, and all do not.
func TestMade(t *testing.T) {
	shape := message{}.int(1, 2).int(2, int64(Int64)).text(8, "shape").bytes(7, packed(4096, 4096))
	g := message{}.bytes(5, shape)
	for _, y := range []string{"a", "b", "c"} {
		g = g.bytes(1, message{}.text(1, "shape").text(2, y).text(4, "ConstantOfShape"))
	}
	m, err := Read(modelOf(g.bytes(12, infoOf("c"))))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Import(m, Options{}); err == nil || !strings.Contains(err.Error(), "makes c") || !strings.Contains(err.Error(), "too large") {
		t.Error(err)
	}
}

// TestExternal reads a weight from another file, and refuses one that leaves the folder or
// the file.
func TestExternal(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "model")
	if err := os.MkdirAll(filepath.Join(sub, "w"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "secret.bin"), filepath.Join(sub, "w", "a.bin")} {
		if err := os.WriteFile(path, []byte{9, 9, 9, 9, 0, 0, 128, 63, 0, 0, 0, 64}, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		location, offset, length, want string
	}{
		{"w/a.bin", "4", "8", ""},
		{"w/a.bin", "4", "", ""},
		{"w/a.bin", "8", "8", "8 bytes from 8 on of w/a.bin, which has 12"},
		{"w/a.bin", "4", "4", "4 bytes from 4"},
		{"w/a.bin", "-4", "8", `offset of external data is "-4"`},
		{"w/a.bin", "9223372036854775807", "8", "8 bytes from 9223372036854775807"},
		{"../secret.bin", "4", "8", "not inside the model's folder"},
		{filepath.Join(dir, "secret.bin"), "4", "8", "not inside the model's folder"},
		{"w/../../secret.bin", "4", "8", "not inside the model's folder"},
		{"", "4", "8", "not inside the model's folder"},
		{"w", "4", "8", "a folder"},
	} {
		entry := func(k, v string) message { return message{}.text(1, k).text(2, v) }
		w := message{}.text(8, "w").int(1, 2).int(2, 1).int(14, 1).bytes(13, entry("location", c.location)).bytes(13, entry("offset", c.offset))
		if c.length != "" {
			w = w.bytes(13, entry("length", c.length))
		}
		path := filepath.Join(sub, "model.onnx")
		if err := os.WriteFile(path, modelOf(message{}.bytes(5, w)), 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		a, err := m.Graph.Initializers[0].Array()
		switch {
		case c.want == "" && (err != nil || a.F[0] != 1 || a.F[1] != 2):
			t.Errorf("%s: %v", c.location, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %s", c.location, err, c.want)
		}
		m.Close()
	}
}

// FuzzRead reads and imports what it is given. The seeds are models of ONNX's tests.
func FuzzRead(f *testing.F) {
	models, err := filepath.Glob("testdata/suite/*/*/model.onnx")
	if err != nil || len(models) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range models {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(data)
		if err != nil {
			return
		}
		m.Unsupported()
		for _, w := range m.Graph.Initializers {
			if s, err := w.Shape(); err == nil && s.Len() < 1<<16 {
				w.Array()
			}
		}
		for _, v := range m.Graph.Inputs {
			for i := range v.Dims {
				v.Dims[i].N = min(v.Dims[i].N, 8)
			}
		}
		n, err := Import(m, Options{})
		if (n == nil) == (err == nil) || errors.Is(err, ErrInternal) {
			t.Errorf("network %v, error %v", n, err)
		}
	})
}
