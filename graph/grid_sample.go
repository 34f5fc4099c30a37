package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// SampleMode says how GridSample computes values between elements.
type SampleMode uint8

// The modes of GridSample.
const (
	SampleLinear  SampleMode = iota // from 2 elements along each dimension
	SampleNearest                   // the nearest element; of two the even one
	SampleCubic                     // from 4 elements along each dimension, with Keys' a = −0.75
)

// BorderMode says what GridSample finds outside x.
type BorderMode uint8

// The borders of GridSample.
const (
	BorderZeros   BorderMode = iota // zeros
	BorderClamp                     // the element at the border
	BorderReflect                   // the inside, mirrored at the border
)

// GridSample samples x at the points of a grid, as PyTorch's grid_sample does:
//
//	y[b, p.., c] = Σ_{u..} Π_d weight(at_d − u_d) · x[b, u.., c]
//	at_d = ((grid[b, p.., D−1−d] + 1) · N_d − 1) / 2
//	at_d = (grid[b, p.., D−1−d] + 1) / 2 · (N_d − 1)  with AlignCorners
//
// A border lies half an element outside x, or at its outermost elements with
// AlignCorners. BorderReflect mirrors a point beyond it, and BorderClamp moves it to the
// outermost element, unless the mode is SampleCubic. Elements outside x are then found in
// the same way.
//
// Args: x [B, N_0, N_1, C] or [B, N_0, N_1, N_2, C], grid [B, P.., D] with as many
// P as N and D. Result: [B, P.., C].
type GridSample struct {
	Mode         SampleMode
	Border       BorderMode
	AlignCorners bool
}

// Name is "grid_sample" and the choices that differ from the defaults.
func (o GridSample) Name() string {
	s := "grid_sample" + [...]string{"", " nearest", " bicubic"}[o.Mode] + [...]string{"", " border", " reflection"}[o.Border]
	if o.AlignCorners {
		s += " align-corners"
	}
	return s
}

// Shape checks the grid against x.
func (o GridSample) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 2 || len(args[0]) < 4 || len(args[0]) > 5 || len(args[1]) != len(args[0]) {
		return nil, fmt.Errorf("arguments are %v, want x [B, N.., C] and grid [B, P.., D] of rank 4 or 5", args)
	}
	if o.Mode > SampleCubic || o.Border > BorderReflect {
		return nil, fmt.Errorf("mode %d or border %d is unknown", o.Mode, o.Border)
	}
	x, grid := args[0], args[1]
	last := len(x) - 1
	if grid[last] != last-1 || grid[0] != x[0] {
		return nil, fmt.Errorf("grid %v does not fit %v", grid, x)
	}
	return append(grid[:last].Clone(), x[last]), nil
}

// reflect mirrors v at the borders low and high until it lies between them.
func reflect(v, low, high float32) float32 {
	span := high - low
	if v >= low && v <= high || span <= 0 {
		return max(low, min(v, high))
	}
	far := low - v
	if v > high {
		far = v - high
	}
	turns := float32(math.Floor(float64(far / span)))
	rest := far - float32(turns*span)
	if even := math.Mod(float64(turns), 2) == 0; even == (v < low) {
		return low + rest
	}
	return high - rest
}

// taps lists the elements, of n along dimension d, that a coordinate of the grid
// needs, and their weights. Coordinates are computed in float32, because their
// rounding decides which element is the nearest.
func (o GridSample) taps(g float32, n int) []tap {
	size := float32(n)
	at, low, high := float32(float32(g+1)*size-1)/2, float32(-0.5), size-0.5
	if o.AlignCorners {
		at, low, high = float32(g+1)/2*(size-1), 0, size-1
	}
	if o.Mode == SampleNearest {
		at = float32(math.RoundToEven(float64(at)))
	}
	switch {
	case at >= low && at <= high:
	case o.Border == BorderClamp && o.Mode != SampleCubic:
		at = max(0, min(at, size-1))
	case o.Border == BorderReflect:
		at = reflect(at, low, high)
	}
	if at != at {
		return []tap{{0, math.NaN()}}
	}
	first := math.Floor(max(-1e9, min(float64(at), 1e9)))
	t := float64(at) - first
	var all []tap
	switch o.Mode {
	case SampleNearest:
		all = []tap{{int(first), 1}}
	case SampleLinear:
		all = []tap{{int(first), 1 - t}, {int(first) + 1, t}}
	case SampleCubic:
		for k := range 4 {
			all = append(all, tap{int(first) + k - 1, cubic(t+1-float64(k), -0.75)})
		}
	}
	for k, a := range all {
		switch {
		case a.at >= 0 && a.at < n:
		case o.Border == BorderZeros:
			all[k] = tap{0, 0}
		case o.Border == BorderClamp:
			all[k].at = max(0, min(a.at, n-1))
		case o.Border == BorderReflect:
			all[k].at = min(int(reflect(float32(a.at), low, high)), n-1)
		}
	}
	return all
}

// Eval computes the formula.
func (o GridSample) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, grid := args[0], args[1]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	dims := len(shape) - 2
	c := shape[dims+1]
	places := shape[1 : dims+1].Len()
	extents := x.Shape[1 : dims+1]
	tensor.Parallel(shape[0]*places, func(p int) {
		points := []tap{{p / places, 1}} // of x without its channels
		for d, n := range extents {
			var next []tap
			for _, t := range o.taps(grid.Data[p*dims+dims-1-d], n) {
				for _, q := range points {
					next = append(next, tap{q.at*n + t.at, q.weight * t.weight})
				}
			}
			points = next
		}
		for k := range c {
			sum := 0.0
			for _, q := range points {
				if q.weight != 0 {
					sum += q.weight * float64(x.Data[q.at*c+k])
				}
			}
			y.Data[p*c+k] = float32(sum)
		}
	})
	return y
}

// FLOPs counts two for each element that a point needs.
func (o GridSample) FLOPs(args []tensor.Shape, result tensor.Shape) int64 {
	n := int64(2 * result.Len())
	for range len(args[0]) - 2 {
		n *= [...]int64{2, 1, 4}[o.Mode]
	}
	return n
}

// Bands splits the batch.
func (o GridSample) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return args, result, []bool{true, true}
}
