package graph

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// TestStripes checks for each op that rows it does not ask for make no
// difference.
func TestStripes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	few := func(n int) int { return random.IntN(n) }
	pair := func(n int) Pair { return Pair{1 + few(n), 1 + few(n)} }
	for range 400 {
		x := tensor.Shape{1, 1 + few(30), 1 + few(5), 2 * (1 + few(2))}
		o := 2 * (1 + few(3))
		k := pair(5)
		e := Epilogue{Bias: few(2) == 0, Residual: few(2) == 0, Act: Activation(few(2))}
		conv := Conv2d{Stride: pair(4), Pad: Pair{few(5), few(5)}, Dilation: pair(3), Groups: 1 + few(2)}
		up := ConvTranspose2d{Stride: pair(4), Pad: Pair{few(4), few(4)}, Dilation: pair(3), Groups: 1 + few(2)}
		for d := range 2 {
			up.OutputPad[d] = few(max(up.Stride[d], up.Dilation[d]))
		}
		w := Window{Size: k, Stride: pair(4), Pad: Pair{few(k[0]/2 + 1), few(k[1]/2 + 1)}, Ceil: few(2) == 0}
		dilated := w
		dilated.Dilation = pair(3)
		resize := Resize{Mode: ResizeMode(few(4)), Size: pair(50)}
		resize.AlignCorners = resize.Mode >= Bilinear && few(2) == 0
		resize.Antialias = resize.Mode >= Bilinear && few(2) == 0
		if few(3) == 0 {
			resize.Scale = [2]float64{0.2 + 3*random.Float64(), 1.5}
		}
		for _, op := range []Striped{
			conv, up, MaxPool2d{dilated}, AvgPool2d{Window: w}, AvgPool2d{Window: w, ExcludePad: true},
			AvgPool2d{Window: w, Divisor: 3}, AdaptivePool2d{Out: pair(40)}, AdaptivePool2d{Out: pair(40), Max: true}, resize,
			Pad{Value: 3, Before: [MaxRank]int{1: few(20) - 9, 2: few(3)}, After: [MaxRank]int{1: few(20) - 9, 3: 1}},
		} {
			args := []tensor.Shape{x}
			switch op.(type) {
			case Conv2d:
				args = append(args, tensor.Shape{o, x[3] / conv.Groups, k[0], k[1]})
			case ConvTranspose2d:
				args = append(args, tensor.Shape{x[3], o / up.Groups, k[0], k[1]})
			}
			y, err := op.Shape(args)
			if err != nil || y.Len() == 0 {
				continue
			}
			if f, ok := op.(fusable); ok {
				op = f.withEpilogue(e).(Striped)
				if e.Bias {
					args = append(args, tensor.Shape{y[3]})
				}
				if e.Residual {
					args = append(args, y)
				}
			}
			stripes(t, random, op, args, y)
		}
	}
}

// stripes compares rows of op's result with rows computed from args that have
// only the rows op asks for.
func stripes(t *testing.T, random *rand.Rand, op Striped, args []tensor.Shape, y tensor.Shape) {
	t.Helper()
	values := make([]*tensor.Tensor, len(args))
	for i, s := range args {
		values[i] = tensor.New(s...)
		for j := range values[i].Data {
			values[i].Data[j] = float32(random.NormFloat64())
		}
	}
	want := op.Eval(values)
	step := 1 + random.IntN(y[1])
	for from := 0; from < y[1]; from += step {
		to := min(from+step, y[1])
		rows := op.Rows(args, y, from, to)
		given := make([]*tensor.Tensor, len(args))
		for i, v := range values {
			if given[i] = v; rows[i][0] < rows[i][1] {
				given[i] = only(v, rows[i][0], rows[i][1])
			}
		}
		if got := op.Eval(given); !slices.Equal(slab(got, from, to), slab(want, from, to)) {
			t.Fatalf("%#v of %v: rows %d to %d of %v need more than %v", op, args, from, to, y, rows)
		}
	}
}

// slab returns rows [from, to) of an image.
func slab(x *tensor.Tensor, from, to int) []float32 {
	row := x.Shape[2] * x.Shape[3]
	return x.Data[from*row : to*row]
}

// only returns an image that is NaN outside rows [from, to).
func only(x *tensor.Tensor, from, to int) *tensor.Tensor {
	y := tensor.New(x.Shape...)
	for i := range y.Data {
		y.Data[i] = float32(math.NaN())
	}
	copy(slab(y, from, to), slab(x, from, to))
	return y
}

// TestStripesRefused checks ops that cannot be computed in stripes.
func TestStripesRefused(t *testing.T) {
	x := tensor.Shape{1, 4, 5, 2}
	for _, op := range []Pad{{Mode: Reflect}, {Before: [MaxRank]int{1}}} {
		if rows := op.Rows([]tensor.Shape{x}, x, 0, 1); rows != nil {
			t.Errorf("%v: %v", op, rows)
		}
	}
}

// TestBinaryBands compares the result with its bands, one row at a time.
func TestBinaryBands(t *testing.T) {
	op := Binary{Kind: Sub}
	for _, c := range []struct {
		a, b tensor.Shape
		rows int
	}{
		{tensor.Shape{3, 4}, tensor.Shape{3, 4}, 12},
		{tensor.Shape{1, 5, 4, 3}, tensor.Shape{1}, 60},
		{tensor.Shape{1}, tensor.Shape{5, 3}, 15},
		{tensor.Shape{1, 5, 4, 3}, tensor.Shape{3}, 20},
		{tensor.Shape{1, 5, 4, 3}, tensor.Shape{1, 1, 1, 3}, 20},
		{tensor.Shape{2, 5, 4, 3}, tensor.Shape{2, 1, 1, 3}, 2},
		{tensor.Shape{1, 5, 1, 3}, tensor.Shape{1, 5, 4, 3}, 5},
		{tensor.Shape{2, 1, 4, 3}, tensor.Shape{1, 5, 4, 3}, 2},
		{tensor.Shape{2, 1, 3}, tensor.Shape{4, 1, 7, 1}, 4},
		{tensor.Shape{1}, tensor.Shape{1}, 1},
	} {
		a, b := tensor.New(c.a...), tensor.New(c.b...)
		for i := range a.Data {
			a.Data[i] = float32(100 * i)
		}
		for i := range b.Data {
			b.Data[i] = float32(i)
		}
		want := op.Eval([]*tensor.Tensor{a, b})
		as, y, moves := op.Bands([]tensor.Shape{c.a, c.b}, want.Shape)
		if y[0] != c.rows {
			t.Errorf("%v and %v: %d rows, want %d", c.a, c.b, y[0], c.rows)
		}
		var got []float32
		for i := range y[0] {
			args := make([]*tensor.Tensor, 2)
			for k, x := range []*tensor.Tensor{a, b} {
				data, s := x.Data, as[k].Clone()
				if moves[k] {
					n := s[1:].Len()
					data, s[0] = data[i*n:(i+1)*n], 1
				}
				args[k] = tensor.Of(data, s...)
			}
			got = append(got, op.Eval(args).Data...)
		}
		if !slices.Equal(got, want.Data) {
			t.Errorf("%v and %v: bands differ", c.a, c.b)
		}
	}
}
