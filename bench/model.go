package bench

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
)

// ModelResult holds the times and the memory of a model. The time of the first output
// begins with the process and ends with the output in host memory. The other times
// are of later runs, from input to output in host memory.
type ModelResult struct {
	Name        string   `json:"name"`
	Input       []int    `json:"input"` // [B, H, W, C], or of an ONNX file the shape of its first input
	FirstOutput float64  `json:"first_output_seconds"`
	Median      *float64 `json:"median_seconds"` // nil without later runs
	Least       *float64 `json:"least_seconds"`
	Processor   *float64 `json:"processor_seconds,omitempty"` // of all cores, for one of these runs; nil if unknown
	Runs        int      `json:"runs"`

	ActivationBytes int64 `json:"activation_bytes"`
	ActivationBound int64 `json:"activation_bound_bytes"` // lower bound of activation_bytes
	WeightBytes     int64 `json:"weight_bytes"`
	Dispatches      int   `json:"dispatches"`
	Pipelines       int   `json:"pipelines"`
	FLOPs           int64 `json:"flops"`
	Tuned           int   `json:"tuned_ops"` // ops, or parts of ops, whose program was tuned

	MaxAbsDiff *float64 `json:"max_abs_diff,omitempty"` // from the wanted output, if known
	MaxRelDiff *float64 `json:"max_rel_diff,omitempty"` // the same, relative to the output's largest element

	Layers []LayerTime `json:"layers,omitempty"`
}

// ModelOptions says how to measure a model.
type ModelOptions struct {
	Name  string
	Model models.Network // with weights
	Input *tensor.Tensor // random if it has no Data
	Want  *tensor.Tensor // or nil
	Check Check          // in place of Want; or nil
	Runs  int            // timed runs, after the first and two to warm up; 0 for only the first
	Start time.Time      // of the process
	First func()         // called when the first output is in host memory; or nil

	// Layers turns the times of dispatches into those of layers: ByLayer, ByDispatch,
	// or nil for none.
	Layers func([]gpu.Timing) []LayerTime
}

// Check returns the largest difference of outputs from what they should be, and the largest
// one relative to the largest element of its output.
type Check func(outputs []*tensor.Tensor) (abs, relative float64, err error)

// plainElements is the largest input that is measured without a GPU.
const plainElements = 1 << 28

// Model measures a model's main result on a device, or in plain Go if d is nil.
func Model(ctx context.Context, d *gpu.Device, o ModelOptions) (ModelResult, error) {
	r := ModelResult{Name: o.Name, Input: o.Input.Shape, Runs: o.Runs}
	g, err := models.TraceForward(o.Model, o.Input.Shape...)
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	if o.Want != nil {
		o.Check = func(outputs []*tensor.Tensor) (float64, float64, error) {
			d, err := tensor.Diff(outputs[0], o.Want)
			return d.Max, d.Relative, err
		}
	}
	return Graph(ctx, d, g, []*tensor.Tensor{o.Input}, o)
}

// Graph measures a graph on a device, or in plain Go if d is nil. Inputs without Data are
// random. Of o it takes what Model does, but not Model, Input and Want.
func Graph(ctx context.Context, d *gpu.Device, g *graph.Graph, inputs []*tensor.Tensor, o ModelOptions) (ModelResult, error) {
	r := ModelResult{Name: o.Name, Runs: o.Runs}
	elements := 0
	for _, x := range inputs {
		elements += x.Shape.Len()
	}
	if len(inputs) > 0 {
		r.Input = inputs[0].Shape
	}
	if d == nil && elements > plainElements {
		return r, fmt.Errorf("bench: an input of shape %v is too large for plain Go, which takes at most %d numbers", inputs[0].Shape, plainElements)
	}
	xs := slices.Clone(inputs)
	run := func() ([]*tensor.Tensor, error) { return g.Eval(ctx, xs...) }
	err := error(nil)
	var plan *gpu.Plan
	if d != nil {
		if plan, err = d.Compile(g); err != nil {
			return r, fmt.Errorf("bench: %w", err)
		}
		defer plan.Close()
		run = func() ([]*tensor.Tensor, error) { return plan.Run(ctx, xs...) }
		s := plan.Stats()
		r.ActivationBytes, r.ActivationBound, r.WeightBytes = s.ActivationBytes, s.ActivationBound, s.WeightBytes
		r.Dispatches, r.Pipelines, r.Tuned = s.Dispatches, s.Pipelines, s.Tuned
	}
	for i, x := range xs { // not before the device has accepted the graph
		if x.Data == nil {
			xs[i] = RandomInput(x.Shape...)
		}
	}
	out, err := run()
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	r.FirstOutput = time.Since(o.Start).Seconds()
	if o.First != nil {
		o.First()
	}
	r.FLOPs = flops(g)
	if o.Check != nil {
		abs, relative, err := o.Check(out)
		if err != nil {
			return r, fmt.Errorf("bench: %w", err)
		}
		abs, relative = min(abs, math.MaxFloat64), min(relative, math.MaxFloat64) // JSON has no infinity
		r.MaxAbsDiff, r.MaxRelDiff = &abs, &relative
	}
	times, spent, err := steady(run, o.Runs)
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	if len(times) > 0 {
		median, least := medianAndLeast(times)
		r.Median, r.Least, r.Processor = &median, &least, spent
	}
	if o.Layers == nil || plan == nil {
		return r, nil
	}
	dispatches, err := profile(ctx, plan, xs, min(o.Runs, 3))
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	r.Layers = o.Layers(dispatches)
	return r, nil
}

// profile times the dispatches at least once and keeps the shortest time of each.
func profile(ctx context.Context, p *gpu.Plan, xs []*tensor.Tensor, times int) ([]gpu.Timing, error) {
	best, err := p.Profile(ctx, xs...)
	for i := 1; i < times && err == nil; i++ {
		var next []gpu.Timing
		next, err = p.Profile(ctx, xs...)
		for j, t := range next {
			best[j].Time = min(best[j].Time, t.Time)
		}
	}
	return best, err
}

// steady returns the times of runs in seconds, after a few runs to warm up, and the
// processor time of one of them on average, if the system tells it.
func steady(run func() ([]*tensor.Tensor, error), runs int) (times []float64, processor *float64, err error) {
	if runs == 0 {
		return nil, nil, nil
	}
	times = make([]float64, warmup+runs)
	before, known := time.Duration(0), false
	for i := range times {
		if i == warmup {
			before, known = processorTime()
		}
		start := time.Now()
		if _, err := run(); err != nil {
			return nil, nil, err
		}
		times[i] = time.Since(start).Seconds()
	}
	if after, _ := processorTime(); known {
		each := (after - before).Seconds() / float64(runs)
		processor = &each
	}
	return times[warmup:], processor, nil
}

// flops counts the operations of a graph.
func flops(g *graph.Graph) int64 {
	n := int64(0)
	for _, v := range g.Nodes {
		if v.Op != nil {
			n += graph.FLOPs(v.Op, v.ArgShapes(), v.Shape)
		}
	}
	return n
}

// RandomInput returns an input of random numbers in 0…1.
func RandomInput(shape ...int) *tensor.Tensor {
	r := rand.New(rand.NewPCG(3, 4))
	t := tensor.New(shape...)
	for i := range t.Data {
		t.Data[i] = r.Float32()
	}
	return t
}
