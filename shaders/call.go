package shaders

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Call is the work of one program: all of an op's result or a part of it, in its own
// memory or in that of an argument.
type Call struct {
	Op     graph.Op
	Args   []tensor.Shape // of the given args; for a part, the rows that it needs
	Result tensor.Shape   // of the part; nil means Op.Shape(Args)

	// Onto is the number, from 1, of the arg whose memory the result takes, or 0 for
	// none. The kernels read that arg from the result's memory. See CanOnto.
	Onto int

	// Part says which rows the call computes if it does not compute all.
	Part Part
}

// CanOnto reports whether the result can take the memory of arg i. If so, each
// invocation reads only those elements of the arg that it then writes.
func (c Call) CanOnto(i int) bool {
	switch op := c.Op.(type) {
	case graph.Binary:
		return c.Args[0].Equal(c.Args[1])
	case graph.Pointwise:
		y, err := op.Shape(c.Args)
		return err == nil && c.Args[i].Equal(y)
	case graph.Conv2d:
		return op.Residual && i == len(c.Args)-1
	case graph.ConvTranspose2d:
		return op.Residual && i == len(c.Args)-1
	case graph.Linear:
		return op.Residual && i == len(c.Args)-1
	}
	return false
}

// Part makes a Call a stripe of an op on images, a graph.Striped. The call computes
// some rows of the result and gets at least the rows of the first arg that these
// need. The zero Part means all rows.
type Part struct {
	Height   int // of the whole first arg
	First    int // its first given row
	From, To int // the computed rows of the whole result
}

// whole returns the shape of the whole first arg, if x is the shape of its given rows.
func (p Part) whole(x tensor.Shape) tensor.Shape {
	if p == (Part{}) {
		return x
	}
	return tensor.Shape{x[0], p.Height, x[2], x[3]}
}

// pad returns the padding above the given rows. With it windows with this stride are
// at the same places as those of the whole arg. It is negative if the first window
// begins below the first given row.
func (p Part) pad(pad, stride int) int { return pad + p.First - p.From*stride }

// Ops whose residual may be in the memory of their result. The padding above a
// stripe's rows is that of Part.pad. If it is negative, it wraps around, as the
// kernels' arithmetic does.
type (
	conv struct {
		graph.Conv2d
		onto bool
	}
	convTransposed struct {
		graph.ConvTranspose2d
		onto bool
	}
	dense struct {
		graph.Linear
		onto bool
	}
)

func (o conv) end() epilogue           { return epilogue{o.Epilogue, o.onto} }
func (o convTransposed) end() epilogue { return epilogue{o.Epilogue, o.onto} }
func (o dense) end() epilogue          { return epilogue{o.Epilogue, o.onto} }

func (c Call) conv(op graph.Conv2d) conv {
	op = op.Defaults()
	op.Pad[0] = c.Part.pad(op.Pad[0], op.Stride[0])
	return conv{op, c.Onto > 0}
}

func (c Call) convTransposed(op graph.ConvTranspose2d) convTransposed {
	op = op.Defaults()
	op.Pad[0] += c.Part.From - c.Part.First*op.Stride[0]
	return convTransposed{op, c.Onto > 0}
}
