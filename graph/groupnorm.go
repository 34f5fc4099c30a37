package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// GroupNorm normalises each group of neighbouring channels of an image, over all
// places:
//
//	y = (x − mean[b,g])/√(var[b,g] + Eps) · w[c] + b[c], g = ⌊c·Groups/C⌋
//
// with the biased variance. One group for each channel is instance
// normalisation. (Wu and He, arXiv:1803.08494.)
//
// Args: x [B, ..., C], w [C] with Weight, b [C] with Bias. Result: x's shape.
type GroupNorm struct {
	Groups       int     // 0 means 1
	Eps          float64 // 0 means 1e-5
	Weight, Bias bool
}

// Defaults returns the op with its zero fields replaced by their defaults.
func (o GroupNorm) Defaults() GroupNorm {
	o.Groups = max(o.Groups, 1)
	if o.Eps == 0 {
		o.Eps = 1e-5
	}
	return o
}

// Name is "group_norm" and the number of groups.
func (o GroupNorm) Name() string { return fmt.Sprintf("group_norm g%d", o.Defaults().Groups) }

// Shape checks that the groups divide the channels, and checks the weights.
func (o GroupNorm) Shape(args []tensor.Shape) (tensor.Shape, error) {
	o = o.Defaults()
	if want := 1 + count(o.Weight, o.Bias); len(args) != want || len(args[0]) < 2 {
		return nil, fmt.Errorf("arguments are %v, want %d: x [B, ..., C] and vectors [C]", args, want)
	}
	x := args[0]
	c := x[len(x)-1]
	if c%o.Groups != 0 {
		return nil, fmt.Errorf("%d channels do not divide into %d groups", c, o.Groups)
	}
	for _, a := range args[1:] {
		if !a.Equal(tensor.Shape{c}) {
			return nil, fmt.Errorf("input has %d channels, weight or bias is %v", c, a)
		}
	}
	if o.Eps < 0 {
		return nil, fmt.Errorf("eps %v is negative", o.Eps)
	}
	return x, nil
}

// Eval computes the formula.
func (o GroupNorm) Eval(args []*tensor.Tensor) *tensor.Tensor {
	o = o.Defaults()
	x := args[0]
	y := tensor.New(x.Shape...)
	c := x.Shape[len(x.Shape)-1]
	places, cg := x.Shape[1:].Len()/c, c/o.Groups
	w, b := scaleShift(args[1:], o.Weight, o.Bias, c)
	tensor.Parallel(x.Shape[0]*o.Groups, func(k int) {
		image, first := k/o.Groups*places*c, k%o.Groups*cg
		each := func(f func(i, channel int)) {
			for p := range places {
				for i := range cg {
					f(image+p*c+first+i, first+i)
				}
			}
		}
		n := float64(places * cg)
		mean, variance := 0.0, 0.0
		each(func(i, _ int) { mean += float64(x.Data[i]) / n })
		each(func(i, _ int) { d := float64(x.Data[i]) - mean; variance += d * d / n })
		scale := 1 / math.Sqrt(variance+o.Eps)
		each(func(i, ch int) {
			y.Data[i] = float32((float64(x.Data[i])-mean)*scale*float64(w[ch]) + float64(b[ch]))
		})
	})
	return y
}

// Bands splits the batch.
func (o GroupNorm) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	moves := make([]bool, len(args))
	moves[0] = true
	return args, result, moves
}

// FLOPs counts eight for each element.
func (o GroupNorm) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 { return 8 * int64(result.Len()) }

// GroupNorm normalises v over groups of channels. w and b may be nil.
func (v *Value) GroupNorm(groups int, eps float64, w, b *Value) *Value {
	op := GroupNorm{Groups: groups, Eps: eps, Weight: w != nil, Bias: b != nil}
	args := []*Value{v}
	for _, a := range []*Value{w, b} {
		if a != nil {
			args = append(args, a)
		}
	}
	return Apply(op, args...)
}

// InstanceNorm is GroupNorm with one group for each channel.
func (v *Value) InstanceNorm(eps float64, w, b *Value) *Value {
	return v.GroupNorm(v.Shape[len(v.Shape)-1], eps, w, b)
}
