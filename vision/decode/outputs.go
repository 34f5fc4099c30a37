package decode

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// find returns the output that has a role. If several have a shape that fits, the words
// in their names decide. shape describes what fits.
func (c *call) find(role, shape string, fits func(s tensor.Shape) bool, words ...string) (*tensor.Tensor, error) {
	if name, ok := c.o.Roles[role]; ok {
		if t := c.outputs[name]; fits(t.Shape) {
			return t, nil
		}
		return nil, fmt.Errorf("%s: output %q is %v, want %s", role, name, c.outputs[name].Shape, shape)
	}
	var can, begins, named []string
	for _, name := range slices.Sorted(maps.Keys(c.outputs)) {
		if !fits(c.outputs[name].Shape) || c.taken(name) {
			continue
		}
		can = append(can, name)
		low := strings.ToLower(name)
		if slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(low, w) }) {
			begins = append(begins, name)
		}
		if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(low, w) }) {
			named = append(named, name)
		}
	}
	if len(begins) == 1 {
		can = begins
	} else if len(named) == 1 {
		can = named
	}
	switch len(can) {
	case 0:
		return nil, fmt.Errorf("no output for %s, which is %s: there are %s", role, shape, list(c.shapes()))
	case 1:
		c.used = append(c.used, can[0])
		return c.outputs[can[0]], nil
	}
	return nil, fmt.Errorf("%d outputs may be %s, which is %s: name one of %s", len(can), role, shape, strings.Join(can, ", "))
}

// check returns an error if a role is not the decoder's, or its output is not there.
func (d decoder) check(roles map[string]string, outputs map[string]*tensor.Tensor) error {
	known := strings.Fields(d.roles)
	var odd []string
	for _, role := range slices.Sorted(maps.Keys(roles)) {
		if !slices.Contains(known, role) {
			odd = append(odd, strconv.Quote(role))
		}
	}
	switch {
	case len(odd) > 0 && len(known) == 0:
		return fmt.Errorf("no role %s: its outputs need no names", strings.Join(odd, ", "))
	case len(odd) > 0:
		return fmt.Errorf("no role %s; there are %s", strings.Join(odd, ", "), strings.Join(known, ", "))
	}
	for _, role := range slices.Sorted(maps.Keys(roles)) {
		if outputs[roles[role]] == nil {
			return fmt.Errorf("role %q: the network has no output %q", role, roles[role])
		}
	}
	return nil
}

// taken reports whether an output has another role.
func (c *call) taken(name string) bool {
	for _, other := range c.o.Roles {
		if other == name {
			return true
		}
	}
	return slices.Contains(c.used, name)
}

// has reports whether any output has a shape that fits.
func (c *call) has(fits func(s tensor.Shape) bool) bool {
	for _, t := range c.outputs {
		if fits(t.Shape) {
			return true
		}
	}
	return false
}

func (c *call) shapes() map[string]tensor.Shape {
	all := map[string]tensor.Shape{}
	for name, t := range c.outputs {
		all[name] = t.Shape
	}
	return all
}

// list writes names and shapes.
func list(shapes map[string]tensor.Shape) string {
	if len(shapes) == 0 {
		return "none"
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		all = append(all, fmt.Sprintf("%s %v", name, shapes[name]))
	}
	return strings.Join(all, ", ")
}

// image returns the elements of the call's image in t [B, …].
func (c *call) image(t *tensor.Tensor) ([]float32, error) {
	if c.o.Image >= t.Shape[0] {
		return nil, fmt.Errorf("image %d of an output %v", c.o.Image, t.Shape)
	}
	n := tensor.Shape(t.Shape[1:]).Len()
	return t.Data[c.o.Image*n:][:n], nil
}

// matrix is find and image for an output [B, N, k].
func (c *call) matrix(role, shape string, fits func(n, k int) bool, words ...string) (data []float32, n, k int, err error) {
	t, err := c.find(role, shape, func(s tensor.Shape) bool { return len(s) == 3 && fits(s[1], s[2]) }, words...)
	if err != nil {
		return nil, 0, 0, err
	}
	data, err = c.image(t)
	return data, t.Shape[1], t.Shape[2], err
}

// boxesAndScores finds two outputs [B, N, 4] and [B, N, C].
func (c *call) boxesAndScores(boxes, scores string) (b, s []float32, classes int, err error) {
	b, n, _, err := c.matrix(boxes, "[B, N, 4]", func(_, k int) bool { return k == 4 }, "box", "loc", "reg", "det", "offset")
	if err != nil {
		return nil, nil, 0, err
	}
	s, _, classes, err = c.matrix(scores, fmt.Sprintf("[B, %d, C]", n), func(m, k int) bool { return m == n && k > 0 }, "score", "conf", "cls", "class", "logit", "label", "prob")
	return b, s, classes, err
}

// largest returns the index of the largest number and the number. NaN is never it.
func largest(x []float32) (int, float32) {
	best := 0
	for i, v := range x {
		if v > x[best] || x[best] != x[best] {
			best = i
		}
	}
	return best, x[best]
}

// cells returns how many cells grids with the given strides have together, on an input
// of this height and width.
func cells(size [2]int, strides ...int) int {
	n := 0
	for _, s := range strides {
		n += ((size[0] + s - 1) / s) * ((size[1] + s - 1) / s)
	}
	return n
}
