package gpu

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// pointRows adds the ops that sample images at points, and detection.
func pointRows(add func(op graph.Op, consts int, args ...tensor.Shape)) {
	for mode := graph.SampleLinear; mode <= graph.SampleCubic; mode++ {
		for border := graph.BorderZeros; border <= graph.BorderReflect; border++ {
			for _, align := range []bool{false, true} {
				op := graph.GridSample{Mode: mode, Border: border, AlignCorners: align}
				add(op, 2, tensor.Shape{2, 5, 7, 3}, tensor.Shape{2, 9, 11, 2})
				add(op, 2, tensor.Shape{1, 1, 6, 8}, tensor.Shape{1, 13, 5, 2})
				add(op, 2, tensor.Shape{2, 3, 5, 4, 2}, tensor.Shape{2, 4, 5, 6, 3})
			}
		}
	}
	for _, half := range []bool{false, true} {
		for _, largest := range []bool{false, true} {
			op := graph.RoiAlign{Size: graph.Pair{3, 5}, Scale: 3, HalfPixel: half, Max: largest}
			regions := []tensor.Shape{{11, 4}, {11}}
			add(op, 3, append([]tensor.Shape{{2, 7, 9, 5}}, regions...)...)
			op.Samples, op.Scale = 2, 5
			add(op, 3, append([]tensor.Shape{{3, 16, 12, 8}}, regions...)...)
		}
	}
	add(graph.DeformColumns{Size: graph.Both(3), Pad: graph.Both(1)}, 2, tensor.Shape{2, 6, 7, 5}, tensor.Shape{2, 6, 7, 18})
	add(graph.DeformColumns{Size: graph.Pair{2, 3}, Stride: graph.Pair{2, 1}, Dilation: graph.Pair{1, 2}, Groups: 3, Mask: true}, 3,
		tensor.Shape{1, 7, 9, 6}, tensor.Shape{1, 3, 5, 36}, tensor.Shape{1, 3, 5, 18})
	for _, n := range []int{1, 7, 70, 300} {
		add(graph.NonMaxSuppression{Most: 9, IoU: 0.3}, 2, tensor.Shape{2, n, 4}, tensor.Shape{2, 3, n})
		add(graph.NonMaxSuppression{Most: n, IoU: 0.5, Filter: true, Score: 0.2}, 2, tensor.Shape{1, n, 4}, tensor.Shape{1, 1, n})
		add(graph.NonMaxSuppression{Most: 5, IoU: 0.1, Centers: true}, 2, tensor.Shape{1, n, 4}, tensor.Shape{1, 2, n})
	}
}

// TestEqualScores chooses among boxes with equal scores, on a grid where intersections are
// exactly the threshold of unions, and with a NaN.
func TestEqualScores(t *testing.T) {
	d := open(t)
	const n = 130
	random := rand.New(rand.NewPCG(5, 6))
	boxes, scores := tensor.New(1, n, 4), tensor.New(1, 2, n)
	for i := range n {
		y, x := float32(random.IntN(8)), float32(random.IntN(8))
		copy(boxes.Data[4*i:], []float32{y, x, y + 3, x + 2})
		scores.Data[i], scores.Data[n+i] = float32(random.IntN(4)), -1
	}
	scores.Data[7] /= 0 * scores.Data[n]
	for _, iou := range []float64{0, 0.2, 0.5, 1} {
		t.Run(fmt.Sprint(iou), func(t *testing.T) {
			o, inputs := graph.NonMaxSuppression{Most: 100, IoU: iou, Count: iou > 0.1}, []*tensor.Tensor{boxes, scores}
			g := trace(t, func(g *graph.Graph) {
				args := []*graph.Value{g.Input("boxes", 1, n, 4), g.Input("scores", 1, 2, n)}
				if o.Count {
					args = append(args, g.Input("number", 1))
					inputs = append(inputs, tensor.Of([]float32{float32(iou) * 90}, 1))
				}
				g.Output("y", graph.Apply(o, args...))
			})
			want, err := g.Eval(context.Background(), inputs...)
			if err != nil {
				t.Fatal(err)
			}
			everyProgram(t, d, nil, g, inputs, want, 0)
		})
	}
}
