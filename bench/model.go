package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// ModelResult is what a model took. Cold is from the start of the process to
// the first output in host memory; the other times are of later runs, from the
// input in host memory to the output in host memory.
type ModelResult struct {
	Name    string   `json:"name"`
	Adapter string   `json:"adapter"`
	Input   []int    `json:"input"` // [B, H, W, C]
	Cold    float64  `json:"cold_ms"`
	Median  *float64 `json:"warm_median_ms"` // nil without later runs
	Min     *float64 `json:"warm_min_ms"`
	Runs    int      `json:"runs"`

	ActivationBytes int64 `json:"activation_bytes"`
	ActivationBound int64 `json:"activation_bound_bytes"`
	WeightBytes     int64 `json:"weight_bytes"`
	Dispatches      int   `json:"dispatches"`
	Pipelines       int   `json:"pipelines"`
	FLOPs           int64 `json:"flops"`

	MaxAbsDiff *float64 `json:"max_abs_diff,omitempty"` // from the output wanted, if it is known
}

// ModelOptions says how to measure a model.
type ModelOptions struct {
	Name   string
	Model  models.Network // with weights
	Input  *tensor.Tensor // random if it has no Data
	Want   *tensor.Tensor // or nil
	Runs   int            // after the first and two more; 0 for the first alone
	Start  time.Time      // of the process
	First  func()         // called when the first output is in host memory; or nil
	Layers bool           // Profile, too
}

// plainElements is the largest input that is measured without a GPU.
const plainElements = 1 << 28

// Model measures a model's main result on a device, or in plain Go if d is nil.
func Model(ctx context.Context, d *gpu.Device, o ModelOptions) (ModelResult, []gpu.Timing, error) {
	r := ModelResult{Name: o.Name, Adapter: "cpu", Input: o.Input.Shape, Runs: o.Runs}
	g, err := models.TraceForward(o.Model, o.Input.Shape...)
	if err != nil {
		return r, nil, fmt.Errorf("bench: %w", err)
	}
	x := o.Input
	run := func() ([]*tensor.Tensor, error) { return g.Eval(ctx, x) }
	if n := x.Shape.Len(); d == nil && n > plainElements {
		return r, nil, fmt.Errorf("bench: an input %v is too large for plain Go, which takes %d numbers", x.Shape, plainElements)
	}
	var plan *gpu.Plan
	if d != nil {
		r.Adapter = d.Info().Name
		if plan, err = d.Compile(g); err != nil {
			return r, nil, fmt.Errorf("bench: %w", err)
		}
		defer plan.Close()
		run = func() ([]*tensor.Tensor, error) { return plan.Run(ctx, x) }
		s := plan.Stats()
		r.ActivationBytes, r.ActivationBound, r.WeightBytes = s.ActivationBytes, s.ActivationBound, s.WeightBytes
		r.Dispatches, r.Pipelines = s.Dispatches, s.Pipelines
	}
	if x.Data == nil { // now that the device has taken the graph
		x = RandomInput(x.Shape...)
	}
	out, err := run()
	if err != nil {
		return r, nil, fmt.Errorf("bench: %w", err)
	}
	r.Cold = milliseconds(time.Since(o.Start))
	if o.First != nil {
		o.First()
	}
	r.FLOPs = flops(g)
	if o.Want != nil {
		if r.MaxAbsDiff, err = difference(out[0], o.Want); err != nil {
			return r, nil, fmt.Errorf("bench: %w", err)
		}
	}
	times, err := steady(run, o.Runs)
	if err != nil {
		return r, nil, fmt.Errorf("bench: %w", err)
	}
	if len(times) > 0 {
		middle, least := milliseconds(median(times)), milliseconds(smallest(times))
		r.Median, r.Min = &middle, &least
	}
	if !o.Layers || plan == nil {
		return r, nil, nil
	}
	layers, err := plan.Profile(ctx, x)
	return r, layers, err
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

// ReadData binds the tensors weight/… of a reference file, in any layout that m's
// checkpoints come in, to m and returns the input and the output that it holds,
// in the graph's layout.
func ReadData(path string, m models.Network) (x, y *tensor.Tensor, err error) {
	f, err := weights.OpenSafetensors(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	src := weights.Rename(f, func(name string) string {
		rest, ok := strings.CutPrefix(name, "weight/")
		if !ok {
			return ""
		}
		return rest
	})
	if err := weights.Bind(m, src); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range f.Names() {
		var to **tensor.Tensor
		switch {
		case strings.HasPrefix(name, "input/"):
			to = &x
		case strings.HasPrefix(name, "output/"):
			to = &y
		default:
			continue
		}
		if *to != nil {
			continue
		}
		t, err := f.Tensor(name)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(t.Shape) == 4 {
			t = t.ToNHWC()
		}
		*to = t
	}
	if x == nil || y == nil {
		return nil, nil, fmt.Errorf("%s: no tensors input/… and output/…", path)
	}
	return x, y, nil
}

// RandomInput is an input of numbers in 0…1.
func RandomInput(shape ...int) *tensor.Tensor {
	r := rand.New(rand.NewPCG(3, 4))
	t := tensor.New(shape...)
	for i := range t.Data {
		t.Data[i] = r.Float32()
	}
	return t
}
