package graph

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// Limits of a Pointwise.
const (
	MaxLinks         = 12
	MaxPointwiseArgs = 4
)

// Link is a function that a Pointwise applies to its value v: Step(v), or with Arg a function
// of two numbers, Kind(v, args[Arg−1]), or Kind(args[Arg−1], v) with First.
type Link struct {
	Step  Step
	Kind  BinaryKind
	Arg   uint8 // from 1
	First bool
}

// used reports whether the link is one.
func (l Link) used() bool { return l.Arg > 0 || l.Step.Fn != 0 }

// String is the function's name.
func (l Link) String() string {
	if l.Arg == 0 {
		return l.Step.String()
	}
	return l.Kind.String()
}

// Pointwise applies functions to each element of its first arg, in their order. The other
// args are those of the functions of two numbers. All args broadcast as in Binary. Fuse makes
// it of neighbouring ops.
//
//	v = x_1; v = f_1(v) or f_1(v, x_k); …; y = v
//
// Args: one to MaxPointwiseArgs x_k. Result: the shape that all broadcast to.
type Pointwise struct{ Links [MaxLinks]Link }

// List returns the links.
func (o *Pointwise) List() []Link {
	n := 0
	for n < MaxLinks && o.Links[n].used() {
		n++
	}
	return o.Links[:n]
}

// Name lists the functions.
func (o Pointwise) Name() string {
	var names []string
	for _, l := range o.List() {
		names = append(names, l.String())
	}
	return strings.Join(names, "+")
}

// Shape returns the shape that all args broadcast to.
func (o Pointwise) Shape(args []tensor.Shape) (tensor.Shape, error) {
	links := o.List()
	if len(args) < 1 || len(args) > MaxPointwiseArgs || len(links) == 0 {
		return nil, fmt.Errorf("%d arguments and %d functions, want 1 to %d and some", len(args), len(links), MaxPointwiseArgs)
	}
	for i, l := range o.Links {
		one := Steps(l.Step)
		switch {
		case i >= len(links) && l != (Link{}):
			return nil, fmt.Errorf("function %d follows the end", i)
		case int(l.Arg) > len(args) || !l.Kind.Valid():
			return nil, fmt.Errorf("function %d is %d of argument %d", i, l.Kind, l.Arg)
		}
		if err := one.check(); err != nil {
			return nil, err
		}
	}
	y := args[0]
	for _, a := range args[1:] {
		var err error
		if y, err = Broadcast(y, a); err != nil {
			return nil, err
		}
	}
	return y, nil
}

// Eval computes the formula. Each function's result is rounded to float32.
func (o Pointwise) Eval(args []*tensor.Tensor) *tensor.Tensor {
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y, links, sy := tensor.New(shape...), o.List(), shape.Strides()
	from := make([][]int, len(args))
	for i, a := range args {
		from[i] = BroadcastStrides(a.Shape, shape)
	}
	parallelRows(len(y.Data), 1<<10, func(lo, hi int) {
		xs := make([]float64, len(args))
		for i := lo; i < hi; i++ {
			for k, a := range args {
				at, rest := 0, i
				for d, s := range sy {
					at += rest / s * from[k][d]
					rest %= s
				}
				xs[k] = float64(a.Data[at])
			}
			v := xs[0]
			for _, l := range links {
				switch {
				case l.Arg == 0:
					v = l.Step.Of(v)
				case l.First:
					v = l.Kind.Of(xs[l.Arg-1], v)
				default:
					v = l.Kind.Of(v, xs[l.Arg-1])
				}
				v = float64(float32(v))
			}
			y.Data[i] = float32(v)
		}
	})
	return y
}

// Bands splits the first dimensions as those of Binary.
func (o Pointwise) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return broadcastBands(args, result)
}

// FLOPs counts one for each function of each element.
func (o Pointwise) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 {
	return int64(len(o.List())) * int64(result.Len())
}

// Pointwise returns the op as one.
func (o Binary) Pointwise() Pointwise {
	p := Pointwise{}
	p.Links[0] = Link{Kind: o.Kind, Arg: 2}
	for i, s := range o.Then.List() {
		p.Links[1+i] = Link{Step: s}
	}
	return p
}
