package onnx

import (
	"cmp"
	"slices"

	"github.com/vertebra/vertebra/tensor"
)

// selection has the operators that keep some of the elements.
func selection() map[string]converter {
	return map[string]converter{
		"Trilu":               convertTrilu,
		"com.microsoft.Trilu": convertTrilu,
		"Compress":            convertCompress,
		"Unique":              convertUnique,
	}
}

// convertTrilu keeps the triangle of each matrix above or below diagonal k.
func convertTrilu(c *call) []*value {
	x, k := c.arg(0), 0
	if c.has(1) {
		k = int(c.must(c.arg(1)))
	}
	n := len(x.shape)
	if n < 2 {
		failf("%d dimensions", n)
	}
	rows, cols, upper := x.shape[n-2], x.shape[n-1], c.flag("upper", true)
	keeps := func(i int) bool {
		row, col := i/max(cols, 1)%max(rows, 1), i%max(cols, 1)
		return upper && col-row >= k || !upper && col-row <= k
	}
	if x.host != nil {
		y := newArray(x.typ, x.shape)
		for i := range y.Len() {
			if keeps(i) {
				y.copy(i, x.host, i)
			}
		}
		return []*value{known(y)}
	}
	mask := make([]float32, rows*cols)
	for i := range mask {
		mask[i] = float32(b2i(keeps(i)))
	}
	return c.like(c.constant(mask, rows, cols).Where(c.x(0), c.scalar(0)))
}

// convertCompress keeps the indices along an axis for which a list says so.
func convertCompress(c *call) []*value {
	x := c.arg(0)
	axis := 0
	if a := c.attrs["axis"]; a != nil {
		axis = axisOf(int(a.I), len(x.shape))
	} else {
		x = x.reshape(tensor.Shape{x.shape.Len()})
	}
	if c.arg(1).host == nil {
		return c.compressed(x, axis)
	}
	cond, index := c.known(1), Ints()
	for i := range min(cond.Len(), x.shape[axis]) {
		if cond.At(i) != 0 {
			index.I = append(index.I, int64(i))
		}
	}
	index.Shape = tensor.Shape{len(index.I)}
	return []*value{c.gather(x, known(index), axis)}
}

// convertUnique lists distinct elements, or slices along an axis, sorted or as they come, with
// where each first is, which each index became, and how many there are.
func convertUnique(c *call) []*value {
	x := c.known(0)
	axis, flat := 0, x
	if a := c.attrs["axis"]; a != nil {
		axis = axisOf(int(a.I), len(x.Shape))
	} else {
		flat = x.reshaped(tensor.Shape{x.Len()})
	}
	n, outer, inner := flat.Shape[axis], flat.Shape[:axis].Len(), flat.Shape[axis+1:].Len()
	compare := func(a, b int) int {
		for o := range outer {
			for i := range inner {
				if d := cmp.Compare(flat.At((o*n+a)*inner+i), flat.At((o*n+b)*inner+i)); d != 0 {
					return d
				}
			}
		}
		return 0
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, compare)
	var groups [][]int
	for _, i := range order {
		if k := len(groups); k > 0 && compare(groups[k-1][0], i) == 0 {
			groups[k-1] = append(groups[k-1], i)
		} else {
			groups = append(groups, []int{i})
		}
	}
	if !c.flag("sorted", true) {
		slices.SortFunc(groups, func(a, b []int) int { return a[0] - b[0] })
	}
	first, back, counts := Ints(), newArray(Int64, tensor.Shape{n}), Ints()
	for k, g := range groups {
		first.I, counts.I = append(first.I, int64(g[0])), append(counts.I, int64(len(g)))
		for _, i := range g {
			back.I[i] = int64(k)
		}
	}
	first.Shape, counts.Shape = tensor.Shape{len(groups)}, tensor.Shape{len(groups)}
	return []*value{c.gather(known(flat), known(first), axis), known(first), known(back), known(counts)}
}
