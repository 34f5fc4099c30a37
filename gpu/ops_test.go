package gpu

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// opTolerance is the largest error of an op, relative to the largest value.
const opTolerance = 1e-5

// everyProgram runs g with the candidate programs of its ops that the budget allows, or
// with all if b is nil.
func everyProgram(t *testing.T, d *Device, b *budget, g *graph.Graph, inputs, want []*tensor.Tensor, tolerance float64) {
	t.Helper()
	var only map[string]bool
	if b != nil {
		only = b.choose(t, d, g, Choice{})
	}
	programs(t, d, g, inputs, want, tolerance, Choice{}, only)
}

// programs runs g with the candidate programs of these names, or with all if only is
// nil. It runs each three times on one plan with its memory poisoned, and compares with
// want.
func programs(t *testing.T, d *Device, g *graph.Graph, inputs, want []*tensor.Tensor, tolerance float64, base Choice, only map[string]bool) {
	t.Helper()
	for c := range Candidates(base) {
		if only != nil {
			// Planning calls Choice, which sets the name.
			if _, err := plan.New(g, d.info.Limits, d.info.MaxBufferSize, c.Choice); err == nil && !only[c.Name] {
				continue
			}
		}
		p, err := d.CompileWith(g, c.Choice)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if err := p.Poison(); err != nil {
			t.Fatal(err)
		}
		for run := range 3 {
			got, err := p.Run(context.Background(), inputs...)
			if err != nil {
				t.Fatal(err)
			}
			for k := range want {
				if diff, err := tensor.Diff(got[k], want[k]); err != nil || !(diff.Relative <= tolerance) {
					t.Errorf("%s, run %d, output %d: %v, %v", c.Name, run, k, diff, err)
				}
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// row is an op with the shapes of its args. The args from consts on are constants.
type row struct {
	op     graph.Op
	args   []tensor.Shape
	consts int
}

// rows lists ops and shapes that the golden files lack: extents of 1, primes,
// extents around the tile sizes, batches.
func rows() []row {
	var rows []row
	add := func(op graph.Op, consts int, args ...tensor.Shape) { rows = append(rows, row{op, args, consts}) }
	for _, n := range []int{1, 2, 3, 4, 63, 64, 65, 257} {
		add(graph.Activate{Act: graph.GELU}, 1, tensor.Shape{n})
		add(graph.Binary{Kind: graph.Div}, 2, tensor.Shape{n}, tensor.Shape{n})
	}
	add(graph.Activate{Act: graph.Tanh}, 1, tensor.Shape{2, 1500, 1000}) // more than one row of workgroups
	add(graph.Binary{Kind: graph.Sub}, 2, tensor.Shape{2, 1, 3, 1, 2, 5}, tensor.Shape{4, 1, 7, 1, 5})
	add(graph.Binary{Kind: graph.Sub}, 2, tensor.Shape{2, 1, 3, 1, 2, 8}, tensor.Shape{4, 1, 7, 1, 8})
	mapRows(add)
	add(graph.PixelShuffle{R: 3}, 1, tensor.Shape{2, 5, 7, 18})
	add(graph.PixelShuffle{R: 3}, 1, tensor.Shape{2, 5, 8, 18})
	add(graph.PixelUnshuffle{R: 2}, 1, tensor.Shape{2, 6, 10, 3})
	add(graph.PixelUnshuffle{R: 3}, 1, tensor.Shape{2, 6, 9, 1})
	add(graph.BatchNorm{Affine: true, Eps: 1e-3}, 1, tensor.Shape{3, 5, 7}, tensor.Shape{7}, tensor.Shape{7}, tensor.Shape{7}, tensor.Shape{7})
	add(graph.BatchNorm{Affine: true}, 1, tensor.Shape{3, 5, 8}, tensor.Shape{8}, tensor.Shape{8}, tensor.Shape{8}, tensor.Shape{8})
	all := graph.Epilogue{Bias: true, Residual: true, Act: graph.ReLU}
	for _, m := range []int{1, 3, 8, 31, 64, 65, 197} {
		for _, nk := range [][2]int{{1, 1}, {7, 5}, {32, 16}, {33, 64}, {64, 65}, {100, 128}} {
			n, k := nk[0], nk[1]
			add(graph.Linear{Epilogue: graph.Epilogue{Bias: true, Act: graph.GELU}}, 1, tensor.Shape{m, k}, tensor.Shape{n, k}, tensor.Shape{n})
		}
	}
	for _, n := range []int{20, 64, 1000, 1001} {
		add(graph.Linear{Epilogue: all}, 1, tensor.Shape{1, 260}, tensor.Shape{n, 260}, tensor.Shape{n}, tensor.Shape{1, n})
	}
	add(graph.Linear{Epilogue: graph.Epilogue{Residual: true}}, 1, tensor.Shape{2, 3, 24}, tensor.Shape{20, 24}, tensor.Shape{2, 3, 20})
	add(graph.Linear{}, 2, tensor.Shape{9, 8}, tensor.Shape{12, 8}) // the weight is not a constant
	conv := func(op graph.Conv2d, b, h, w, c, o, kh, kw int) {
		args := []tensor.Shape{{b, h, w, c}, {o, c / max(op.Groups, 1), kh, kw}}
		y, err := graph.Conv2d{Stride: op.Stride, Pad: op.Pad, Extra: op.Extra, Dilation: op.Dilation, Groups: op.Groups}.Shape(args)
		if err != nil {
			panic(err)
		}
		if op.Bias {
			args = append(args, tensor.Shape{o})
		}
		if op.Residual {
			args = append(args, y)
		}
		add(op, 1, args...)
	}
	for _, c := range []int{1, 3, 4, 8, 20} {
		for _, o := range []int{1, 5, 8, 16, 33} {
			conv(graph.Conv2d{Pad: graph.Both(1), Epilogue: all}, 1, 9, 11, c, o, 3, 3)
			conv(graph.Conv2d{Epilogue: graph.Epilogue{Bias: true}}, 2, 5, 6, c, o, 1, 1)
		}
	}
	conv(graph.Conv2d{Pad: graph.Both(1), Epilogue: all}, 1, 7, 7, 300, 72, 3, 3) // several panes of the weight
	add(graph.Linear{Epilogue: all}, 1, tensor.Shape{50, 1100}, tensor.Shape{136, 1100}, tensor.Shape{136}, tensor.Shape{50, 136})
	add(graph.Linear{Epilogue: all}, 1, tensor.Shape{1000, 1100}, tensor.Shape{40, 1100}, tensor.Shape{40}, tensor.Shape{1000, 40})
	conv(graph.Conv2d{Pad: graph.Both(1), Epilogue: all}, 2, 1, 1, 16, 16, 3, 3)
	conv(graph.Conv2d{Pad: graph.Both(1), Epilogue: all}, 1, 37, 41, 16, 24, 3, 3)
	conv(graph.Conv2d{Epilogue: all}, 2, 10, 13, 8, 8, 3, 3)
	conv(graph.Conv2d{Pad: graph.Both(2), Epilogue: graph.Epilogue{Bias: true, Act: graph.Tanh}}, 1, 30, 17, 1, 64, 5, 5)
	conv(graph.Conv2d{Stride: graph.Both(2), Pad: graph.Both(3)}, 1, 31, 33, 3, 64, 7, 7)
	conv(graph.Conv2d{Stride: graph.Both(2)}, 1, 14, 15, 32, 64, 1, 1)
	conv(graph.Conv2d{Stride: graph.Pair{2, 1}, Pad: graph.Pair{1, 2}, Dilation: graph.Pair{1, 2}}, 1, 12, 17, 8, 12, 3, 5)
	conv(graph.Conv2d{Pad: graph.Both(4), Epilogue: graph.Epilogue{Bias: true}}, 1, 3, 2, 4, 4, 3, 3) // more padding than image
	conv(graph.Conv2d{Pad: graph.Both(1), Groups: 3}, 1, 8, 9, 12, 6, 3, 3)
	conv(graph.Conv2d{Pad: graph.Both(1), Groups: 24}, 2, 7, 6, 24, 24, 3, 3)
	conv(graph.Conv2d{Stride: graph.Both(16), Epilogue: graph.Epilogue{Bias: true}}, 2, 32, 48, 3, 40, 16, 16)
	for _, c := range []int{1, 3, 4, 8, 20} { // TensorFlow's padding of strided convolutions
		conv(graph.Conv2d{Stride: graph.Both(2), Extra: graph.Both(1), Epilogue: all}, 1, 8, 10, c, 16, 3, 3)
		conv(graph.Conv2d{Pad: graph.Both(1), Extra: graph.Pair{-1, 2}, Epilogue: all}, 1, 8, 10, c, 16, 3, 3)
	}
	conv(graph.Conv2d{Stride: graph.Both(2), Extra: graph.Both(1), Groups: 8}, 2, 8, 9, 8, 8, 3, 3)
	conv(graph.Conv2d{Stride: graph.Both(2), Extra: graph.Both(1), Groups: 2}, 2, 8, 9, 8, 16, 3, 3)
	conv(graph.Conv2d{Stride: graph.Both(2), Extra: graph.Both(3)}, 1, 8, 9, 8, 16, 1, 1)
	conv(graph.Conv2d{Stride: graph.Both(4), Extra: graph.Both(4)}, 1, 8, 8, 4, 16, 4, 4)
	conv(graph.Conv2d{Extra: graph.Both(1)}, 1, 5, 5, 16, 20, 5, 5)
	moveRows(add)
	pointRows(add)
	reductionRows(add)
	productRows(add)
	attentionRows(add)
	return rows
}

// TestPrograms compares the candidate programs of the rows with Eval.
func TestPrograms(t *testing.T) {
	t.Parallel()
	d := open(t)
	checks, _ := rowChecks(t, d)
	for i, r := range rows() {
		t.Run(fmt.Sprint(r.op.Name(), r.args), func(t *testing.T) {
			t.Parallel()
			checks[i].run(t, d)
		})
	}
}

var rowsChecked struct {
	sync.Once
	checks []check
	budget budget
}

// rowChecks returns the checks of TestPrograms, and a frugal budget in which the texts
// that they compile are taken.
func rowChecks(t *testing.T, d *Device) ([]check, *budget) {
	t.Helper()
	c := &rowsChecked
	c.Do(func() {
		for _, r := range rows() {
			c.checks = append(c.checks, r.check(t, d, &c.budget))
		}
	})
	frugal := &budget{frugal: true, graphs: map[string]int{}, texts: map[string]map[string]bool{}}
	for file, texts := range c.budget.texts {
		frugal.texts[file] = maps.Clone(texts)
	}
	return c.checks, frugal
}

// onto reports whether the result may take the memory of the last arg.
func (r row) onto() bool {
	return shaders.Call{Op: r.op, Args: r.args}.CanOnto(len(r.args) - 1)
}

// check is a graph of one op with the programs to compare with Eval, for each of the
// base choices.
type check struct {
	graph  *graph.Graph
	inputs []*tensor.Tensor
	bases  []Choice
	only   []map[string]bool // of each base; nil is all
}

// check makes a graph of r and chooses programs within the budget, or all if b is nil.
func (r row) check(t *testing.T, d *Device, b *budget) check {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(len(r.args)), uint64(r.args[0].Len())))
	var k check
	k.graph = trace(t, func(g *graph.Graph) {
		var args []*graph.Value
		for i, s := range r.args {
			x := tensor.New(s...)
			for j := range x.Data {
				x.Data[j] = float32(random.NormFloat64())
				if _, ok := r.op.(graph.BatchNorm); ok && i == 2 { // the variance
					x.Data[j] = x.Data[j]*x.Data[j] + 0.1
				}
				if n := indexed(r.op, r.args, i); n > 0 {
					x.Data[j] = float32(random.IntN(2*n) - n)
				}
			}
			if i < r.consts {
				k.inputs = append(k.inputs, x)
				args = append(args, g.Input(fmt.Sprint("x", i), s...))
			} else {
				args = append(args, g.Const(x))
			}
		}
		if i := len(args) - 1; r.onto() { // a result never overwrites an input
			k.inputs = append(k.inputs, tensor.Of([]float32{1}, 1))
			args[i] = args[i].Mul(g.Input("one", 1)).Reshape(args[i].Shape...) // Fuse joins nothing past a Reshape
		}
		g.Output("y", graph.Apply(r.op, args...))
	})
	// What only a tuner tries is little on a software device.
	search := d.info.Limits.Kind == shaders.CPU
	k.bases = []Choice{{Search: search}}
	if r.onto() {
		k.bases = append(k.bases, Choice{Apart: true, Search: search})
	}
	for _, base := range k.bases {
		var only map[string]bool
		if b != nil {
			only = b.choose(t, d, k.graph, base)
		}
		k.only = append(k.only, only)
	}
	return k
}

// run compares the programs with Eval.
func (k check) run(t *testing.T, d *Device) {
	t.Helper()
	want, err := k.graph.Eval(context.Background(), k.inputs...)
	if err != nil {
		t.Fatal(err)
	}
	for i, base := range k.bases {
		programs(t, d, k.graph, k.inputs, want, opTolerance, base, k.only[i])
	}
}

// TestBands sets the limit low enough to split every op. It is not parallel: its texts are
// those of TestPrograms, and no two tests should compile one at the same time.
func TestBands(t *testing.T) {
	d := open(t)
	_, b := rowChecks(t, d)
	for _, r := range rows() {
		_, banded := r.op.(graph.Banded)
		if !banded || r.args[0].Len() < 300 {
			continue
		}
		t.Run(fmt.Sprint(r.op.Name(), r.args), func(t *testing.T) {
			limits := d.info.Limits
			defer func() { d.info.Limits = limits }()
			largest := 0
			for _, s := range r.args {
				largest = max(largest, s.Len())
			}
			d.info.Limits.StorageBinding = 4 * int64(largest) * 2 / 3
			g := trace(t, func(g *graph.Graph) {
				var args []*graph.Value
				for i, s := range r.args {
					args = append(args, g.Input(fmt.Sprint("x", i), s...))
				}
				g.Output("y", graph.Apply(r.op, args...))
			})
			if _, err := plan.New(g, d.info.Limits, d.info.MaxBufferSize, Choice{}); err != nil {
				return // this shape has no bands; TestLargeValues covers the error
			}
			r.consts = len(r.args)
			r.check(t, d, b).run(t, d)
		})
	}
}
