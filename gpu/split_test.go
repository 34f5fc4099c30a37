package gpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestJoinedChannels checks layers over concatenated channels. They become sums over
// the parts, all in the same memory. A plan computes them whole or, with a low limit
// for bindings, in stripes.
func TestJoinedChannels(t *testing.T) {
	d := open(t)
	limits := d.info.Limits
	defer func() { d.info.Limits = limits }()
	for _, r := range []struct {
		op     graph.Op
		x      tensor.Shape // without the channels
		parts  []int
		weight tensor.Shape
		limit  int64 // or 0
	}{
		{graph.Conv2d{Pad: graph.Both(1)}, tensor.Shape{1, 17, 19}, []int{16, 32, 20}, tensor.Shape{20, 68, 3, 3}, 0},
		{graph.Conv2d{Pad: graph.Both(1)}, tensor.Shape{1, 17, 16}, []int{16, 32, 20}, tensor.Shape{20, 68, 3, 3}, 20000},
		{graph.Conv2d{}, tensor.Shape{3, 16, 16}, []int{16, 48}, tensor.Shape{16, 64, 1, 1}, 20000},
		{graph.Conv2d{Pad: graph.Both(1), Stride: graph.Both(2)}, tensor.Shape{2, 9, 8}, []int{17, 16, 31}, tensor.Shape{7, 64, 3, 3}, 0},
		{graph.Conv2d{}, tensor.Shape{1, 16, 16}, []int{64, 16, 16, 32}, tensor.Shape{24, 128, 1, 1}, 0},
		{graph.ConvTranspose2d{Stride: graph.Both(2)}, tensor.Shape{1, 5, 6}, []int{16, 48}, tensor.Shape{64, 8, 2, 2}, 0},
		{graph.Linear{}, tensor.Shape{65}, []int{19, 16, 45}, tensor.Shape{12, 80}, 0},
	} {
		t.Run(fmt.Sprint(r.op.Name(), " ", r.limit), func(t *testing.T) {
			d.info.Limits = limits
			if r.limit > 0 {
				d.info.Limits.StorageBinding = r.limit
			}
			random := rand.New(rand.NewPCG(1, uint64(len(r.parts))))
			fill := func(s tensor.Shape) *tensor.Tensor {
				x := tensor.New(s...)
				for i := range x.Data {
					x.Data[i] = float32(random.NormFloat64())
				}
				return x
			}
			var inputs []*tensor.Tensor
			g := trace(t, func(g *graph.Graph) {
				input := func(s tensor.Shape) *graph.Value {
					inputs = append(inputs, fill(s))
					return g.Input(fmt.Sprint("x", len(inputs)), s...)
				}
				var parts []*graph.Value
				for _, c := range r.parts {
					parts = append(parts, input(append(r.x.Clone(), c)))
				}
				y := graph.Apply(r.op, graph.Cat(-1, parts...), g.Const(fill(r.weight)))
				c := y.Shape[len(y.Shape)-1]
				y = y.Add(g.Const(fill(tensor.Shape{c}))).Add(input(y.Shape).Mul(g.Const(fill(tensor.Shape{c}))))
				g.Output("y", y.ReLU())
			})
			want, err := g.Eval(t.Context(), inputs...)
			if err != nil {
				t.Fatal(err)
			}
			p, err := d.Compile(g)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if n := len(r.parts); r.limit > 0 && p.Stats().Dispatches < 3*n {
				t.Errorf("not in stripes:\n%v", p)
			}
			if err := p.Poison(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				got, err := p.Run(t.Context(), inputs...)
				if err != nil {
					t.Fatal(err)
				}
				if diff, err := tensor.Diff(got[0], want[0]); err != nil || !(diff.Relative <= opTolerance) {
					t.Errorf("%v, %v\n%v", diff, err, p)
				}
			}
		})
	}
}
