// Package plan turns a graph into dispatches and gives its values memory, for a
// device with given limits. It is the pure half of package gpu and needs no device.
//
// New makes a Plan. Package gpu makes the plan's pipelines and buffers and runs it.
// Plan.String lists the dispatches; tests compare these listings.
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
	// Program picks one of the programs for a call and returns its index. The list
	// is never empty and begins with the best guess for the device. A nil Program
	// picks the first.
	Program func(c shaders.Call, programs []shaders.Program) int

	// F16 stores weights of convolutions and linear layers as f16 where a program can
	// read them so. Sums stay f32. A weight that would lose more than rounding stays f32.
	F16 bool

	// F16Values stores values between ops as f16 where all kernels that need them can write
	// and read them so. Values beyond 65504 become that. Arithmetic, inputs and outputs stay
	// f32.
	F16Values bool

	// Tuned returns the name of the program for an op by its Key, or "" for the first.
	// A name that is not in the list of shaders.Search means the first, too. Program
	// takes precedence. A nil Tuned picks the first.
	Tuned func(key string) (program string)

	// Untuned makes a device ignore what it has kept of earlier tuning.
	Untuned bool

	// Search makes the lists for Program those of shaders.Search.
	Search bool

	// Apart gives each result its own memory. By default a result may take the
	// memory of an arg, such as the residual that it is added to.
	Apart bool

	// Own lists the caller's own programs for a call, the best first. They come
	// before the programs of package shaders and may be for any op. Their kernels
	// read the caller's Files. Own returns nil for a call that it does not know. It
	// must also return nil for a call with Onto or Part if its programs ignore these.
	Own func(c shaders.Call, lim shaders.Limits) []shaders.Program
}

// OnCPU is the name of the program in a step whose op has no kernel. The plan calls
// the op's Eval instead.
const OnCPU = "eval on the CPU"

// Plan is a graph turned into dispatches, without the objects of a device.
type Plan struct {
	Steps   []Step  // in the order in which they run
	Sizes   []int64 // of each buffer for values, in bytes
	Bound   int64   // most bytes of values alive at once, a lower bound of the sum of Sizes
	Inputs  []Range // of each of the graph's inputs
	Outputs []Output

	lives []life
	slots []slot // of each life
}

// Step is one dispatch of a plan or, with Eval, an op computed on the host.
type Step struct {
	Op, Layer, Program string
	Name               string // of the kernel; kernels with the same Files and Name are the same
	Kernel             shaders.Kernel
	Bindings           []Binding // for each binding of the kernel, or for Eval's args and result
	Eval               *Eval
	FLOPs, Bytes       int64
	Kept               bool // Choice.F16 is set, but f16 would lose more of the weight than rounding does

	operands []operand    // of each binding
	of       *graph.Value // the op
}

// Eval is an op that the host computes, with the shapes of its args and result.
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
// constant, or nothing for an absent arg.
type Binding struct {
	Range                   // Buffer is -1 if it is not in a buffer; Size 0 means up to the end of a constant
	Constant *graph.Value   // nil if it is not a constant
	Layout   shaders.Layout // of the constant
	Half     bool           // the constant is f16
}

// Output is where one of the graph's outputs is: in a buffer or, if Constant is
// set, on the host.
type Output struct {
	Name     string
	Shape    tensor.Shape
	At       Range
	Constant *tensor.Tensor
}

// ConstantKey tells constants apart that need buffers of their own.
type ConstantKey struct {
	tensor *tensor.Tensor
	cut    graph.Cut
	scale  *graph.Scale
	layout string
	half   bool
}

// ConstantKey returns the key of the constant that is bound.
func (b Binding) ConstantKey() ConstantKey {
	return ConstantKey{b.Constant.Const, b.Constant.Cut, b.Constant.Scale, b.Layout.Name, b.Half}
}

// Width returns the bytes of a number of a constant.
func (b Binding) Width() int64 {
	if b.Half {
		return 2
	}
	return 4
}

// WeightBytes returns the memory for the constants that kernels read, each once in each
// layout. What layouts add for padding does not count.
func (p *Plan) WeightBytes() int64 {
	total := int64(0)
	seen := map[ConstantKey]bool{}
	for _, s := range p.Steps {
		for _, b := range s.Bindings {
			if b.Constant != nil && s.Eval == nil && !seen[b.ConstantKey()] {
				seen[b.ConstantKey()] = true
				total += b.Width() * int64(b.Constant.Shape.Len())
			}
		}
	}
	return total
}

// String lists the steps: layer, program, grid, workgroups, the share of padding in their
// tiles, buffers and offsets read and written, operations and bytes. The last line sums them
// up. Successive dispatches share a line if they differ only in the part of a constant that
// they read.
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

// line returns a step's line of the listing without its number, operations and
// bytes.
func (p *Plan) line(i int) string {
	var b strings.Builder
	s := p.Steps[i]
	fmt.Fprintf(&b, "%-32s %-28s ", strings.TrimSpace(s.Layer+" "+s.Op), s.Program)
	if s.Eval == nil {
		g := s.Kernel.Grid
		fmt.Fprintf(&b, "%v %d groups", g, g[0]*g[1]*g[2])
		if s.Kernel.Waste > 0 {
			fmt.Fprintf(&b, " %.0f%% waste", 100*s.Kernel.Waste)
		}
	}
	for i, o := range s.operands {
		switch {
		case o.value >= 0:
			letter := "b"
			if s.Eval == nil && s.Kernel.Bindings[i].Half {
				letter = "h"
			}
			fmt.Fprintf(&b, " %s%d+%d", letter, p.slots[o.value].buffer, p.slots[o.value].offset)
		case o.constant != nil && s.Eval == nil && s.Kernel.Bindings[i].Half:
			b.WriteString(" c16")
		case o.constant != nil:
			b.WriteString(" c")
		default:
			b.WriteString(" -")
		}
	}
	if s.Kept {
		b.WriteString(" weight kept f32")
	}
	return b.String()
}
