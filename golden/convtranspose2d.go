package golden

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func convTranspose2d(s sub) (Case, error) {
	var a struct {
		Stride, Padding, Dilation graph.Pair
		OutputPadding             graph.Pair `json:"output_padding"`
		Groups                    int
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	op := graph.ConvTranspose2d{Stride: a.Stride, Pad: a.Padding, OutputPad: a.OutputPadding, Dilation: a.Dilation, Groups: a.Groups}
	op.Bias = s.has("weight", "bias")
	return one(s.outImage("y"), []*tensor.Tensor{s.inImage("x")}, func(g *graph.Graph, in []*graph.Value) *graph.Value {
		args := []*graph.Value{in[0], g.Const(s.weight("weight"))}
		if op.Bias {
			args = append(args, g.Const(s.weight("bias")))
		}
		return graph.Apply(op, args...)
	})
}
