package shaders

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// linearPane lists the pane kernels for a linear layer, the best guess first.
func linearPane(op dense, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	n, k := args[1][0], args[1][1]
	bias, residual, _ := op.end().args(2)
	p := product{
		z: 1, m: result.Len() / n, n: n, k: k, end: op.end(),
		bind: []int{0, 1, bias, residual, len(args)},
	}
	if k%4 == 0 {
		return p.programs(lim)
	}
	// A convolution with windows of one pixel pads the rows of x to a multiple of four.
	pixels := conv{graph.Conv2d{Epilogue: op.Epilogue}.Defaults(), op.onto}
	as := append([]tensor.Shape{{1, 1, p.m, k}, {n, k, 1, 1}}, args[2:]...)
	programs := conv2dPane(pixels, as, tensor.Shape{1, 1, p.m, n}, lim)
	for i := range programs {
		square := moves("", func(w *tensor.Tensor, _ *tensor.Scratch) *tensor.Tensor { return w.Reshape(n, k, 1, 1) })
		programs[i].Pack = map[int]Layout{1: square.then(programs[i].Pack[1])}
	}
	return programs
}

// product is y[z,m,n] = act(Σ_k x[z,m,k] w[z,n,k] + bias[n] + residual[z,m,n])
// with a constant w and K a multiple of 4.
type product struct {
	z, m, n, k int
	end        epilogue
	bind       []int // x, w, bias, residual, y
}

// bindings returns the product's bindings, with x or w through a pane.
func (p product) bindings(pane int) []Binding {
	b := inOut(p.bind[4], p.bind[:4]...)
	b[pane].Access = Uniform
	return b
}

// programs lists the programs for the product, the best guess first.
func (p product) programs(lim Limits) []Program {
	const (
		short  = 1024 // the largest K for which a pane holds 16 rows
		narrow = 32   // with so few columns, 16 rows are too little work
	)
	few := 256 // rows up to which x is cut rather than w
	if p.z > 1 {
		few = 40 // a pane of w then holds several z
	}
	weights, rows, thin, one := p.weights(4), p.rows(16, 8), p.rows(4, 8), p.rows(1, 4)
	order := [][]Program{weights, rows, thin, one}
	switch {
	case p.m == 1:
		order = [][]Program{one, thin, rows, weights}
	case p.m <= 4:
		order = [][]Program{thin, one, rows, weights}
	case p.k > short || p.z == 1 && p.n <= narrow:
	case p.m <= few, p.z == 1 && 4*p.n >= p.k: // a pane of x then makes four workgroups
		order = [][]Program{rows, weights, thin, one}
	}
	if lim.wide && lim.Kind == CPU { // faster patches that take twice as long to compile
		order = append(order, p.weights(8))
		for _, down := range []int{20, 24, 28, 32} {
			order = append(order, p.rows(down, 8))
		}
	}
	var all []Program
	for _, o := range order {
		all = append(all, o...)
	}
	return all
}

// weights sees w through panes. An invocation computes down rows by 16 columns: 4, or 8 if
// the columns are not a multiple of 4.
func (p product) weights(down int) []Program {
	name := "linear_pane"
	if down == 8 || p.n%4 != 0 {
		name, down = "linear_pane_scalar", 8
	}
	w, ok := newCut(p.m, p.z, p.n, p.k, 1, down, 16)
	if !ok {
		return nil
	}
	return []Program{{
		Name: name,
		Kernels: w.kernels(p.m, Kernel{File: name, Set: p.end.act()}, p.end, p.bind, func(a pane) Sizes {
			return sizes("m n k4 step_k4 first_k4 first_col cols first_z depth part epilogue",
				p.m, p.n, p.k/4, a.step/4, a.first/4, a.column, a.cols, a.z, a.depth, a.part, p.end.flags())
		}),
		Pack: map[int]Layout{1: w.layout()},
	}}
}

// rows sees x through panes. An invocation computes down rows by across columns.
func (p product) rows(down, across int) []Program {
	name := fmt.Sprintf("linear_xpane_%dx%d", down, across)
	file, set := "linear_xpane", Set{"ROWS": down}
	switch {
	case down == 1:
		file, set = name, nil
	case down > 16 && paneFloats/p.k < min(p.m, down): // much of a patch would be padding
		return nil
	case down > 16:
		file = "linear_xpane_tall"
	}
	if p.n%4 != 0 {
		if down != 1 {
			return nil
		}
		name += "_scalar"
		file = name
	}
	rows, depth := min(p.m, paneFloats/p.k), 1
	if rows < p.m && rows > down {
		rows = rows / down * down
	}
	if p.m*p.k*2 <= paneFloats {
		depth = min(p.z, paneFloats/(p.m*p.k))
	}
	// Panes begin at offsets that bindings may have.
	if rows == 0 || rows < p.m && rows*p.k%paneAlign != 0 {
		return nil
	}
	for ; depth > 1 && depth < p.z && depth*p.m*p.k%paneAlign != 0; depth-- {
	}
	if depth < p.z && depth*p.m*p.k%paneAlign != 0 {
		return nil
	}
	// A short pane, for what fits in it, leaves less memory to spare.
	const short = 4 << 10
	pane := Pane
	if 4*rows*depth*p.k <= short {
		pane = short
	}
	kernel := Kernel{File: file, Set: p.end.act().with(set).with(Set{"PANE": pane / 16})}
	if p.z == 1 && p.m == 1 && down == 1 && rows == 1 {
		return []Program{{Name: name, Kernels: p.slices(kernel, across, pane), Pack: map[int]Layout{1: lanes(1, p.n, p.k, across)}}}
	}
	q := Program{Name: name, Pack: map[int]Layout{1: lanes(p.z, p.n, p.k, across)}}
	for z := 0; z < p.z; z += depth {
		for row := 0; row < p.m; row += rows {
			d, r := min(depth, p.z-z), min(rows, p.m-row)
			kernel.Grid = Flat(ceil(p.n, across)*ceil(r, down)*d, 8)
			kernel.Bindings = p.bindings(0)
			kernel.Bindings[0].Offset, kernel.Bindings[0].Size = int64(4*(z*p.m+row)*p.k), int64(pane)
			kernel.Sizes = p.rowSizes(p.n, row, r, z, d)
			q.Kernels = append(q.Kernels, kernel)
		}
	}
	return []Program{q}
}

// rowSizes returns the sizes of a kernel that computes n columns of the given rows and
// z, from the first ones on.
func (p product) rowSizes(n, row, rows, z, depth int) Sizes {
	return Sizes{ // by hand: there may be thousands
		{"m", p.m}, {"n", n}, {"k4", p.k / 4}, {"first_row", row}, {"rows", rows}, {"first_z", z}, {"depth", depth},
		{"epilogue", p.end.flags()},
	}
}

// slices computes one row in slices of columns. The part of w for a slice is small
// enough for every device to bind.
func (p product) slices(kernel Kernel, across, pane int) []Kernel {
	slab := 8 * across // columns that w keeps together
	// A slice begins at an offset that bindings of y and bias may have.
	step := max(paneAlign, int(Default.StorageBinding)/(4*p.k)/paneAlign*paneAlign)
	var ks []Kernel
	for first := 0; first < p.n; first += step {
		n := min(step, p.n-first)
		kernel.Grid = Flat(ceil(n, across), 8)
		kernel.Sizes = p.rowSizes(n, 0, 1, 0, 1)
		kernel.Bindings = p.bindings(0)
		for i := range kernel.Bindings {
			switch b := &kernel.Bindings[i]; {
			case i == 0:
				b.Size = int64(pane)
			case i == 1:
				b.Offset, b.Size = int64(4*first*p.k), int64(4*slab*ceil(n, slab)*p.k)
			case b.Arg != Absent:
				b.Offset, b.Size = int64(4*first), int64(4*n)
			}
		}
		ks = append(ks, kernel)
	}
	return ks
}
