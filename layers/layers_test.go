package layers

import (
	"context"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

type net struct {
	Conv *Conv2d    `weight:"stem.conv"`
	BN   *BatchNorm `weight:"stem.bn"`
	Norm *LayerNorm `weight:"norm"`
	FC   *Linear    `weight:"fc"`
}

func newNet() *net {
	return &net{
		Conv: NewConv2d(4, 6, graph.Pair{3, 1}, graph.Conv2d{Pad: graph.Pair{1, 0}, Groups: 2}).NoBias(),
		BN:   NewBatchNorm(6),
		Norm: NewLayerNorm(6),
		FC:   NewLinear(6, 5),
	}
}

func (m *net) Forward(x *graph.Value) *graph.Value {
	return m.FC.Forward(m.Norm.Forward(m.BN.Forward(m.Conv.Forward(x)).ReLU()))
}

func TestNamesAndShapes(t *testing.T) {
	var got []string
	weights.Walk(newNet(), func(name string, w *tensor.Tensor) { got = append(got, w.String()) })
	want := "stem.conv.weight [6, 2, 3, 1], stem.bn.weight [6], stem.bn.bias [6], stem.bn.running_mean [6], " +
		"stem.bn.running_var [6], norm.weight [6], norm.bias [6], fc.weight [5, 6], fc.bias [5]"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("weights are\n%s\nwant\n%s", s, want)
	}
}

// TestForward uses weights that make the result easy to work out: the convolution
// sums, the norm centres, and the linear layer picks one channel.
func TestForward(t *testing.T) {
	m := newNet()
	weights.Walk(m, func(name string, w *tensor.Tensor) {
		w.Data = make([]float32, w.Shape.Len())
		for i := range w.Data {
			switch {
			case name == "stem.conv.weight", name == "stem.bn.weight", name == "stem.bn.running_var", name == "norm.weight":
				w.Data[i] = 1
			case name == "fc.bias":
				w.Data[i] = float32(i)
			}
		}
	})
	m.FC.Weight.Data[0] = 1
	g, err := graph.Trace(func(g *graph.Graph) { g.Output("y", m.Forward(g.Input("x", 1, 1, 1, 4))) })
	if err != nil {
		t.Fatal(err)
	}
	y, err := g.Eval(context.Background(), tensor.Of([]float32{1, 2, -8, 3}, 1, 1, 1, 4))
	if err != nil {
		t.Fatal(err)
	}
	want := tensor.Of([]float32{1, 1, 2, 3, 4}, 1, 1, 1, 5) // channels 3, 3, 3, 0, 0, 0, normalised, plus the bias
	if d, err := tensor.Diff(y[0], want); err != nil || d.Max > 1e-4 {
		t.Errorf("%v, %v", d, err)
	}
}

func TestErrorsNameTheLayer(t *testing.T) {
	m := newNet()
	weights.Walk(m, func(string, *tensor.Tensor) {})
	_, err := graph.Trace(func(g *graph.Graph) { g.Output("y", m.Forward(g.Input("x", 1, 5, 5, 8))) })
	if err == nil || !strings.Contains(err.Error(), "stem.conv: conv2d") || !strings.Contains(err.Error(), "input has 8 channels, weight wants 4") {
		t.Errorf("error is %v", err)
	}
}
