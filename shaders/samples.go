package shaders

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
)

// samples returns calls that reach every kernel in each of its forms. Each op appears with
// a result in its own memory, and with one in the memory of each arg that it may take.
func samples() ([]Call, error) {
	g, err := graph.Trace(func(g *graph.Graph) {
		s := sampler{g}
		s.elementwise()
		s.convolutions()
		s.products()
		s.pools()
		s.norms()
		s.reductions()
		s.moves()
		s.points()
		s.attention()
		g.Output("", g.Nodes[0])
	})
	if err != nil {
		return nil, fmt.Errorf("shaders: samples: %w", err)
	}
	var calls []Call
	for _, v := range g.Nodes {
		if v.Op == nil {
			continue
		}
		c := Call{Op: v.Op, Args: v.ArgShapes()}
		calls = append(calls, c)
		for i := range c.Args {
			if c.CanOnto(i) {
				c.Onto = i + 1
				calls = append(calls, c)
			}
		}
	}
	return calls, nil
}

type sampler struct{ *graph.Graph }

// in is an input of a shape.
func (s sampler) in(shape ...int) *graph.Value { return s.Input("x", shape...) }

// epilogues returns those that Catalog needs; it makes the rest of them.
func epilogues() []graph.Epilogue {
	return []graph.Epilogue{{}, {Bias: true, Residual: true, Act: graph.ReLU}}
}

func (s sampler) elementwise() {
	for a := graph.ReLU; a <= graph.ExpClamped; a++ {
		s.in(3, 5).Activate(a)
		s.in(3, 8).Activate(a)
	}
	for f := graph.Function(graph.ReLU); f.Valid(); {
		var c graph.Chain
		for i := 0; i < len(c) && f.Valid(); i++ {
			c[i].Fn = f
			f++
		}
		graph.Apply(graph.Unary{Chain: c}, s.in(3, 5))
		graph.Apply(graph.Unary{Chain: c}, s.in(3, 8))
	}
	for kind := graph.Add; kind <= graph.Div; kind++ {
		graph.Apply(graph.Binary{Kind: kind}, s.in(2, 3, 5), s.in(5))
		graph.Apply(graph.Binary{Kind: kind}, s.in(2, 8), s.in(2, 8))
		graph.Apply(graph.Binary{Kind: kind}, s.in(3, 5), s.in(3, 5))
	}
	s.in(3, 5).Where(s.in(5), s.in(3, 1))
	s.in(3, 8).Where(s.in(8), s.in(3, 8))
	var four graph.Pointwise
	for i, kind := range []graph.BinaryKind{graph.Add, graph.Sub, graph.Mul, graph.Div} {
		four.Links[2*i] = graph.Link{Step: graph.Step{Fn: graph.Exp}}
		four.Links[2*i+1] = graph.Link{Kind: kind, Arg: uint8(i + 1), First: i%2 == 0}
	}
	graph.Apply(four, s.in(3, 5), s.in(3, 5), s.in(5), s.in(3, 1))
	graph.Apply(four, s.in(2, 8), s.in(8), s.in(2, 8), s.in(2, 8))
	for kind := graph.Pow; kind.Valid(); kind++ {
		op := graph.Binary{Kind: kind}
		switch kind % 4 { // the forms do not depend on the kind
		case 0:
			graph.Apply(op, s.in(3, 1), s.in(5))
		case 1:
			graph.Apply(op, s.in(2, 8), s.in(8))
		case 2:
			graph.Apply(op, s.in(3, 5), s.in(3, 5))
		case 3:
			op.Then = graph.Steps(graph.Step{Fn: graph.Exp})
			graph.Apply(op, s.in(3, 8), s.in(3, 8))
		}
	}
}

// conv adds a convolution with an epilogue's args.
func (s sampler) conv(op graph.Conv2d, b, h, w, c, o, kh, kw int) {
	plain := op
	plain.Epilogue = graph.Epilogue{}
	args := []*graph.Value{s.in(b, h, w, c), s.in(o, c/max(op.Groups, 1), kh, kw)}
	y := graph.Apply(plain, args...)
	if op.Bias {
		args = append(args, s.in(o))
	}
	if op.Residual {
		args = append(args, y)
	}
	graph.Apply(op, args...)
}

func (s sampler) convolutions() {
	for _, e := range epilogues() {
		s.conv(graph.Conv2d{Pad: graph.Both(1), Epilogue: e}, 1, 14, 14, 64, 64, 3, 3)
		s.conv(graph.Conv2d{Pad: graph.Both(2), Epilogue: e}, 1, 30, 30, 1, 64, 5, 5)
		s.conv(graph.Conv2d{Pad: graph.Both(1), Groups: 16, Epilogue: e}, 1, 14, 14, 16, 16, 3, 3)
	}
	some := graph.Epilogue{Bias: true, Act: graph.ReLU}
	for _, size := range []int{1, 7, 28, 112} {
		for _, c := range []int{1, 3, 4, 16, 20, 128, 512} {
			for _, o := range []int{1, 3, 4, 9, 16, 64, 512} {
				if size*c > 112*64 {
					continue
				}
				s.conv(graph.Conv2d{Pad: graph.Both(1), Epilogue: some}, 1, size, size, c, o, 3, 3)
				s.conv(graph.Conv2d{Epilogue: some}, 1, size, size, c, o, 1, 1)
			}
		}
	}
	for _, c := range []int{3, 16, 64} {
		for _, stride := range []int{1, 2, 4} {
			for _, k := range []int{1, 2, 4, 5, 7, 11, 16} {
				s.conv(graph.Conv2d{Stride: graph.Both(stride), Pad: graph.Both(k / 2), Epilogue: some}, 2, 32, 32, c, 64, k, k)
			}
		}
		s.conv(graph.Conv2d{Dilation: graph.Both(2), Pad: graph.Both(2)}, 1, 28, 28, c, 32, 3, 3)
		s.conv(graph.Conv2d{Groups: c, Pad: graph.Both(1), Epilogue: some}, 1, 28, 28, c, 2*c, 3, 3)
	}
	s.conv(graph.Conv2d{Groups: 4, Pad: graph.Both(1), Epilogue: some}, 1, 28, 28, 32, 64, 3, 3)
	s.conv(graph.Conv2d{Groups: 2, Epilogue: some}, 1, 28, 28, 32, 64, 1, 1)
	s.conv(graph.Conv2d{Stride: graph.Both(16)}, 1, 224, 224, 3, 768, 16, 16)
	for _, c := range []int{6, 16} {
		for _, o := range []int{1, 3, 16} {
			for _, e := range epilogues() {
				s.transposed(graph.ConvTranspose2d{Stride: graph.Both(2), Pad: graph.Both(1), Epilogue: e}, c, o, 3)
				s.transposed(graph.ConvTranspose2d{Stride: graph.Both(2), Epilogue: e}, c, o, 2)
			}
			s.transposed(graph.ConvTranspose2d{Groups: 2}, c, o, 3)
		}
	}
}

// transposed adds a transposed convolution with an epilogue's args.
func (s sampler) transposed(op graph.ConvTranspose2d, c, o, k int) {
	plain := op
	plain.Epilogue = graph.Epilogue{}
	args := []*graph.Value{s.in(1, 8, 8, c), s.in(c, o, k, k)}
	y := graph.Apply(plain, args...)
	if op.Bias {
		args = append(args, s.in(y.Shape[3]))
	}
	if op.Residual {
		args = append(args, y)
	}
	graph.Apply(op, args...)
}

func (s sampler) products() {
	linear := func(m, n, k int, e graph.Epilogue) {
		args := []*graph.Value{s.in(m, k), s.in(n, k)}
		if e.Bias {
			args = append(args, s.in(n))
		}
		if e.Residual {
			args = append(args, s.in(m, n))
		}
		graph.Apply(graph.Linear{Epilogue: e}, args...)
	}
	for _, e := range epilogues() {
		linear(197, 768, 768, e)
		linear(1, 1000, 2048, e)
		linear(5, 7, 11, e)
	}
	for _, m := range []int{1, 2, 4, 8, 49, 197, 4096} {
		for _, n := range []int{1, 7, 64, 1000, 3072} {
			for _, k := range []int{1, 7, 64, 3072} {
				linear(m, n, k, graph.Epilogue{Bias: true})
				graph.Apply(graph.MatMul{}, s.in(m, k), s.in(k, n))
				graph.Apply(graph.MatMul{TransB: true}, s.in(2, m, k), s.in(2, n, k))
			}
		}
	}
}

func (s sampler) pools() {
	windows := []graph.Window{
		{Size: graph.Both(2)},
		{Size: graph.Both(3), Stride: graph.Both(2), Pad: graph.Both(1)},
		{Size: graph.Both(3), Stride: graph.Both(2), Ceil: true},
	}
	for _, c := range []int{3, 16, 256} {
		for _, w := range windows {
			s.in(1, 14, 14, c).MaxPool2d(w)
			graph.Apply(graph.AvgPool2d{Window: w}, s.in(1, 14, 14, c))
			graph.Apply(graph.AvgPool2d{Window: w, ExcludePad: true}, s.in(1, 14, 14, c))
			graph.Apply(graph.AvgPool2d{Window: w, Divisor: 3}, s.in(1, 14, 14, c))
			graph.Apply(graph.MaxPool2dIndex{Window: w}, s.in(1, 14, 14, c))
			w.Dilation = graph.Both(2)
			graph.Apply(graph.AvgPool2d{Window: w}, s.in(1, 14, 14, c))
		}
		for _, size := range []int{1, 3, 7} {
			s.in(1, 14, 14, c).AdaptiveAvgPool2d(size, size)
			s.in(1, 14, 14, c).AdaptiveMaxPool2d(size, size)
		}
	}
}

func (s sampler) norms() {
	for _, c := range []int{3, 6, 16, 96, 768, 2048} {
		v := func() *graph.Value { return s.in(c) }
		graph.Apply(graph.BatchNorm{}, s.in(2, 5, c), v(), v())
		graph.Apply(graph.BatchNorm{Affine: true, Eps: 1e-3}, s.in(2, 5, c), v(), v(), v(), v())
		graph.Apply(graph.BatchNorm{Affine: true}, s.in(2, 5, c), v(), v(), v(), v())
		for _, rows := range []int{1, 197, 5000} {
			graph.Apply(graph.LayerNorm{}, s.in(rows, c))
			graph.Apply(graph.LayerNorm{Weight: true}, s.in(rows, c), v())
			graph.Apply(graph.RMSNorm{}, s.in(rows, c))
			graph.Apply(graph.RMSNorm{Weight: true}, s.in(rows, c), v())
			graph.Apply(graph.LayerNorm{Weight: true, Bias: true, Eps: 1e-6}, s.in(rows, c), v(), v())
			s.in(rows, c).Normalize(-1)
			s.in(2, rows, c).Normalize(1)
			s.in(rows, c).CosineSimilarity(s.in(rows, c), -1)
			s.in(2, rows, c).CosineSimilarity(s.in(2, rows, c), 1)
			s.in(rows, c).LocalResponseNorm(5, 1e-4, 0.75, 1)
		}
		groups := 1
		if c%2 == 0 {
			groups = c / 2
		}
		graph.Apply(graph.GroupNorm{Groups: groups}, s.in(1, 7, 7, c))
		graph.Apply(graph.GroupNorm{Groups: 1, Weight: true, Bias: true}, s.in(1, 7, 7, c), v(), v())
	}
}

func (s sampler) reductions() {
	for _, shape := range [][]int{{3, 5}, {2, 7, 16}, {1, 56, 56, 64}, {1, 14, 14, 2048}, {197, 197}, {2, 1030}, {5000, 3}} {
		last := len(shape) - 1
		for _, axis := range []int{0, last} {
			x := s.in(shape...)
			x.Mean(axis)
			x.Sum(axis)
			x.Max(axis)
			x.Min(axis)
			x.Prod(axis)
			x.CumSum(axis)
			graph.Apply(graph.CumSum{Axis: axis, Exclusive: true, Reverse: true}, x)
			graph.Apply(graph.Argmax{Axis: axis, Min: true, Last: true}, x)
			x.Softmax(axis)
			x.LogSoftmax(axis)
			x.Argmax(axis)
			x.Argsort(axis)
			graph.Apply(graph.Argsort{Axis: axis, Descending: true}, x)
			graph.Apply(graph.Argsort{Axis: axis, Inverse: true}, x)
			x.TopK(1, axis)
			graph.Apply(graph.TopK{K: 1, Axis: axis, Smallest: true}, x)
		}
		if last > 1 {
			for _, f := range []func(...int) *graph.Value{s.in(shape...).Mean, s.in(shape...).Sum, s.in(shape...).Max, s.in(shape...).Min} {
				f(1, 2)
				f(0, last)
				f()
			}
		}
	}
}

func (s sampler) moves() {
	for _, c := range []int{3, 8} {
		x := func() *graph.Value { return s.in(2, 6, 10, c) }
		x().Permute(0, 3, 1, 2)
		x().Permute(0, 2, 1, 3)
		x().Permute(3, 2, 1, 0)
		s.in(64, c*8).Permute(1, 0)
		graph.Apply(graph.Expand{Rank: 3, To: [graph.MaxRank]int{2, 5, c}}, s.in(2, 1, c))
		graph.Apply(graph.Expand{Rank: 2, To: [graph.MaxRank]int{5, c}}, s.in(5, 1))
		x().Slice(1, 1, 5)
		x().Slice(3, 1, 3)
		graph.Apply(graph.Slice{Step: [graph.MaxRank]int{1, 2, 2}}, x())
		for axis := range 4 {
			graph.Apply(graph.Concat{Axis: axis}, x(), x())
		}
		x().Roll(1, 3)
		x().Pad(1, 2, 3, 4)
		for m := graph.Constant; m <= graph.Circular; m++ {
			graph.Apply(graph.Pad{Mode: m, Before: [graph.MaxRank]int{0, 1, 2}, After: [graph.MaxRank]int{0, 2, 1}}, x())
			graph.Apply(graph.Pad{Mode: m, Before: [graph.MaxRank]int{0, 0, 0, 1}}, x())
		}
		for m := graph.Nearest; m <= graph.Bicubic; m++ {
			graph.Apply(graph.Resize{Mode: m, Size: graph.Pair{9, 13}}, x())
			if m >= graph.Bilinear {
				graph.Apply(graph.Resize{Mode: m, AlignCorners: true, Size: graph.Pair{9, 13}}, x())
				graph.Apply(graph.Resize{Mode: m, Antialias: true, Size: graph.Pair{4, 5}}, x())
			}
		}
		s.in(2, 6, 10, 4*c).PixelShuffle(2)
		x().PixelUnshuffle(2)
		graph.Apply(graph.PatchMerge{}, x())
		x().WindowPartition(graph.Both(4), graph.Both(0))
		x().WindowPartition(graph.Both(4), graph.Both(2))
		graph.Apply(graph.WindowReverse{Size: graph.Pair{6, 10}}, s.in(2*2*3, 4, 4, c))
		graph.Apply(graph.WindowReverse{Size: graph.Pair{6, 10}, Shift: graph.Both(2)}, s.in(2*2*3, 4, 4, c))
		s.in(7, c).Gather(0, s.in(5, c))
		s.in(7, c).Gather(1, s.in(7, 2))
		s.in(2, 7, c).TakeRows(s.in(2, 3))
		s.in(2, 7, c).Select(1, s.in(3))
		graph.Apply(graph.Resample{Axis: 1}, s.in(2, 7, c), s.in(9, 2), s.in(9, 2))
		for m := graph.Replace; m <= graph.MergeMin; m++ {
			graph.Apply(graph.Scatter{Axis: 1, Merge: m}, s.in(2, 7, c), s.in(2, 3, c), s.in(2, 3, c))
			for rank := range graph.MaxRank {
				shape := []int{2, 3, 2, 3, 2, c}[5-rank:]
				graph.Apply(graph.ScatterND{Merge: m}, s.in(shape...), s.in(4, rank+1), s.in(4))
				if rank > 0 {
					graph.Apply(graph.ScatterND{Merge: m}, s.in(shape...), s.in(4, rank), s.in(4, c))
					s.in(shape...).GatherND(s.in(4, rank))
				}
				s.in(shape...).GatherND(s.in(4, rank+1))
			}
		}
		s.in(2, 5).Embedding(s.in(11, c))
	}
}

func (s sampler) attention() {
	for _, d := range []int{3, 8, 12, 16, 20, 24, 32, 40, 64, 80, 128, 256} {
		for _, n := range []int{5, 197} {
			c := 2 * d
			three := func(m int) []*graph.Value {
				return []*graph.Value{s.in(1, n, c), s.in(1, m, c), s.in(1, m, c)}
			}
			for _, causal := range []bool{false, true} {
				graph.Apply(graph.Attention{Heads: 2, Causal: causal}, three(n)...)
				graph.Apply(graph.Attention{Heads: 2, Causal: causal, Packed: graph.PackedQKV}, s.in(1, n, 3*c))
			}
			graph.Apply(graph.Attention{Heads: 2}, three(n+7)...)
			graph.Apply(graph.Attention{Heads: 2}, s.in(1, n, c), s.in(1, 9, c), s.in(1, 9, 2*c))
			graph.Apply(graph.Attention{Heads: 2, Packed: graph.PackedKV}, s.in(1, n, c), s.in(1, 9, 2*c))
			graph.Apply(graph.Attention{Heads: 2, Biases: 1}, append(three(n), s.in(2, n, n))...)
			graph.Apply(graph.Attention{Heads: 2, Biases: 2}, append(three(n), s.in(2, n, n), s.in(n, n))...)
		}
		qkv := s.in(1, 12, 6*d)
		graph.Apply(graph.Attention{Heads: 2, Packed: graph.PackedQKV, KH: 3, KW: 4}, qkv, s.in(1, 2, 12, 3), s.in(1, 2, 12, 4))
		for _, w := range []int{4, 7, 12} {
			for _, shift := range []int{0, w / 2} {
				t := w * w
				op := graph.WindowAttention{Heads: 2, Window: graph.Both(w), Shift: graph.Both(shift)}
				args := []*graph.Value{s.in(1, 17, 15, 6*d), s.in(2, t, t), s.in(6 * d)}
				graph.Apply(op, args...)
				op.Cosine = true
				graph.Apply(op, append(args, s.in(2))...)
			}
		}
		for axis := range 2 {
			graph.Apply(graph.RelPos{Heads: 2, QH: 3, QW: 4, Axis: axis}, s.in(1, 12, 2*d), s.in(3+axis, 3+axis, d))
		}
	}
	graph.Apply(graph.Attention{Heads: 2, KH: 3, KW: 32}, s.in(1, 5, 128), s.in(1, 96, 128), s.in(1, 96, 128), s.in(1, 2, 5, 3), s.in(1, 2, 5, 32))
	graph.Apply(graph.RelPosTable{Q: 7, K: 5}, s.in(9, 8))
	graph.Apply(graph.RelPosTable{Q: 5, K: 5}, s.in(9, 8))
	graph.Apply(graph.RelativePositionBias{Window: graph.Both(4)}, s.in(49, 3))
}

// points adds what samples images at points, and detection.
func (s sampler) points() {
	for _, c := range []int{3, 8} {
		for m := graph.SampleLinear; m <= graph.SampleCubic; m++ {
			for b := graph.BorderZeros; b <= graph.BorderReflect; b++ {
				for _, align := range []bool{false, true} {
					op := graph.GridSample{Mode: m, Border: b, AlignCorners: align}
					graph.Apply(op, s.in(1, 5, 6, c), s.in(1, 3, 4, 2))
					graph.Apply(op, s.in(1, 2, 5, 6, c), s.in(1, 2, 3, 4, 3))
				}
			}
		}
		for _, largest := range []bool{false, true} {
			graph.Apply(graph.RoiAlign{Size: graph.Both(2), Max: largest}, s.in(1, 5, 6, c), s.in(3, 4), s.in(3))
		}
	}
	graph.Apply(graph.DeformColumns{Size: graph.Both(2)}, s.in(1, 5, 6, 4), s.in(1, 4, 5, 8))
	graph.Apply(graph.DeformColumns{Size: graph.Both(2), Mask: true}, s.in(1, 5, 6, 4), s.in(1, 4, 5, 8), s.in(1, 4, 5, 4))
	for _, filter := range []bool{false, true} {
		for _, centers := range []bool{false, true} {
			graph.Apply(graph.NonMaxSuppression{Most: 3, Filter: filter, Centers: centers}, s.in(1, 9, 4), s.in(1, 2, 9))
			graph.Apply(graph.NonMaxSuppression{Most: 3, Filter: filter, Centers: centers, Count: true}, s.in(1, 9, 4), s.in(1, 2, 9), s.in(1))
		}
	}
}
