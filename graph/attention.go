package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Packing says which of q, k and v share one arg, as a single linear layer makes
// them.
type Packing uint8

// The packings. The channels of a packed arg are q, k and v in this order, each
// with all its heads.
const (
	Separate  Packing = iota // q [B, N, H·D], k [B, M, H·D], v [B, M, H·Dv]
	PackedKV                 // q [B, N, H·D], kv [B, M, 2·H·D]
	PackedQKV                // qkv [B, N, 3·H·D], M = N
)

// Attention is scaled dot-product attention over H heads:
//
//	y[b,n,h] = Σ_m softmax_m(Scale · q[b,n,h]·k[b,m,h] + bias[b,h,n,m]) · v[b,m,h]
//
// Causal limits the sum to keys m ≤ n. Up to two biases are added, each with a
// shape that broadcasts to [B, H, N, M]. A bias of -Inf masks a key; a row with
// all keys masked is NaN, as in PyTorch. If KH and KW are set, the keys are a
// KH×KW grid, and the bias also gets SAM's decomposed relative positions
// rel_h[b,h,n,m/KW] + rel_w[b,h,n,m%KW] (arXiv:2304.02643).
//
// Args: q, k and v as Packed says, as many biases as Biases says and, if KH is
// set, rel_h [B, H, N, KH] and rel_w [B, H, N, KW]. Result: [B, N, H·Dv].
// (Vaswani et al., arXiv:1706.03762.)
type Attention struct {
	Heads  int     // 0 means 1
	Scale  float64 // 0 means 1/√D
	Causal bool
	Packed Packing
	Biases int
	KH, KW int
}

// Name is "attention" with the number of heads and the biases.
func (o Attention) Name() string {
	s := fmt.Sprintf("attention h%d", max(o.Heads, 1))
	if o.Causal {
		s += "+causal"
	}
	for range o.Biases {
		s += "+bias"
	}
	if o.KH > 0 {
		s += fmt.Sprintf("+rel_pos %d×%d", o.KH, o.KW)
	}
	return s
}

// Operand says where q, k or v lies: in arg number Arg, which is
// [B, rows, Stride]. The heads of a row begin at element First.
type Operand struct{ Arg, First, Stride int }

// AttentionLayout holds the extents of an Attention and the places of its args.
type AttentionLayout struct {
	B, H, N, M, D, Dv int
	Q, K, V           Operand
	Biases, Rel       int // arg numbers of the first bias and of rel_h
}

// Layout derives the extents from args, or says what is wrong with args.
func (o Attention) Layout(args []tensor.Shape) (AttentionLayout, error) {
	l := AttentionLayout{H: max(o.Heads, 1)}
	operands := map[Packing]int{Separate: 3, PackedKV: 2, PackedQKV: 1}[o.Packed]
	want := operands + o.Biases
	if o.KH != 0 || o.KW != 0 {
		want += 2
	}
	if operands == 0 || o.Biases < 0 || o.Biases > 2 || o.KH < 0 || o.KW < 0 {
		return l, fmt.Errorf("packing %d, %d biases, keys %d×%d", o.Packed, o.Biases, o.KH, o.KW)
	}
	if len(args) != want {
		return l, fmt.Errorf("%d arguments, want %d", len(args), want)
	}
	for _, a := range args[:operands] {
		if len(a) != 3 || a[0] != args[0][0] {
			return l, fmt.Errorf("arguments are %v, want [B, N, channels] each", args[:operands])
		}
	}
	q, last := args[0], args[operands-1]
	parts := [...]int{1, 2, 3}[o.Packed]
	if last[2]%parts != 0 {
		return l, fmt.Errorf("%d channels do not divide into %d parts", last[2], parts)
	}
	width, widthV := q[2], last[2]/parts // of all heads
	switch o.Packed {
	case Separate:
		l.Q, l.K, l.V = Operand{0, 0, width}, Operand{1, 0, args[1][2]}, Operand{2, 0, widthV}
		if args[1][1] != args[2][1] {
			return l, fmt.Errorf("%d keys but %d values", args[1][1], args[2][1])
		}
	case PackedKV:
		l.Q, l.K, l.V = Operand{0, 0, width}, Operand{1, 0, 2 * widthV}, Operand{1, widthV, 2 * widthV}
	case PackedQKV:
		width = widthV
		l.Q, l.K, l.V = Operand{0, 0, 3 * width}, Operand{0, width, 3 * width}, Operand{0, 2 * width, 3 * width}
	}
	if widthK := l.K.Stride; o.Packed == Separate && widthK != width || o.Packed == PackedKV && widthV != width {
		return l, fmt.Errorf("queries have %d channels, keys %v", width, args[1])
	}
	if width%l.H != 0 || widthV%l.H != 0 {
		return l, fmt.Errorf("%d and %d channels do not divide into %d heads", width, widthV, l.H)
	}
	l.B, l.N, l.M, l.D, l.Dv = q[0], q[1], last[1], width/l.H, widthV/l.H
	l.Biases, l.Rel = operands, operands+o.Biases
	full := tensor.Shape{l.B, l.H, l.N, l.M}
	for _, a := range args[l.Biases:l.Rel] {
		if y, err := Broadcast(a, full); err != nil || !y.Equal(full) {
			return l, fmt.Errorf("bias %v does not broadcast to %v", a, full)
		}
	}
	if l.Rel < len(args) {
		h, w := tensor.Shape{l.B, l.H, l.N, o.KH}, tensor.Shape{l.B, l.H, l.N, o.KW}
		if o.KH*o.KW != l.M || !args[l.Rel].Equal(h) || !args[l.Rel+1].Equal(w) {
			return l, fmt.Errorf("relative positions are %v for %d keys, want %v and %v", args[l.Rel:], l.M, h, w)
		}
	}
	return l, nil
}

// ScaleFor returns the factor of the scores if a head has d channels.
func (o Attention) ScaleFor(d int) float64 {
	if o.Scale != 0 {
		return o.Scale
	}
	return 1 / math.Sqrt(float64(d))
}

// Shape checks the extents against each other.
func (o Attention) Shape(args []tensor.Shape) (tensor.Shape, error) {
	l, err := o.Layout(args)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{l.B, l.N, l.H * l.Dv}, nil
}

// Eval computes the formula.
func (o Attention) Eval(args []*tensor.Tensor) *tensor.Tensor {
	l, err := o.Layout(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(l.B, l.N, l.H*l.Dv)
	row := func(p Operand, b, i, rows, h, d int) []float32 {
		return args[p.Arg].Data[(b*rows+i)*p.Stride+p.First+h*d:][:d]
	}
	full := tensor.Shape{l.B, l.H, l.N, l.M}
	var strides [][]int
	for _, a := range args[l.Biases:l.Rel] {
		strides = append(strides, BroadcastStrides(a.Shape, full))
	}
	scale := o.ScaleFor(l.D)
	tensor.Parallel(l.B*l.H*l.N, func(i int) {
		b, h, n := i/(l.H*l.N), i/l.N%l.H, i%l.N
		scores := make([]float64, l.M)
		q := row(l.Q, b, n, l.N, h, l.D)
		for m := range scores {
			s := scale * dot(q, row(l.K, b, m, l.M, h, l.D))
			for j, st := range strides {
				s += float64(args[l.Biases+j].Data[b*st[0]+h*st[1]+n*st[2]+m*st[3]])
			}
			if o.KH > 0 {
				s += float64(args[l.Rel].Data[i*o.KH+m/o.KW]) + float64(args[l.Rel+1].Data[i*o.KW+m%o.KW])
			}
			if o.Causal && m > n {
				s = math.Inf(-1)
			}
			scores[m] = s
		}
		softmax(scores)
		sums := make([]float64, l.Dv)
		for m, p := range scores {
			for d, v := range row(l.V, b, m, l.M, h, l.Dv) {
				sums[d] += p * float64(v)
			}
		}
		for d, s := range sums {
			y.Data[((b*l.N+n)*l.H+h)*l.Dv+d] = float32(s)
		}
	})
	return y
}

// Bands splits the batch.
func (o Attention) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	moves := make([]bool, len(args))
	l, err := o.Layout(args)
	for i, a := range args {
		// The first dimension of a bias with lower rank is not the batch.
		moves[i] = err == nil && (i < l.Biases || len(a) == 4 && a[0] == l.B)
	}
	return args, result, moves
}

// FLOPs counts both matrix products.
func (o Attention) FLOPs(args []tensor.Shape, result tensor.Shape) int64 {
	l, err := o.Layout(args)
	if err != nil {
		return 0
	}
	return 2 * int64(l.B*l.H) * int64(l.N) * int64(l.M) * int64(l.D+l.Dv)
}

// dot returns the inner product of a and b.
func dot(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}

// softmax replaces x by exp(x)/Σ exp(x).
func softmax(x []float64) {
	largest, sum := math.Inf(-1), 0.0
	for _, v := range x {
		largest = max(largest, v)
	}
	for i, v := range x {
		x[i] = math.Exp(v - largest)
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
}
