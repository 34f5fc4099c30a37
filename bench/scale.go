package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// ScaleResult holds the time and the memory of a transformer at one input size.
type ScaleResult struct {
	Name   string  `json:"name"`
	Size   int     `json:"size"`   // height and width
	Tokens int     `json:"tokens"` // of its first attention
	Median float64 `json:"median_seconds"`
	Least  float64 `json:"least_seconds"`
	Runs   int     `json:"runs"`

	FLOPs          int64 `json:"flops"`
	AttentionFLOPs int64 `json:"attention_flops"`

	ActivationBytes int64 `json:"activation_bytes"`
	AttentionBytes  int64 `json:"attention_bytes"` // memory on the device for only the largest attention: its input, result and temporaries
	ScoreBytes      int64 `json:"score_bytes"`     // memory that its matrix of scores would take; no kernel stores it
}

// Scale measures a model with random weights on images of one size. The time is the
// median of at least one run after warming up.
func Scale(ctx context.Context, d *gpu.Device, e zoo.Model, size, runs int) (ScaleResult, error) {
	if runs < 1 {
		return ScaleResult{}, fmt.Errorf("bench: %d runs", runs)
	}
	m := e.New()
	weights.Random(m, 1)
	r := ScaleResult{Name: e.Name, Size: size, Runs: runs}
	measured, err := Model(ctx, d, ModelOptions{Name: e.Name, Model: m, Input: tensor.Declare(1, size, size, e.Channels), Runs: runs, Start: time.Now()})
	if err != nil {
		return r, err
	}
	r.Median, r.Least = *measured.Median, *measured.Least
	r.FLOPs, r.ActivationBytes = measured.FLOPs, measured.ActivationBytes
	g, err := models.TraceForward(m, 1, size, size, e.Channels)
	if err != nil {
		return r, err
	}
	var largest *graph.Value
	for _, v := range g.Nodes {
		scores := scoreBytes(v)
		if scores == 0 {
			continue
		}
		r.AttentionFLOPs += graph.FLOPs(v.Op, v.ArgShapes(), v.Shape)
		if scores > r.ScoreBytes {
			largest, r.ScoreBytes = v, scores
		}
		if r.Tokens == 0 {
			r.Tokens = v.Shape[1:].Len() / v.Shape[len(v.Shape)-1]
		}
	}
	if largest == nil {
		return r, fmt.Errorf("bench: %s has no attention", e.Name)
	}
	r.AttentionBytes, err = alone(d, largest)
	return r, err
}

// scoreBytes returns the bytes that the scores of an attention would take, or 0 for
// another op.
func scoreBytes(v *graph.Value) int64 {
	args := v.ArgShapes()
	switch op := v.Op.(type) {
	case graph.Attention:
		if l, err := op.Layout(args); err == nil {
			return 4 * int64(l.B*l.H) * int64(l.N) * int64(l.M)
		}
	case graph.WindowAttention:
		if w, err := op.Windows(args[0]); err == nil {
			t := int64(w.Window[0] * w.Window[1])
			return 4 * int64(args[0][0]*max(op.Heads, 1)*w.Count[0]*w.Count[1]) * t * t
		}
	}
	return 0
}

// alone returns how many bytes the device allocates to compute only the op of v.
func alone(d *gpu.Device, v *graph.Value) (int64, error) {
	g, err := graph.Trace(func(g *graph.Graph) {
		var args []*graph.Value
		for i, a := range v.ArgShapes() {
			args = append(args, g.Input(fmt.Sprintf("arg%d", i), a...))
		}
		g.Output("out", graph.Apply(v.Op, args...))
	})
	if err != nil {
		return 0, err
	}
	plan, err := d.Compile(g)
	if err != nil {
		return 0, err
	}
	defer plan.Close()
	return plan.Stats().ActivationBytes, nil
}
