// Package graph describes what a model computes. An op is a small comparable
// struct that states its formula, infers and checks shapes, and evaluates
// itself slowly and plainly in float64: the reference that every kernel is
// held against, and the way to run without a GPU. Trace records the ops a
// model applies; Fuse rewrites the record into fewer, larger ops, Decompose
// attention into smaller ones.
//
// Values are channels last: images are [B, H, W, C], tokens [B, N, C].
// Weights keep the shapes of PyTorch's state dicts.
package graph

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// Op is one operation of a graph: a comparable struct whose zero fields are
// the defaults. Further contracts, such as Banded, are optional.
type Op interface {
	// Name is the op's name in PyTorch's terms, with what sets it apart.
	Name() string
	// Shape returns the shape of the result, or says what is wrong with args.
	Shape(args []tensor.Shape) (tensor.Shape, error)
	// Eval computes the result; args have been accepted by Shape.
	Eval(args []*tensor.Tensor) *tensor.Tensor
}

// Banded is implemented by ops whose result can be computed band by band along
// a first dimension, so that a value larger than a storage binding can still
// be computed.
type Banded interface {
	Op
	// Bands returns args and the result reshaped so that rows [i:j] of the
	// result's first dimension need only rows [i:j] of the args marked in
	// moves, and all of the others.
	Bands(args []tensor.Shape, result tensor.Shape) (as []tensor.Shape, r tensor.Shape, moves []bool)
}

// Counted is implemented by ops whose arithmetic is worth counting.
type Counted interface {
	Op
	// FLOPs counts floating-point operations; a multiply-add is two.
	FLOPs(args []tensor.Shape, result tensor.Shape) int64
}

// FLOPs counts the floating-point operations of op, at least one for each
// element of the result unless op moves no data.
func FLOPs(op Op, args []tensor.Shape, result tensor.Shape) int64 {
	if c, ok := op.(Counted); ok {
		return c.FLOPs(args, result)
	}
	return int64(result.Len())
}

// Value is a node of a graph: an input, a constant, or the result of an op.
type Value struct {
	Op    Op             // nil for inputs and constants
	Args  []*Value       // of Op
	Const *tensor.Tensor // of constants; see Tensor for their numbers
	Cut   Cut            // of Const; all of it if zero
	Scale *Scale         // multiplies what is cut; nil for 1
	Shape tensor.Shape
	Name  string // of inputs and stages; else the layer whose weights it uses

	graph *Graph
}

// Graph is a record of ops in an order in which they can be computed.
type Graph struct {
	Nodes   []*Value // inputs, constants and results
	Inputs  []*Value
	Outputs []Output
	Stages  []Output // named points inside, of which Keep makes outputs

	consts map[*tensor.Tensor]*Value
}

// Output is a value with the name under which a caller knows it.
type Output struct {
	Name  string
	Value *Value
}

// Trace records what f builds. A wrong shape inside f becomes an error that
// names the layer.
func Trace(f func(g *Graph)) (g *Graph, err error) {
	g = &Graph{consts: map[*tensor.Tensor]*Value{}}
	defer func() {
		if r := recover(); r != nil {
			se, ok := r.(shapeError)
			if !ok {
				panic(r)
			}
			g, err = nil, se.err
		}
	}()
	f(g)
	if len(g.Outputs) == 0 {
		return nil, errors.New("graph: no output")
	}
	return g, nil
}

// shapeError carries a mistake in shapes from an op to Trace.
type shapeError struct{ err error }

// Input adds an input. Inputs are given to a run in the order of their adding.
func (g *Graph) Input(name string, shape ...int) *Value {
	for _, d := range shape {
		if d < 1 {
			panic(shapeError{fmt.Errorf("input %s: shape %v is empty", name, tensor.Shape(shape))})
		}
	}
	if tooLarge(shape) {
		panic(shapeError{fmt.Errorf("input %s: shape %v is too large", name, tensor.Shape(shape))})
	}
	v := &Value{Name: name, Shape: tensor.Shape(shape).Clone(), graph: g}
	g.Nodes = append(g.Nodes, v)
	g.Inputs = append(g.Inputs, v)
	return v
}

// maxElements is the size of the largest value of a graph: more than any memory
// holds, and far from overflowing.
const maxElements = 1 << 44

func tooLarge(s tensor.Shape) bool {
	n := 1
	for _, d := range s {
		if d > maxElements/n {
			return true
		}
		n = max(n*d, 1)
	}
	return false
}

// Output makes v, a value of this graph, an output.
func (g *Graph) Output(name string, v *Value) {
	if v == nil || v.graph != g {
		panic(shapeError{fmt.Errorf("output %s is no value of this graph", name)})
	}
	g.Outputs = append(g.Outputs, Output{name, v})
}

// Keep makes outputs of the stages with these names, after the others; with no
// name, of all stages.
func (g *Graph) Keep(names ...string) error {
	if len(names) == 0 {
		g.Outputs = append(g.Outputs, g.Stages...)
		return nil
	}
next:
	for _, name := range names {
		for _, s := range g.Stages {
			if s.Name == name {
				g.Outputs = append(g.Outputs, s)
				continue next
			}
		}
		return fmt.Errorf("graph: no stage %q", name)
	}
	return nil
}

// Apply adds the result of op. A wrong shape, or a value of another graph among
// args, ends the enclosing Trace with an error.
func Apply(op Op, args ...*Value) *Value {
	for i, a := range args {
		if a == nil || a.graph != args[0].graph {
			panic(shapeError{fmt.Errorf("%s: argument %d is no value of this graph", op.Name(), i)})
		}
	}
	if len(args) == 0 {
		panic(shapeError{fmt.Errorf("%s: no arguments", op.Name())})
	}
	v := &Value{Op: op, Args: args, graph: args[0].graph}
	for _, a := range args {
		if a.Const != nil && strings.Contains(a.Name, ".") {
			v.Name = a.Name[:strings.LastIndexByte(a.Name, '.')]
			break
		}
	}
	shape, err := op.Shape(v.ArgShapes())
	switch {
	case err != nil:
	case tooLarge(shape):
		err = fmt.Errorf("result %v is too large", shape)
	case shape.Len() < 1:
		err = fmt.Errorf("result %v is empty", shape)
	}
	if err != nil {
		where := op.Name()
		if v.Name != "" {
			where = v.Name + ": " + where
		}
		panic(shapeError{fmt.Errorf("%s: %w", where, err)})
	}
	v.Shape = shape
	v.graph.Nodes = append(v.graph.Nodes, v)
	return v
}

// Graph is the graph that v belongs to.
func (v *Value) Graph() *Graph { return v.graph }

// Stage names v as a stage of the model: a point that features are taken from
// and that verification compares.
func (v *Value) Stage(name string) *Value {
	v.graph.Stages = append(v.graph.Stages, Output{name, v})
	return v
}

// ArgShapes returns the shapes of v's args.
func (v *Value) ArgShapes() []tensor.Shape {
	shapes := make([]tensor.Shape, len(v.Args))
	for i, a := range v.Args {
		shapes[i] = a.Shape
	}
	return shapes
}

// String lists the graph, one line a node that is not a constant.
func (g *Graph) String() string {
	var b strings.Builder
	number := map[*Value]int{}
	for _, v := range g.Nodes {
		if v.Const != nil {
			continue
		}
		number[v] = len(number)
		fmt.Fprintf(&b, "%%%d %v", number[v], v.Shape)
		if v.Op == nil {
			fmt.Fprintf(&b, " input %s\n", v.Name)
			continue
		}
		fmt.Fprintf(&b, " = %s(", v.Op.Name())
		for i, a := range v.Args {
			if i > 0 {
				b.WriteString(", ")
			}
			if a.Const != nil {
				b.WriteString(strings.TrimSpace(a.Name + " " + a.Shape.String()))
			} else {
				fmt.Fprintf(&b, "%%%d", number[a])
			}
		}
		b.WriteString(")\n")
	}
	for _, o := range g.Outputs {
		fmt.Fprintf(&b, "output %s = %%%d\n", o.Name, number[o.Value])
	}
	return b.String()
}
