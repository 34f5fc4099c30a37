package vision

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// reachOf returns how many pixels of the input [B, H, W, C] around its place a pixel of the
// output depends on, at most. ok is false if an op looks farther, or in a way that this
// function does not know: only ops count that treat all places alike.
func reachOf(g *graph.Graph) (pixels int, ok bool) {
	if len(g.Inputs) != 1 || len(g.Outputs) != 1 {
		return 0, false
	}
	type seen struct {
		reach float64 // in pixels of the input
		scale int     // pixels of the value for each of the input, along a side
	}
	at := map[*graph.Value]seen{g.Inputs[0]: {0, 1}}
	for _, v := range g.Nodes {
		if v.Op == nil {
			continue
		}
		var s seen
		moving := 0
		for _, a := range v.Args {
			if from, is := at[a]; is {
				if moving++; moving > 1 && from.scale != s.scale {
					return 0, false
				}
				s.reach, s.scale = max(s.reach, from.reach), from.scale
			} else if a.Const == nil {
				return 0, false
			}
		}
		if moving == 0 {
			return 0, false
		}
		x := v.Args[0].Shape
		switch op := v.Op.(type) {
		case graph.Conv2d:
			o := op.Defaults()
			k := v.Args[1].Shape
			if o.Stride != graph.Both(1) || len(k) != 4 || !v.Shape[:3].Equal(x[:3]) {
				return 0, false
			}
			s.reach += float64(max((k[2]-1)*o.Dilation[0], (k[3]-1)*o.Dilation[1])+1) / 2 / float64(s.scale)
		case graph.PixelShuffle:
			s.scale *= op.R
		case graph.Resize:
			y := v.Shape
			if len(x) != 4 || op.AlignCorners || op.Antialias || y[1] < x[1] || y[1]%x[1] != 0 || y[2] != y[1]/x[1]*x[2] {
				return 0, false
			}
			s.reach += 2 / float64(s.scale)
			s.scale *= y[1] / x[1]
		case graph.Activate, graph.BatchNorm, graph.Unary:
		case graph.Binary:
			for _, a := range v.Args {
				if _, is := at[a]; is && !a.Shape.Equal(v.Shape) || !is && a.Shape.Len() > v.Shape[len(v.Shape)-1] {
					return 0, false
				}
			}
		case graph.Concat:
			if op.Axis != len(v.Shape)-1 {
				return 0, false
			}
		case graph.Reshape:
			if !slices.Equal(wide(x), wide(v.Shape)) {
				return 0, false
			}
		case graph.Permute:
			last := -1
			for _, from := range op.Order[:op.Rank] {
				if x[from] == 1 {
					continue
				}
				if from < last {
					return 0, false
				}
				last = from
			}
		default:
			return 0, false
		}
		at[v] = s
	}
	out, ok := at[g.Outputs[0].Value]
	return int(out.reach + 1), ok
}

// wide returns the extents over 1.
func wide(s tensor.Shape) []int {
	var all []int
	for _, d := range s {
		if d > 1 {
			all = append(all, d)
		}
	}
	return all
}
