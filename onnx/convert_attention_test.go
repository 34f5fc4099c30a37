package onnx

import (
	"math"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// TestAttentionSees attends with equal scores, so results are means of the values that a query
// sees: 1, 2 and 6.
func TestAttentionSees(t *testing.T) {
	mask := func(b ...int64) *Array { return &Array{Type: Bool, Shape: tensor.Shape{2, 3}, I: b} }
	is := func(name string, i int64) *Attribute { return &Attribute{Name: name, I: i} }
	low := float32(math.Inf(-1))
	for _, c := range []struct {
		name       string
		mask, keys *Array
		attributes []*Attribute
		want       []float64
	}{
		{"all", nil, nil, nil, []float64{3, 3}},
		{"some and none", mask(1, 1, 0, 0, 0, 0), nil, nil, []float64{1.5, 0}},
		{"numbers", Floats([]float32{low, low, low, low, 0, 0}, 2, 3), nil, nil, []float64{0, 4}},
		{"very low numbers", Floats([]float32{-math.MaxFloat32, -math.MaxFloat32, -math.MaxFloat32, low, 0, 0}, 2, 3), nil, nil, []float64{3, 4}},
		{"capped", mask(0, 0, 0, 0, 1, 0), nil, []*Attribute{{Name: "softcap", F: 2}}, []float64{0, 2}},
		{"no future", nil, nil, []*Attribute{is("is_causal", 1)}, []float64{1, 1.5}},
		{"no future of some keys", nil, Ints(2), []*Attribute{is("is_causal", 1)}, []float64{1, 1.5}},
		{"no future of all keys", nil, Ints(3), []*Attribute{is("is_causal", 1)}, []float64{1.5, 3}},
		{"fewer keys than queries", nil, Ints(1), []*Attribute{is("is_causal", 1)}, []float64{0, 1}},
		{"a window", nil, nil, []*Attribute{is("left_window_size", 0), is("right_window_size", 1)}, []float64{1.5, 4}},
		{"a window at the end", nil, Ints(3), []*Attribute{is("left_window_size", 1), is("right_window_size", 0)}, []float64{1.5, 4}},
	} {
		values := map[string]*Array{"q": Floats([]float32{0, 0}, 1, 1, 2, 1), "k": Floats([]float32{5, 6, 7}, 1, 1, 3, 1), "v": Floats([]float32{1, 2, 6}, 1, 1, 3, 1)}
		node := &Node{Op: "Attention", Inputs: []string{"q", "k", "v", "", "", "", ""}, Outputs: []string{"y"}, Attributes: c.attributes}
		if c.mask != nil {
			node.Inputs[3], values["mask"] = "mask", c.mask
		}
		if c.keys != nil {
			node.Inputs[6], values["keys"] = "keys", c.keys
		}
		m := &Model{Opsets: map[string]int{"": 24}, Graph: &Graph{Nodes: []*Node{node}, Outputs: []*Info{{Name: "y"}}}}
		for name := range values {
			m.Graph.Inputs = append(m.Graph.Inputs, &Info{Name: name})
		}
		n, err := Import(m, Options{Values: values})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for i, want := range c.want {
			if got := n.Outputs[0].Known.At(i); !(math.Abs(got-want) < 1e-5) {
				t.Errorf("%s: query %d gives %v, want %v", c.name, i, got, want)
			}
		}
	}
}
