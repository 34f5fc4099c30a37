package bench

import (
	"cmp"
	"context"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// ScaleResult is what a transformer takes at one size of its input.
type ScaleResult struct {
	Name            string  `json:"name"`
	Adapter         string  `json:"adapter"`
	Size            int     `json:"size"`   // height and width
	Tokens          int     `json:"tokens"` // of its first attention
	Median          float64 `json:"warm_median_ms"`
	Min             float64 `json:"warm_min_ms"`
	Runs            int     `json:"runs"`
	AttentionFLOPs  int64   `json:"attention_flops"`
	FLOPs           int64   `json:"flops"`
	ActivationBytes int64   `json:"activation_bytes"`
	AttentionBytes  int64   `json:"attention_bytes"` // on the device, of the largest attention alone: its input, result and temporaries
	ScoreBytes      int64   `json:"score_bytes"`     // what its matrix of scores would take, which is not made
}

// Scale measures a model, with random weights, on images of a size: the median
// of runs, at least one, with everything warm.
func Scale(ctx context.Context, d *gpu.Device, e zoo.Model, size, runs int) (ScaleResult, error) {
	if runs < 1 {
		return ScaleResult{}, fmt.Errorf("bench: %d runs", runs)
	}
	m := e.New()
	weights.Random(m, 1)
	r := ScaleResult{Name: e.Name, Size: size, Runs: runs}
	measured, _, err := Model(ctx, d, ModelOptions{Name: e.Name, Model: m, Input: tensor.Declare(1, size, size, e.Channels), Runs: runs, Start: time.Now()})
	if err != nil {
		return r, err
	}
	r.Adapter, r.Median, r.Min = measured.Adapter, *measured.Median, *measured.Min
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

// scoreBytes is what the scores of an attention would take, 0 of another op.
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

// alone is what the device allocates to compute the op of v by itself.
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

// lineColors are those of the models in a plot.
var lineColors = []string{"#c0392b", "#2471a3", "#1e8449", "#9a7d0a", "#6c3483", "#117a65"}

// PlotScale draws the results as an SVG: the time, and the memory of attention
// beside what scores would take, over the number of pixels.
func PlotScale(w io.Writer, results []ScaleResult) error {
	const width, height, left, top, gap = 380, 260, 70, 40, 90
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", left+2*width+gap+170, top+height+50)
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	var names []string
	var sizes []int
	for _, r := range results {
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
		if !slices.Contains(sizes, r.Size) {
			sizes = append(sizes, r.Size)
		}
	}
	if len(sizes) == 0 {
		return fmt.Errorf("bench: nothing to plot")
	}
	slices.Sort(sizes)
	pixels := float64(sizes[len(sizes)-1]) * float64(sizes[len(sizes)-1])
	charts := []struct {
		title string
		lines []func(ScaleResult) float64 // the second is dashed
	}{
		{"time of a run, ms", []func(ScaleResult) float64{func(r ScaleResult) float64 { return r.Median }}},
		{"memory of attention, MB (dashed: a matrix of scores)", []func(ScaleResult) float64{
			func(r ScaleResult) float64 { return float64(r.AttentionBytes) / 1e6 },
			func(r ScaleResult) float64 { return float64(r.ScoreBytes) / 1e6 },
		}},
	}
	for i, c := range charts {
		x0, most := left+i*(width+gap), 0.0
		for _, r := range results {
			for _, f := range c.lines {
				most = max(most, f(r))
			}
		}
		if most == 0 {
			most = 1
		}
		at := func(size int, v float64) string {
			return fmt.Sprintf("%.1f,%.1f", float64(x0)+width*float64(size)*float64(size)/pixels, top+height*(1-v/most))
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-size="14">%s</text>`+"\n", x0, top-16, c.title)
		for k := range 5 {
			v := most * float64(k) / 4
			y := top + height*(1-float64(k)/4)
			fmt.Fprintf(&b, `<path d="M%d %.1fh%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.4g</text>`+"\n", x0, y, width, x0-6, y+4, v)
		}
		for _, size := range sizes {
			x := float64(x0) + width*float64(size)*float64(size)/pixels
			fmt.Fprintf(&b, `<path d="M%.1f %dv5" stroke="#333"/><text x="%.1f" y="%d" text-anchor="middle">%d²</text>`+"\n", x, top+height, x, top+height+18, size)
		}
		for n, name := range names {
			var own []ScaleResult
			for _, r := range results {
				if r.Name == name {
					own = append(own, r)
				}
			}
			slices.SortFunc(own, func(a, b ScaleResult) int { return cmp.Compare(a.Size, b.Size) })
			for k, f := range c.lines {
				var points []string
				for _, r := range own {
					points = append(points, at(r.Size, f(r)))
				}
				dash := []string{"", ` stroke-dasharray="5 4"`}[k]
				fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>`+"\n", strings.Join(points, " "), lineColors[n%len(lineColors)], dash)
			}
		}
	}
	for n, name := range names {
		x, y := left+2*width+gap+20, top+10+20*n
		fmt.Fprintf(&b, `<path d="M%d %dh20" stroke="%s" stroke-width="2"/><text x="%d" y="%d">%s</text>`+"\n", x, y, lineColors[n%len(lineColors)], x+26, y+4, html.EscapeString(name))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d">height × width of the input, by pixels; %s</text>`+"\n</svg>\n", left, top+height+40, html.EscapeString(results[0].Adapter))
	_, err := io.WriteString(w, b.String())
	return err
}
