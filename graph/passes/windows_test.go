package passes

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// swinBlock is the attention of a Swin block as torchvision exports it. Its fields change it to
// something else.
type swinBlock struct {
	h, w, window, shift, heads, batch int

	padded   bool // to multiples of the window, and cropped
	back     int  // how much farther the map is rolled back
	scale    float64
	mask     func(m *tensor.Tensor) // changes the mask
	unmasked bool
}

func (b swinBlock) graph(g *graph.Graph, r *rand.Rand) *graph.Value {
	const d = 4
	c, n := d*b.heads, b.window*b.window
	x := g.Input("x", b.batch, b.h, b.w, c)
	up := func(v int) int { return (v + b.window - 1) / b.window * b.window }
	ph, pw := up(b.h), up(b.w)
	if b.padded {
		o := graph.Pad{}
		o.After[1], o.After[2] = ph-b.h, pw-b.w
		x = graph.Apply(o, x)
	}
	roll := func(x *graph.Value, by int) *graph.Value {
		for _, axis := range []int{1, 2} {
			size := x.Shape[axis]
			if at := ((size-by)%size + size) % size; at != 0 {
				x = graph.Cat(axis, x.Slice(axis, at, 0), x.Slice(axis, 0, at))
			}
		}
		return x
	}
	x = roll(x, -b.shift)
	windows := ph / b.window * (pw / b.window)
	x = x.Reshape(b.batch, ph/b.window, b.window, pw/b.window, b.window, c).Permute(0, 1, 3, 2, 4, 5).Reshape(b.batch*windows, n, c)
	qkv := graph.Apply(graph.Linear{}, x, g.Const(random(r, 3*c, c))).Add(g.Const(random(r, 3*c)))
	qkv = qkv.Reshape(b.batch*windows, n, 3, b.heads, d).Permute(2, 0, 3, 1, 4)
	part := func(i int) *graph.Value { return qkv.Slice(0, i, i+1).Reshape(b.batch*windows, b.heads, n, d) }
	s := part(0).Mul(scalar(g, b.scale/math.Sqrt(d))).MatMul(part(1).Permute(0, 1, 3, 2)).Add(g.Const(random(r, 1, b.heads, n, n)))
	if b.shift > 0 && !b.unmasked {
		m := graph.ShiftMask(graph.Pair{ph, pw}, graph.Both(b.window), graph.Both(b.shift))
		if b.mask != nil {
			b.mask(m)
		}
		s = s.Reshape(b.batch, windows, b.heads, n, n).Add(g.Const(m.Reshape(1, windows, 1, n, n))).Reshape(b.batch*windows, b.heads, n, n)
	}
	y := s.Softmax(-1).MatMul(part(2)).Permute(0, 2, 1, 3).Reshape(b.batch*windows, n, c)
	y = graph.Apply(graph.Linear{}, y, g.Const(random(r, c, c))).Add(g.Const(random(r, c)))
	y = y.Reshape(b.batch, ph/b.window, pw/b.window, b.window, b.window, c).Permute(0, 1, 3, 2, 4, 5).Reshape(b.batch, ph, pw, c)
	y = roll(y, b.shift+b.back)
	if b.padded {
		y = y.Slice(1, 0, b.h).Slice(2, 0, b.w)
	}
	return y
}

// TestWindowAttentions expects Swin's attention as one op, and graphs that differ from it
// as they are.
func TestWindowAttentions(t *testing.T) {
	for name, c := range map[string]struct {
		swinBlock
		is bool
	}{
		"no shift":             {swinBlock{h: 8, w: 12, window: 4, heads: 2, batch: 2, scale: 1}, true},
		"a shift":              {swinBlock{h: 8, w: 12, window: 4, shift: 2, heads: 2, batch: 2, scale: 1}, true},
		"an odd window":        {swinBlock{h: 6, w: 6, window: 3, shift: 1, heads: 1, batch: 1, scale: 1}, true},
		"padding":              {swinBlock{h: 7, w: 6, window: 4, shift: 2, heads: 2, batch: 2, scale: 1, padded: true}, true},
		"padding of one side":  {swinBlock{h: 8, w: 6, window: 4, heads: 2, batch: 1, scale: 1, padded: true}, true},
		"one window, shifted":  {swinBlock{h: 4, w: 8, window: 4, shift: 2, heads: 2, batch: 1, scale: 1}, false},
		"rolled back too far":  {swinBlock{h: 8, w: 8, window: 4, shift: 2, heads: 2, batch: 1, scale: 1, back: 1}, false},
		"another scale":        {swinBlock{h: 8, w: 8, window: 4, shift: 2, heads: 2, batch: 1, scale: 1.01}, false},
		"no mask":              {swinBlock{h: 8, w: 8, window: 4, shift: 2, heads: 2, batch: 1, scale: 1, unmasked: true}, false},
		"another mask":         {swinBlock{h: 8, w: 8, window: 4, shift: 2, heads: 2, batch: 1, scale: 1, mask: func(m *tensor.Tensor) { m.Data[5] = -1 }}, false},
		"a mask of less force": {swinBlock{h: 8, w: 8, window: 4, shift: 2, heads: 2, batch: 1, scale: 1, mask: func(m *tensor.Tensor) { m.Data[len(m.Data)-3] /= 100 }}, false},
	} {
		r := rand.New(rand.NewPCG(3, 3))
		g, err := graph.Trace(func(g *graph.Graph) { g.Output("y", c.graph(g, r)) })
		if err != nil {
			t.Fatal(err)
		}
		h := whole(g)
		compare(t, g, h, r)
		ops := names(h)
		if slices.Contains(ops, "window_attention") != c.is || c.is && len(ops) > 5 {
			t.Errorf("%s: %s\n%s", name, strings.Join(ops, ", "), h)
		}
	}
}

// names lists the ops of a graph without their choices.
func names(g *graph.Graph) []string {
	var list []string
	for _, v := range g.Nodes {
		if v.Op != nil {
			list = append(list, strings.Fields(v.Op.Name())[0])
		}
	}
	return list
}
