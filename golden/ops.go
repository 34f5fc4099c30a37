package golden

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// ops holds, for each file of operations, the function that makes a case from a
// sub-case.
var ops = map[string]func(sub) (Case, error){
	"op:activations":      activation,
	"op:adaptive_pool2d":  adaptivePool,
	"op:attention":        attention,
	"op:avgpool2d":        pool(avgPool),
	"op:conv2d":           conv2d,
	"op:conv_transpose2d": convTranspose2d,
	"op:linear":           linear,
	"op:mae_pieces":       maePieces,
	"op:matmul":           matmul,
	"op:maxpool2d":        pool(maxPool),
	"op:norms":            norms,
	"op:preprocess":       preprocess,
	"op:resample":         resample,
	"op:sam_pieces":       samPieces,
	"op:shape_ops":        shapeOps,
	"op:softmax":          softmax,
	"op:swin_pieces":      swinPieces,
}

func activation(s sub) (Case, error) {
	kind := s.Kind
	switch kind {
	case "gelu_erf":
		kind = "gelu"
	case "leaky_relu_0.01":
		kind = "leaky_relu"
	}
	act := graph.None
	for a := graph.None; a <= graph.ExpClamped; a++ {
		if a.String() == kind {
			act = a
		}
	}
	if act == graph.None {
		return Case{}, fmt.Errorf("activation %q is unknown", s.Kind)
	}
	return one(s.out("y"), []*tensor.Tensor{s.in("x")}, func(_ *graph.Graph, in []*graph.Value) *graph.Value {
		return in[0].Activate(act)
	})
}

func conv2d(s sub) (Case, error) {
	var a struct {
		Stride, Padding, Dilation graph.Pair
		Groups                    int
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	op := graph.Conv2d{Stride: a.Stride, Pad: a.Padding, Dilation: a.Dilation, Groups: a.Groups}
	op.Bias = s.has("weight", "bias")
	return one(s.outImage("y"), []*tensor.Tensor{s.inImage("x")}, func(g *graph.Graph, in []*graph.Value) *graph.Value {
		args := []*graph.Value{in[0], g.Const(s.weight("weight"))}
		if op.Bias {
			args = append(args, g.Const(s.weight("bias")))
		}
		return graph.Apply(op, args...)
	})
}

func linear(s sub) (Case, error) {
	op := graph.Linear{}
	op.Bias = s.has("weight", "bias")
	return one(s.out("y"), []*tensor.Tensor{s.in("x")}, func(g *graph.Graph, in []*graph.Value) *graph.Value {
		args := []*graph.Value{in[0], g.Const(s.weight("weight"))}
		if op.Bias {
			args = append(args, g.Const(s.weight("bias")))
		}
		return graph.Apply(op, args...)
	})
}

// one makes a case with one op. Its inputs become graph inputs, in order, and build
// adds the rest.
func one(want *tensor.Tensor, inputs []*tensor.Tensor, build func(g *graph.Graph, in []*graph.Value) *graph.Value) (Case, error) {
	return several([]*tensor.Tensor{want}, inputs, func(g *graph.Graph, in []*graph.Value) []*graph.Value {
		return []*graph.Value{build(g, in)}
	})
}

// several is like one, but for several outputs.
func several(want, inputs []*tensor.Tensor, build func(g *graph.Graph, in []*graph.Value) []*graph.Value) (Case, error) {
	g, err := graph.Trace(func(g *graph.Graph) {
		var in []*graph.Value
		for _, t := range inputs {
			in = append(in, g.Input(t.Name, t.Shape...))
		}
		for i, v := range build(g, in) {
			g.Output(want[i].Name, v)
		}
	})
	return Case{Graph: g, Inputs: inputs, Want: want}, err
}
