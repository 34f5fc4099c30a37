package gpu

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// stripeRows lists ops on one or two images that a plan must be able to split along
// the height.
func stripeRows() []row {
	var rows []row
	add := func(op graph.Op, args ...tensor.Shape) { rows = append(rows, row{op, args, 1}) }
	both := graph.Both
	all := graph.Epilogue{Bias: true, Residual: true, Act: graph.ReLU}
	next := func() graph.Epilogue { return []graph.Epilogue{{}, all}[len(rows)%2] }
	// withEpilogue adds op with args x and a weight. Its result without the epilogue
	// has shape y.
	withEpilogue := func(op, bare graph.Op, e graph.Epilogue, args ...tensor.Shape) {
		y, err := bare.Shape(args)
		if err != nil {
			panic(err)
		}
		if e.Bias {
			args = append(args, y[3:])
		}
		if e.Residual {
			args = append(args, y)
		}
		add(op, args...)
	}
	conv := func(op graph.Conv2d, h, w, c, o, kh, kw int) {
		with := op
		with.Epilogue = next()
		withEpilogue(with, op, with.Epilogue, tensor.Shape{1, h, w, c}, tensor.Shape{o, c / max(op.Groups, 1), kh, kw})
	}
	for _, io := range [][2]int{{3, 8}, {4, 5}, {16, 16}, {20, 64}, {7, 3}, {1, 4}} {
		for _, k := range []int{1, 2, 3, 5} {
			conv(graph.Conv2d{Pad: both(k / 2)}, 259, 7, io[0], io[1], k, k)
		}
		conv(graph.Conv2d{}, 261, 5, io[0], io[1], 3, 3)
		conv(graph.Conv2d{Pad: both(2), Dilation: both(2)}, 265, 6, io[0], io[1], 3, 3)
	}
	for stride := 2; stride <= 4; stride++ {
		for _, c := range []int{3, 16} {
			conv(graph.Conv2d{Stride: both(stride), Pad: both(1)}, 270, 9, c, 16, 3, 3)
			conv(graph.Conv2d{Stride: both(stride)}, 271, 8, c, 4, 1, 1)
			conv(graph.Conv2d{Stride: both(stride)}, 288, 12, c, 12, stride, stride)
			conv(graph.Conv2d{Stride: both(stride), Pad: both(5)}, 280, 13, c, 8, 11, 11)
		}
	}
	conv(graph.Conv2d{Stride: both(4), Pad: both(2)}, 280, 27, 3, 64, 11, 11)
	conv(graph.Conv2d{Stride: both(2), Pad: both(3)}, 263, 15, 3, 64, 7, 7)
	conv(graph.Conv2d{Pad: graph.Pair{0, 3}}, 200, 9, 8, 8, 1, 7)
	conv(graph.Conv2d{Pad: graph.Pair{3, 0}}, 200, 9, 8, 8, 7, 1)
	conv(graph.Conv2d{Pad: both(70)}, 2, 2, 4, 4, 3, 3) // some stripes are only padding
	for _, groups := range []int{2, 4, 16} {
		conv(graph.Conv2d{Pad: both(1), Groups: groups}, 137, 9, 16, 16, 3, 3)
		conv(graph.Conv2d{Stride: both(2), Pad: both(2), Groups: groups}, 263, 10, 16, 32, 5, 5)
	}
	conv(graph.Conv2d{Pad: both(3), Groups: 20}, 140, 9, 20, 20, 7, 7)
	conv(graph.Conv2d{Pad: both(1), Groups: 3}, 139, 9, 6, 9, 3, 3)
	withEpilogue(graph.Conv2d{Pad: both(1), Epilogue: all}, graph.Conv2d{Pad: both(1)}, all,
		tensor.Shape{2, 64, 9, 16}, tensor.Shape{16, 16, 3, 3})

	up := func(op graph.ConvTranspose2d, h, w, c, o, k int) {
		with := op
		with.Epilogue = next()
		withEpilogue(with, op, with.Epilogue, tensor.Shape{1, h, w, c}, tensor.Shape{c, o / max(op.Groups, 1), k, k})
	}
	for _, io := range [][2]int{{3, 8}, {16, 4}, {4, 3}, {8, 16}} {
		for k := 1; k <= 5; k++ {
			for stride := 1; stride <= 4; stride++ {
				op := graph.ConvTranspose2d{Stride: both(stride)}
				up(op, 131, 5, io[0], io[1], k)
				op.Pad, op.OutputPad = both(k/2), both(stride-1)
				up(op, 130, 5, io[0], io[1], k)
			}
		}
		up(graph.ConvTranspose2d{Stride: both(2), Pad: both(1), Dilation: both(2)}, 140, 6, io[0], io[1], 3)
	}
	up(graph.ConvTranspose2d{Stride: both(2), Pad: both(1), Groups: 4}, 70, 6, 16, 32, 3)

	for _, w := range []graph.Window{
		{Size: both(2)},
		{Size: both(3), Stride: both(1), Pad: both(1)},
		{Size: both(3), Stride: both(2), Pad: both(1)},
		{Size: both(3), Stride: both(2), Ceil: true},
		{Size: both(5), Stride: both(4), Pad: both(2), Ceil: true},
		{Size: graph.Pair{2, 4}, Stride: graph.Pair{3, 1}, Pad: graph.Pair{1, 2}, Ceil: true},
		{Size: both(2), Stride: both(4), Ceil: true},
	} {
		for _, x := range []tensor.Shape{{1, 391, 11, 1}, {1, 274, 7, 8}, {1, 300, 9, 6}, {1, 273, 5, 64}} {
			add(graph.MaxPool2d{Window: w}, x)
			for _, exclude := range []bool{false, true} {
				add(graph.AvgPool2d{Window: w, ExcludePad: exclude}, x)
			}
			add(graph.AvgPool2d{Window: w, Divisor: 5}, x)
		}
	}
	add(graph.MaxPool2d{Window: graph.Window{Size: both(3), Stride: both(1), Pad: both(2), Dilation: graph.Pair{2, 3}}}, tensor.Shape{1, 200, 11, 4})
	for _, largest := range []bool{false, true} {
		add(graph.AdaptivePool2d{Out: graph.Pair{130, 7}, Max: largest}, tensor.Shape{1, 300, 9, 3})
		add(graph.AdaptivePool2d{Out: graph.Pair{7, 7}, Max: largest}, tensor.Shape{1, 50, 9, 64})
	}

	for mode := graph.Nearest; mode <= graph.Bicubic; mode++ {
		for _, c := range []int{1, 3, 4, 64} {
			for _, s := range [][4]int{{67, 5, 140, 11}, {140, 17, 140, 8}, {350, 9, 131, 14}, {20, 3, 300, 5}} {
				x, size := tensor.Shape{1, s[0], s[1], c}, graph.Pair{s[2], s[3]}
				add(graph.Resize{Mode: mode, Size: size}, x)
				if mode >= graph.Bilinear {
					add(graph.Resize{Mode: mode, Size: size, AlignCorners: true}, x)
					add(graph.Resize{Mode: mode, Size: size, Antialias: true}, x)
				}
			}
		}
		add(graph.Resize{Mode: mode, Scale: [2]float64{2.5, 0.3}}, tensor.Shape{1, 90, 20, 5})
		add(graph.Resize{Mode: mode, Scale: [2]float64{1.7, 3}, Size: graph.Pair{153, 59}}, tensor.Shape{1, 90, 20, 8})
	}

	type ints = [graph.MaxRank]int
	add(graph.Pad{Value: 2.5, Before: ints{1: 2, 2: 1}, After: ints{1: 1, 2: 3}}, tensor.Shape{1, 200, 7, 3})
	add(graph.Pad{Before: ints{1: 70}, After: ints{1: 90}}, tensor.Shape{1, 10, 7, 8})
	add(graph.Pad{Before: ints{1: -3}, After: ints{1: -5, 2: -1}}, tensor.Shape{1, 200, 7, 4})
	for r := 1; r <= 4; r++ {
		add(graph.PixelShuffle{R: r}, tensor.Shape{1, 130, 5, 3 * r * r})
		add(graph.PixelUnshuffle{R: r}, tensor.Shape{1, 130 * r, 3 * r, 5})
	}
	add(graph.Concat{Axis: -1}, tensor.Shape{1, 70, 5, 64}, tensor.Shape{1, 70, 5, 3})
	return rows
}

// TestStripes sets limits low enough to cut an image into several stripes of rows.
func TestStripes(t *testing.T) {
	d := open(t)
	_, b := rowChecks(t, d)
	limits := d.info.Limits
	defer func() { d.info.Limits = limits }()
	for _, r := range stripeRows() {
		random := rand.New(rand.NewPCG(uint64(len(r.args)), uint64(r.args[0].Len())))
		var inputs []*tensor.Tensor
		g := trace(t, func(g *graph.Graph) {
			var args []*graph.Value
			for i, s := range r.args {
				x := tensor.New(s...)
				for j := range x.Data {
					x.Data[j] = float32(random.NormFloat64())
				}
				if _, joins := r.op.(graph.Concat); joins || i == 0 || i > 1 && len(s) == 4 { // x, residual
					inputs = append(inputs, x)
					args = append(args, g.Input(fmt.Sprint("x", i), s...))
				} else {
					args = append(args, g.Const(x))
				}
			}
			g.Output("y", graph.Apply(r.op, args...))
		})
		t.Run(fmt.Sprint(r.op.Name(), r.args), func(t *testing.T) {
			d.info.Limits = limits
			want, err := g.Eval(context.Background(), inputs...)
			if err != nil {
				t.Fatal(err)
			}
			// The limit is a quarter of the largest value, or three quarters if
			// bindings cannot begin that close to one another.
			for _, share := range []int64{3, 1} {
				d.info.Limits.StorageBinding = int64(max(r.args[0].Len(), want[0].Shape.Len())) * 4 * 3 / 4 / share
				l, err := plan.New(g, d.info.Limits, d.info.MaxBufferSize, Choice{})
				if err == nil && len(l.Steps) < 2 {
					t.Fatalf("not split:\n%v", l)
				}
				if err == nil {
					break
				}
				if share == 1 {
					t.Fatal(err)
				}
			}
			everyProgram(t, d, b, g, inputs, want, opTolerance)
		})
	}
}
