package onnx

import (
	"math"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// TestNothing runs operators on inputs without elements.
func TestNothing(t *testing.T) {
	ints := func(name string, v ...int64) *Attribute { return &Attribute{Name: name, Ints: v} }
	is := func(name string, i int64) *Attribute { return &Attribute{Name: name, I: i} }
	zeros := func(s ...int) *Array { return newArray(Float32, s) }
	kernel, nan, inf := ints("kernel_shape", 2, 2), math.NaN(), math.Inf(1)
	for _, c := range []struct {
		op         string
		inputs     []*Array
		attributes []*Attribute
		want       tensor.Shape
		fill       float64
	}{
		{"Conv", []*Array{zeros(0, 3, 5, 5), zeros(2, 3, 3, 3)}, nil, tensor.Shape{0, 2, 3, 3}, 0},
		{"Conv", []*Array{zeros(1, 0, 5, 5), zeros(2, 0, 3, 3), Floats([]float32{4, 4}, 2)}, nil, tensor.Shape{1, 2, 3, 3}, 4},
		{"Conv", []*Array{zeros(1, 3, 0), zeros(2, 3, 3)}, []*Attribute{ints("pads", 2, 2)}, tensor.Shape{1, 2, 2}, 0},
		{"ConvTranspose", []*Array{zeros(0, 3, 5, 5), zeros(3, 2, 3, 3)}, []*Attribute{ints("strides", 2, 2)}, tensor.Shape{0, 2, 11, 11}, 0},
		{"MaxPool", []*Array{zeros(0, 3, 5, 4)}, []*Attribute{kernel}, tensor.Shape{0, 3, 4, 3}, 0},
		{"AveragePool", []*Array{zeros(2, 0, 5, 4)}, []*Attribute{kernel, ints("strides", 2, 2), is("ceil_mode", 1)}, tensor.Shape{2, 0, 3, 2}, 0},
		{"LpPool", []*Array{zeros(2, 0, 5)}, []*Attribute{ints("kernel_shape", 2)}, tensor.Shape{2, 0, 4}, 0},
		{"GlobalAveragePool", []*Array{zeros(0, 3, 5, 4)}, nil, tensor.Shape{0, 3, 1, 1}, 0},
		{"GlobalAveragePool", []*Array{zeros(1, 3, 0, 4)}, nil, tensor.Shape{1, 3, 1, 1}, nan},
		{"Resize", []*Array{zeros(0, 3, 4, 4), zeros(0), Floats([]float32{1, 1, 2, 0.5}, 4)}, nil, tensor.Shape{0, 3, 8, 2}, 0},
		{"Resize", []*Array{zeros(1, 3, 0, 4), zeros(0), zeros(0), Ints(1, 3, 0, 9)}, nil, tensor.Shape{1, 3, 0, 9}, 0},
		{"Einsum", []*Array{zeros(2, 0), zeros(0, 3)}, []*Attribute{{Name: "equation", S: "ij,jk->ki"}}, tensor.Shape{3, 2}, 0},
		{"Einsum", []*Array{zeros(0, 2), zeros(2, 3)}, []*Attribute{{Name: "equation", S: "ij,jk"}}, tensor.Shape{0, 3}, 0},
		{"MatMul", []*Array{zeros(2, 0), zeros(0, 3)}, nil, tensor.Shape{2, 3}, 0},
		{"MatMul", []*Array{zeros(0, 2, 4), zeros(4, 3)}, nil, tensor.Shape{0, 2, 3}, 0},
		{"Gemm", []*Array{zeros(2, 0), zeros(0, 3), Floats([]float32{7}, 1)}, nil, tensor.Shape{2, 3}, 7},
		{"ReduceMean", []*Array{zeros(0, 3)}, []*Attribute{ints("axes", 0)}, tensor.Shape{1, 3}, nan},
		{"ReduceSum", []*Array{zeros(0, 3), Ints(0)}, nil, tensor.Shape{1, 3}, 0},
		{"ReduceProd", []*Array{zeros(0, 3)}, []*Attribute{is("keepdims", 0)}, tensor.Shape{}, 1},
		{"ReduceMax", []*Array{zeros(0, 3)}, []*Attribute{is("keepdims", 0)}, tensor.Shape{}, -inf},
		{"ReduceLogSumExp", []*Array{zeros(0, 3)}, []*Attribute{is("keepdims", 0)}, tensor.Shape{}, -inf},
		{"ReduceMean", []*Array{zeros(0, 3)}, []*Attribute{ints("axes", 1)}, tensor.Shape{0, 1}, 0},
		{"Softmax", []*Array{zeros(0, 3)}, nil, tensor.Shape{0, 3}, 0},
		{"LayerNormalization", []*Array{zeros(0, 3), zeros(3)}, nil, tensor.Shape{0, 3}, 0},
		{"BatchNormalization", []*Array{zeros(0, 3, 2, 2), zeros(3), zeros(3), zeros(3), zeros(3)}, nil, tensor.Shape{0, 3, 2, 2}, 0},
		{"InstanceNormalization", []*Array{zeros(0, 3, 2, 2), zeros(3), zeros(3)}, nil, tensor.Shape{0, 3, 2, 2}, 0},
		{"LRN", []*Array{zeros(0, 3, 2, 2)}, []*Attribute{is("size", 3)}, tensor.Shape{0, 3, 2, 2}, 0},
		{"CumSum", []*Array{zeros(0, 3), Ints(1)}, nil, tensor.Shape{0, 3}, 0},
		{"Pad", []*Array{zeros(0, 3), Ints(0, 1, 0, 1)}, nil, tensor.Shape{0, 5}, 0},
		{"Pad", []*Array{zeros(0, 3), Ints(1, 0, 1, 0), Floats([]float32{6})}, nil, tensor.Shape{2, 3}, 6},
		{"Transpose", []*Array{zeros(0, 3)}, nil, tensor.Shape{3, 0}, 0},
		{"DepthToSpace", []*Array{zeros(0, 4, 2, 2)}, []*Attribute{is("blocksize", 2)}, tensor.Shape{0, 1, 4, 4}, 0},
		{"Tile", []*Array{zeros(0, 3), Ints(2, 2)}, nil, tensor.Shape{0, 6}, 0},
		{"GatherElements", []*Array{zeros(2, 3), newArray(Int64, tensor.Shape{0, 3})}, nil, tensor.Shape{0, 3}, 0},
		{"GatherND", []*Array{zeros(2, 3), newArray(Int64, tensor.Shape{0, 1})}, nil, tensor.Shape{0, 3}, 0},
		{"ScatterElements", []*Array{zeros(2, 3), newArray(Int64, tensor.Shape{0, 3}), zeros(0, 3)}, nil, tensor.Shape{2, 3}, 0},
		{"RoiAlign", []*Array{zeros(1, 3, 4, 4), zeros(0, 4), newArray(Int64, tensor.Shape{0})}, []*Attribute{is("output_height", 2), is("output_width", 2)}, tensor.Shape{0, 3, 2, 2}, 0},
		{"GridSample", []*Array{zeros(0, 3, 4, 4), zeros(0, 2, 2, 2)}, nil, tensor.Shape{0, 3, 2, 2}, 0},
		{"TopK", []*Array{zeros(0, 3), Ints(2)}, nil, tensor.Shape{0, 2}, 0},
		{"OneHot", []*Array{newArray(Int64, tensor.Shape{0}), Ints(3), zeros(2)}, nil, tensor.Shape{0, 3}, 0},
		{"Trilu", []*Array{zeros(0, 3)}, nil, tensor.Shape{0, 3}, 0},
		{"Where", []*Array{newArray(Bool, tensor.Shape{0, 1}), zeros(3), zeros(1)}, nil, tensor.Shape{0, 3}, 0},
		{"Gelu", []*Array{zeros(0, 3)}, nil, tensor.Shape{0, 3}, 0},
		{"ArgMax", []*Array{zeros(0, 3)}, []*Attribute{is("axis", 1)}, tensor.Shape{0, 1}, 0},
	} {
		node := &Node{Op: c.op, Outputs: []string{"y"}, Attributes: c.attributes}
		m := &Model{Opsets: map[string]int{"": 17}, Graph: &Graph{Nodes: []*Node{node}, Outputs: []*Info{{Name: "y"}}}}
		if c.op == "Gelu" {
			m.Opsets[""] = 20
		}
		values := map[string]*Array{}
		for i, a := range c.inputs {
			name := string(rune('a' + i))
			node.Inputs = append(node.Inputs, name)
			m.Graph.Inputs = append(m.Graph.Inputs, &Info{Name: name})
			values[name] = a
		}
		n, err := Import(m, Options{Values: values})
		if err != nil {
			t.Errorf("%s of %v: %v", c.op, c.inputs[0].Shape, err)
			continue
		}
		y := n.Outputs[0].Known
		if y == nil || !y.Shape.Equal(c.want) {
			t.Errorf("%s of %v: %v, want %v", c.op, c.inputs[0].Shape, n.Outputs[0].Shape, c.want)
			continue
		}
		for i := range y.Len() {
			if got := y.At(i); got != c.fill && (got == got || c.fill == c.fill) {
				t.Errorf("%s of %v: element %d is %v, want %v", c.op, c.inputs[0].Shape, i, got, c.fill)
			}
		}
	}
}

// TestTileRepeats refuses a number of repeats that is not whole.
func TestTileRepeats(t *testing.T) {
	m := &Model{Opsets: map[string]int{"": 5}, Graph: &Graph{Nodes: []*Node{{Op: "Tile", Inputs: []string{"x", "tiles", "axis"}, Outputs: []string{"y"}}},
		Inputs: []*Info{{Name: "x"}, {Name: "tiles"}, {Name: "axis"}}, Outputs: []*Info{{Name: "y"}}}}
	values := map[string]*Array{"x": Floats([]float32{1, 2}, 2), "tiles": Floats([]float32{1.5}), "axis": Floats([]float32{0})}
	if _, err := Import(m, Options{Values: values}); err == nil || !strings.Contains(err.Error(), "1.5 repeats") {
		t.Error(err)
	}
}
