package passes

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Before multiplies a factor and a sum of channels before a convolution or linear layer into
// its weights: w·(x·s + b) + c = (w·s)·x + (w·b + c). A sum before padding stays, because the
// padding is 0 after it.
func Before(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		e, padded := graph.Epilogue{}, false
		switch op := v.Op.(type) {
		case graph.Conv2d:
			e, padded = op.Epilogue, op.Pad != graph.Pair{} || op.Extra != graph.Pair{}
		case graph.Linear:
			e = op.Epilogue
		default:
			return r.same(v)
		}
		w := v.Args[1]
		if e != (graph.Epilogue{}) && e != (graph.Epilogue{Bias: true}) || w.Const == nil || w.Const.Data == nil ||
			e.Bias && (v.Args[2].Const == nil || v.Args[2].Const.Data == nil) {
			return r.same(v)
		}
		x, f := r.channels(v.Args[0])
		if x == v.Args[0] || padded && f.shifts() {
			return r.same(v)
		}
		weight, bias := f.into(w.Tensor(nil))
		if e.Bias {
			for i, c := range v.Args[2].Tensor(nil).Data {
				bias.Data[i] += c
			}
		}
		args := []*graph.Value{r.at[x], r.out.Const(weight)}
		if e.Bias = e.Bias || f.shifts(); e.Bias {
			args = append(args, r.out.Const(bias))
		}
		if op, ok := v.Op.(graph.Conv2d); ok {
			op.Epilogue = e
			return graph.Apply(op, args...)
		}
		return graph.Apply(graph.Linear{Epilogue: e}, args...)
	})
}

// perChannels is x·scale + shift for each channel.
type perChannels struct{ scale, shift []float64 }

func (f perChannels) shifts() bool {
	for _, b := range f.shift {
		if b != 0 {
			return true
		}
	}
	return false
}

// into returns a weight [O, C/groups, ...] that does f before, and what f adds to each of its
// results.
func (f perChannels) into(w *tensor.Tensor) (weight, bias *tensor.Tensor) {
	weight, bias = tensor.New(w.Shape...), tensor.New(w.Shape[0])
	weight.Name, bias.Name = w.Name, w.Name+".before"
	o, c := w.Shape[0], w.Shape[1]
	places := w.Shape[2:].Len()
	each := o / (len(f.scale) / c) // results of a group
	for i := range o {
		sum := 0.0
		for k := range c {
			channel := i/each*c + k
			for p := range places {
				at := (i*c+k)*places + p
				weight.Data[at] = float32(float64(w.Data[at]) * f.scale[channel])
				sum += float64(w.Data[at]) * f.shift[channel]
			}
		}
		bias.Data[i] = float32(sum)
	}
	return weight, bias
}

// channels returns the first value before v from which only factors and sums of channels lead
// to v, each used once, and these.
func (r *rewriter) channels(v *graph.Value) (*graph.Value, perChannels) {
	c := v.Shape[len(v.Shape)-1]
	f := perChannels{make([]float64, c), make([]float64, c)}
	for i := range f.scale {
		f.scale[i] = 1
	}
	// then puts x·s + b before f.
	then := func(s, b func(i int) float64) {
		for i := range f.scale {
			f.shift[i] += f.scale[i] * b(i)
			f.scale[i] *= s(i)
		}
	}
	constant := func(x float64) func(int) float64 { return func(int) float64 { return x } }
	for r.uses[v] == 1 {
		switch op := v.Op.(type) {
		case graph.Unary:
			steps := op.Chain.List()
			for _, s := range steps {
				if s.Fn != graph.Plus && s.Fn != graph.Times && s.Fn != graph.Over {
					return v, f
				}
			}
			for i := len(steps) - 1; i >= 0; i-- {
				switch a := float64(steps[i].A); steps[i].Fn {
				case graph.Plus:
					then(constant(1), constant(a))
				case graph.Times:
					then(constant(a), constant(0))
				case graph.Over:
					then(constant(1/a), constant(0))
				}
			}
			v = v.Args[0]
		case graph.Binary:
			x, w := v.Args[0], v.Args[1]
			data, ok := perChannel(w, v.Shape)
			if !ok && op.Kind != graph.Sub {
				x = w
				data, ok = perChannel(v.Args[0], v.Shape)
			}
			if !ok || !x.Shape.Equal(v.Shape) || op.Then[0].Fn != 0 {
				return v, f
			}
			number := func(i int) float64 { return float64(data[i%len(data)]) }
			switch op.Kind {
			case graph.Add:
				then(constant(1), number)
			case graph.Sub:
				then(constant(1), func(i int) float64 { return -number(i) })
			case graph.Mul:
				then(number, constant(0))
			default:
				return v, f
			}
			v = x
		case graph.BatchNorm:
			var stats []*tensor.Tensor
			for _, a := range v.Args[1:] {
				if a.Const == nil || a.Const.Data == nil {
					return v, f
				}
				stats = append(stats, a.Tensor(nil))
			}
			scale, shift := op.ScaleShift(stats)
			then(func(i int) float64 { return scale[i] }, func(i int) float64 { return shift[i] })
			v = v.Args[0]
		default:
			return v, f
		}
	}
	return v, f
}
