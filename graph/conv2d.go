package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Pair holds an extent for the height (0) and one for the width (1). The zero
// Pair means 1 for a stride or a dilation, and 0 for a padding.
type Pair [2]int

// Both returns the Pair {n, n}.
func Both(n int) Pair { return Pair{n, n} }

// or1 returns p, or ones if p is zero.
func (p Pair) or1() Pair {
	if p == (Pair{}) {
		return Pair{1, 1}
	}
	return p
}

// String returns one number if both are equal, else "height×width".
func (p Pair) String() string {
	if p[0] == p[1] {
		return fmt.Sprint(p[0])
	}
	return fmt.Sprintf("%d×%d", p[0], p[1])
}

// Conv2d is the cross-correlation that PyTorch calls conv2d:
//
//	y[b,i,j,o] = Act(Σ_{u,v,c} x[b, i·s−p+u·d, j·s−p+v·d, g(o)·C/G+c] · w[o,c,u,v] + bias[o] + residual[b,i,j,o])
//
// Args: x [B, H, W, C], w [O, C/Groups, kH, kW], bias [O], residual
// [B, oH, oW, O]. Result: [B, oH, oW, O] with
// oH = ⌊(H + 2·Pad + Extra − Dilation·(kH−1) − 1)/Stride⌋ + 1: there are Pad rows of
// zeros above the image and Pad + Extra below it, and columns likewise.
type Conv2d struct {
	Stride, Pad, Extra, Dilation Pair
	Groups                       int // 0 means 1
	Epilogue
}

// Defaults returns the op with its zero fields replaced by their defaults.
func (o Conv2d) Defaults() Conv2d {
	o.Stride, o.Dilation, o.Groups = o.Stride.or1(), o.Dilation.or1(), max(o.Groups, 1)
	return o
}

// Name is "conv2d" with the choices that differ from the defaults.
func (o Conv2d) Name() string {
	s := "conv2d" + geometry(o.Stride, o.Pad, Pair{}, o.Dilation, o.Groups)
	if o.Extra != (Pair{}) {
		s += " more" + o.Extra.String()
	}
	return s + o.Epilogue.String()
}

// geometry returns the parts of a convolution's name that differ from the defaults.
func geometry(stride, pad, outputPad, dilation Pair, groups int) string {
	s := ""
	if stride.or1() != Both(1) {
		s += " s" + stride.String()
	}
	if pad != (Pair{}) {
		s += " p" + pad.String()
	}
	if outputPad != (Pair{}) {
		s += " op" + outputPad.String()
	}
	if dilation.or1() != Both(1) {
		s += " d" + dilation.String()
	}
	if groups > 1 {
		s += fmt.Sprintf(" g%d", groups)
	}
	return s
}

// Shape checks the channels and groups, and that the kernel fits into the input.
func (o Conv2d) Shape(args []tensor.Shape) (tensor.Shape, error) {
	o = o.Defaults()
	if len(args) < 2 || len(args[0]) != 4 || len(args[1]) != 4 {
		return nil, fmt.Errorf("arguments are %v, want x [B, H, W, C] and weight [O, C/groups, kH, kW]", args)
	}
	x, w := args[0], args[1]
	switch {
	case x[3]%o.Groups != 0 || w[0]%o.Groups != 0:
		return nil, fmt.Errorf("%d input and %d output channels do not divide into %d groups", x[3], w[0], o.Groups)
	case w[1] != x[3]/o.Groups:
		return nil, fmt.Errorf("input has %d channels, weight wants %d", x[3], w[1]*o.Groups)
	}
	y := tensor.Shape{x[0], 0, 0, w[0]}
	for d := range 2 {
		if o.Stride[d] < 1 || o.Dilation[d] < 1 || o.Pad[d] < 0 || o.Extra[d] < -o.Pad[d] {
			return nil, fmt.Errorf("stride %v, padding %v and %v more below, dilation %v", o.Stride, o.Pad, o.Extra, o.Dilation)
		}
		span := x[1+d] + 2*o.Pad[d] + o.Extra[d] - o.Dilation[d]*(w[2+d]-1) - 1
		if span < 0 {
			return nil, fmt.Errorf("input %v is smaller than the kernel %d×%d", x, w[2], w[3])
		}
		y[1+d] = span/o.Stride[d] + 1
	}
	return y, o.check(args, 2, y)
}

// Eval computes the formula.
func (o Conv2d) Eval(args []*tensor.Tensor) *tensor.Tensor {
	o = o.Defaults()
	x, w := args[0], args[1]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	store := o.store(args, 2, y)
	h, wd, c := x.Shape[1], x.Shape[2], x.Shape[3]
	oh, ow, oc := shape[1], shape[2], shape[3]
	cg, kh, kw := w.Shape[1], w.Shape[2], w.Shape[3]
	taps := channelsLast(w)
	tensor.Parallel(shape[0]*oh, func(row int) {
		b, i := row/oh, row%oh
		for j := range ow {
			for f := range oc {
				first := f / (oc / o.Groups) * cg
				sum := 0.0
				for u := range kh {
					r := i*o.Stride[0] - o.Pad[0] + u*o.Dilation[0]
					if r < 0 || r >= h {
						continue
					}
					for v := range kw {
						s := j*o.Stride[1] - o.Pad[1] + v*o.Dilation[1]
						if s < 0 || s >= wd {
							continue
						}
						xs, ws := x.Data[((b*h+r)*wd+s)*c+first:][:cg], taps[((f*kh+u)*kw+v)*cg:][:cg]
						for k, a := range xs {
							sum += float64(a) * float64(ws[k])
						}
					}
				}
				store((row*ow+j)*oc+f, f, sum)
			}
		}
	})
	return y
}

// channelsLast returns the numbers of w [F, C, H, W] as [F, H, W, C].
func channelsLast(w *tensor.Tensor) []float32 {
	f, c, pixels := w.Shape[0], w.Shape[1], w.Shape[2]*w.Shape[3]
	out := make([]float32, len(w.Data))
	for i := range f * c {
		for p := range pixels {
			out[(i/c*pixels+p)*c+i%c] = w.Data[i*pixels+p]
		}
	}
	return out
}

// Bands splits the batch, and also the rows if the kernel's positions tile them.
func (o Conv2d) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	d, k := o.Defaults(), args[1][2]
	args, result = o.images(args, result, d.Pad[0] == 0 && d.Stride[0] == k && (d.Dilation[0] == 1 || k == 1), k, 1)
	return args, result, o.moves(1, 1)
}

// Rows returns the rows of x that the kernel covers.
func (o Conv2d) Rows(args []tensor.Shape, _ tensor.Shape, from, to int) [][2]int {
	d, height := o.Defaults(), args[0][1]
	return o.rows(args, under(args[1][2], d.Stride[0], d.Pad[0], d.Dilation[0], height, from, to), from, to)
}

// FLOPs counts two for each weight at each position.
func (o Conv2d) FLOPs(args []tensor.Shape, result tensor.Shape) int64 {
	w := args[1]
	return 2 * int64(result.Len()) * int64(w[1]*w[2]*w[3])
}

// moves marks the args of an op with an epilogue that are split like its result:
// the first moving args and the residual. The still args that follow (weights)
// and the bias are not.
func (e Epilogue) moves(moving, still int) []bool {
	m := make([]bool, moving+still+e.extra())
	for i := range moving {
		m[i] = true
	}
	if e.Residual {
		m[len(m)-1] = true
	}
	return m
}

// images reshapes x, the result and the residual into images of in rows that
// become images of out rows. It does so only if these images are independent
// (apart) and fill the height.
func (e Epilogue) images(args []tensor.Shape, result tensor.Shape, apart bool, in, out int) ([]tensor.Shape, tensor.Shape) {
	x, n := args[0], result[1]/out
	if !apart || x[1] != n*in || result[1] != n*out {
		return args, result
	}
	args = append([]tensor.Shape{}, args...)
	args[0] = tensor.Shape{x[0] * n, in, x[2], x[3]}
	result = tensor.Shape{result[0] * n, out, result[2], result[3]}
	if e.Residual {
		args[len(args)-1] = result
	}
	return args, result
}

func (o Conv2d) epilogue() Epilogue           { return o.Epilogue }
func (o Conv2d) withEpilogue(e Epilogue) Op   { o.Epilogue = e; return o }
func (o Conv2d) foldable() (weight, axis int) { return 1, 0 }

// shapes returns the shapes of args.
func shapes(args []*tensor.Tensor) []tensor.Shape {
	s := make([]tensor.Shape, len(args))
	for i, a := range args {
		s[i] = a.Shape
	}
	return s
}
