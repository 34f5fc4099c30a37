// Package plan turns a graph into the dispatches that compute it and the memory
// that its values need, for a device of given limits. It is the pure half of
// package gpu: text and arithmetic, without a device.
//
// New makes a Plan, whose String is the listing that tests hold. Package gpu
// makes pipelines and buffers of it and runs it.
package plan

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// Choice decides what New otherwise decides by itself.
type Choice struct {
	// Program picks one of the programs that can compute a call; the list is never
	// empty, the device's best guess first. Nil picks the first.
	Program func(c shaders.Call, programs []shaders.Program) int

	// Apart keeps results out of the memory of what they are added to.
	Apart bool

	// Own lists further ways to compute a call, the best first: for ops of the
	// caller's own, or better ones for others. They come before the programs of
	// package shaders. Their kernels' Files are the caller's. It returns nil for
	// what it does not know, and that includes calls with Onto or Part, where its
	// programs do not heed these.
	Own func(c shaders.Call, lim shaders.Limits) []shaders.Program
}

// OnCPU is what a listing has for the program of an op that no kernel can
// compute: its Eval is called in the middle of the plan.
const OnCPU = "eval on the CPU"

// Plan is a graph turned into dispatches: all but the objects of a device.
type Plan struct {
	Steps   []Step  // in the order in which they run
	Sizes   []int64 // of each buffer for values, in bytes
	Bound   int64   // most bytes of values alive at once: no plan can take less
	Inputs  []Range // of each of the graph's inputs
	Outputs []Output

	lives []life
	slots []slot // of each life
}

// Step is one dispatch of a plan or, with Eval, an op computed on the host.
type Step struct {
	Op, Layer, Program string
	Name               string // of the kernel; other ones of the plan have other names, unless their Files differ
	Kernel             shaders.Kernel
	Bindings           []Binding // of each of the kernel's, but for its sizes; of Eval's args and result
	Eval               *Eval
	FLOPs, Bytes       int64

	operands []operand // of each binding
}

// Eval is an op that the host computes, of args and to a result of these shapes.
type Eval struct {
	Op     graph.Op
	Args   []tensor.Shape
	Result tensor.Shape
}

// Range is a range of a buffer, in bytes.
type Range struct {
	Buffer       int // index into Plan.Sizes
	Offset, Size int64
}

// Binding is what a kernel's binding refers to: a range of a buffer or of a
// constant, or neither, for an absent arg.
type Binding struct {
	Range                   // Buffer is -1 if it is none of a buffer; Size is 0 for all the rest of a constant
	Constant *graph.Value   // nil if it is none of a constant
	Layout   shaders.Layout // how the constant is laid out
}

// Output is where one of the graph's outputs is: in a buffer or, if Constant is
// set, on the host.
type Output struct {
	Name     string
	Shape    tensor.Shape
	At       Range
	Constant *tensor.Tensor
}

// String lists the steps: layer, program, grid, buffers and offsets read
// and written, operations and bytes; then what the plan takes. Dispatches in
// sequence that differ only in the part of a constant that they read share a
// line.
func (p *Plan) String() string {
	var b strings.Builder
	var flops int64
	for i := 0; i < len(p.Steps); {
		line, first := p.line(i), i
		var work, bytes int64
		for ; i < len(p.Steps) && p.line(i) == line; i++ {
			work, bytes = work+p.Steps[i].FLOPs, bytes+p.Steps[i].Bytes
		}
		times := ""
		if i-first > 1 {
			times = fmt.Sprintf("  %d times", i-first)
		}
		fmt.Fprintf(&b, "%3d %s%s  %d FLOP %d B\n", first, line, times, work, bytes)
		flops += work
	}
	var total int64
	for _, s := range p.Sizes {
		total += s
	}
	fmt.Fprintf(&b, "%d dispatches, %d FLOP; activations %d B in %d buffers, lower bound %d B (%.3f)\n",
		len(p.Steps), flops, total, len(p.Sizes), p.Bound, float64(total)/float64(max(1, p.Bound)))
	return b.String()
}

// line is what a step's line of the listing says but its number, operations
// and bytes.
func (p *Plan) line(i int) string {
	var b strings.Builder
	s := p.Steps[i]
	fmt.Fprintf(&b, "%-32s %-28s ", strings.TrimSpace(s.Layer+" "+s.Op), s.Program)
	if s.Eval == nil {
		fmt.Fprint(&b, s.Kernel.Grid)
	}
	for _, o := range s.operands {
		switch {
		case o.value >= 0:
			fmt.Fprintf(&b, " b%d+%d", p.slots[o.value].buffer, p.slots[o.value].offset)
		case o.constant != nil:
			b.WriteString(" c")
		default:
			b.WriteString(" -")
		}
	}
	return b.String()
}
