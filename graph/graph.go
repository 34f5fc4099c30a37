// Package graph describes what a model computes.
//
// Trace records a graph: inside it, Graph.Input and Graph.Const add values,
// methods of Value and Apply add ops, and Graph.Output names the results. Fuse
// rewrites the graph into fewer, larger ops. Eval computes it in plain Go, and
// package gpu compiles it for a GPU. The example ownmodel traces a network built
// from package layers.
//
// An op is a small comparable struct. It states its formula, infers and checks
// shapes, and evaluates itself slowly and plainly in float64, which is the
// reference for every kernel.
//
// Images are [B, H, W, C] and tokens are [B, N, C], with the channels last.
// Weights keep the shapes of PyTorch's state dicts.
package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// Op is one operation of a graph: a comparable struct whose zero fields are
// defaults. The interfaces Banded, Striped and Counted are optional. An Op of
// your own runs as the others do: package gpu computes it by its Eval, or by a
// kernel that Own of a gpu.Choice lists.
type Op interface {
	// Name is PyTorch's name for the op, with the choices that matter.
	Name() string
	// Shape returns the shape of the result, or says what is wrong with args.
	Shape(args []tensor.Shape) (tensor.Shape, error)
	// Eval computes the result of args, which Shape has accepted.
	Eval(args []*tensor.Tensor) *tensor.Tensor
}

// Banded is implemented by ops whose result can be computed in bands along a
// first dimension. A value larger than a storage binding can then still be
// computed.
type Banded interface {
	Op
	// Bands returns reshaped args and a reshaped result. Rows [i:j] along the
	// result's first dimension then need only rows [i:j] of the args marked in
	// moves, and all of the other args.
	Bands(args []tensor.Shape, result tensor.Shape) (as []tensor.Shape, r tensor.Shape, moves []bool)
}

// Counted is implemented by ops that do not need exactly one floating-point
// operation for each element of the result.
type Counted interface {
	Op
	// FLOPs counts floating-point operations; a multiply-add counts as two.
	FLOPs(args []tensor.Shape, result tensor.Shape) int64
}

// FLOPs returns the number of floating-point operations of op: what op counts if
// it is Counted, else one for each element of the result.
func FLOPs(op Op, args []tensor.Shape, result tensor.Shape) int64 {
	if c, ok := op.(Counted); ok {
		return c.FLOPs(args, result)
	}
	return int64(result.Len())
}

// Value is a node of a graph: an input, a constant, or the result of an op.
type Value struct {
	Op    Op             // nil for inputs and constants
	Args  []*Value       // arguments of Op
	Const *tensor.Tensor // set for constants; the method Tensor applies Cut and Scale
	Cut   Cut            // the part of Const that is used; zero means all
	Scale *Scale         // factors for that part; nil means 1
	Shape tensor.Shape
	Name  string // name of an input or constant; for an op, the layer whose weights it uses

	graph *Graph
}

// Graph is a list of values, each after the values that it depends on.
type Graph struct {
	Nodes   []*Value // inputs, constants and results of ops
	Inputs  []*Value
	Outputs []Output
	Stages  []Output // named values inside the model; Keep makes outputs of them

	consts map[*tensor.Tensor]*Value
}

// Output is a value with a name for the caller.
type Output struct {
	Name  string
	Value *Value
}

// Trace calls f, which adds inputs, ops and outputs to g, and returns g. A wrong
// shape inside f becomes an error that names the layer.
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

// shapeError carries a wrong shape from an op to Trace, as a panic.
type shapeError struct{ err error }

// Input adds an input. A run takes the inputs in the order in which they are
// added. An extent may be 0: the input then has no elements.
func (g *Graph) Input(name string, shape ...int) *Value {
	for _, d := range shape {
		if d < 0 {
			panic(shapeError{fmt.Errorf("input %s: shape %v has a negative extent", name, tensor.Shape(shape))})
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

// maxElements is the most elements that a value may have. It is more than any
// memory holds, and far from overflow.
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
		panic(shapeError{fmt.Errorf("output %s is not a value of this graph", name)})
	}
	g.Outputs = append(g.Outputs, Output{name, v})
}

// Keep adds the stages with these names to the outputs. Without names it adds all
// stages.
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

// Apply adds op to the graph of args and returns its result. A wrong shape, or an
// arg from another graph, ends the enclosing Trace with an error.
func Apply(op Op, args ...*Value) *Value {
	for i, a := range args {
		if a == nil || a.graph != args[0].graph {
			panic(shapeError{fmt.Errorf("%s: argument %d is not a value of this graph", op.Name(), i)})
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
	case slices.ContainsFunc(shape, func(d int) bool { return d < 0 }):
		err = fmt.Errorf("result %v has a negative extent", shape)
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

// Graph returns the graph that v belongs to.
func (v *Value) Graph() *Graph { return v.graph }

// Stage names v as a stage of the model and returns v. Keep makes an output of a
// stage, to take features from it or to compare it with a reference.
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

// String lists the graph, with one line for each node except constants.
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
