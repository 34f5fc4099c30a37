package shaders

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Call is an op on arguments, lowered to what one program computes: all of its
// result or a part of it, in memory of its own or of an argument.
type Call struct {
	Op     graph.Op
	Args   []tensor.Shape // as given: of a part, the part that it needs
	Result tensor.Shape   // of the part; nil means all of Op.Shape(Args)

	// Onto is the number, from 1, of the arg whose memory the result takes, where
	// the kernels then find that arg; 0 for none. See CanOnto.
	Onto int

	// Part says which rows these are, if they are not the whole.
	Part Part
}

// CanOnto reports whether the result can take the memory of arg i: whether each
// invocation reads of it only what it then writes.
func (c Call) CanOnto(i int) bool {
	switch op := c.Op.(type) {
	case graph.Binary:
		return c.Args[0].Equal(c.Args[1])
	case graph.Conv2d:
		return op.Residual && i == len(c.Args)-1
	case graph.ConvTranspose2d:
		return op.Residual && i == len(c.Args)-1
	case graph.Linear:
		return op.Residual && i == len(c.Args)-1
	}
	return false
}

// Part makes a Call a stripe of an op on images, a graph.Striped: it computes
// some rows of the result and is given only the rows of the first arg that they
// need, or more. The zero Part is the whole.
type Part struct {
	Height   int // of the whole first arg
	First    int // the row of it that is the first given
	From, To int // the rows of the whole result that are computed
}

// whole is the shape of the first arg, of which x is given, with all its rows.
func (p Part) whole(x tensor.Shape) tensor.Shape {
	if p == (Part{}) {
		return x
	}
	return tensor.Shape{x[0], p.Height, x[2], x[3]}
}

// pad is the padding above the given rows that puts windows with this stride
// where those of the whole with this padding are. It is negative where the
// first window begins below the first row.
func (p Part) pad(pad, stride int) int { return pad + p.First - p.From*stride }

// Ops whose residual may be in the memory of their result. The rows of a stripe
// have the padding above them that puts windows where the whole has them; it
// may be negative, which wraps round as kernels count.
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
