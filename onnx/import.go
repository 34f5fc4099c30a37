package onnx

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/graph/passes"
	"github.com/vertebra/vertebra/tensor"
)

// Options bind what a file leaves open.
type Options struct {
	Dims   map[string]int    // extents of named dimensions
	Shapes map[string][]int  // shapes of inputs, by the input's name; they count before Dims
	Values map[string]*Array // inputs whose numbers are known now, because they decide shapes

	// Plain leaves the graph as its nodes are written, with a stage for each value of the
	// file, and without the passes that make it fast.
	Plain bool
}

// Network is a model made for inputs of fixed shapes.
type Network struct {
	Graph   *graph.Graph // nil if every output is known
	Inputs  []Port       // of Graph, in this order
	Outputs []Port       // of the model; those that are not known are the outputs of Graph, in order

	// Fault says which passes failed. The graph is right without them, but slower.
	Fault error
}

// Port is an input or output of a network, as the file has it: images are channels-first
// in most files.
type Port struct {
	Name  string
	Type  Type
	Shape tensor.Shape
	Known *Array // the numbers, if no input decides them

	// Counted says that Shape is the largest that there may be, along dimension Along. The
	// graph's next output is how many indices there are.
	Counted bool
	Along   int
}

// ValueNeededError says that shapes depend on the numbers of some inputs. They have to be
// in Options.Values.
type ValueNeededError struct{ Inputs []string }

func (e *ValueNeededError) Error() string {
	return fmt.Sprintf("the numbers of input %s decide shapes, and must be given in advance", strings.Join(e.Inputs, ", "))
}

// UnsupportedError says that there is no converter for an operator.
type UnsupportedError struct{ Op string }

func (e *UnsupportedError) Error() string { return "operator " + e.Op + " is not supported" }

// Import makes a graph of m. It computes all that does not depend on inputs.
func Import(m *Model, o Options) (*Network, error) {
	im := &importer{model: m, options: o, table: converters(), flows: flows(), functions: map[string]*Function{}}
	for _, f := range m.Functions {
		im.functions[opKey(f.Domain, f.Name)+":"+f.Overload] = f
	}
	n := &Network{}
	dynamic := false
	g, err := im.trace(func() {
		for _, out := range im.network(n) {
			dynamic = true
			im.g.Output(out.name, out.v)
		}
		if !dynamic {
			im.g.Output("", im.g.Const(tensor.New()))
		}
	})
	if err != nil {
		return nil, err
	}
	switch {
	case dynamic && o.Plain:
		n.Graph = g
	case dynamic:
		n.Graph, n.Fault = passes.Run(g)
	}
	return n, nil
}

// ErrInternal is in the error for a node that a converter does not understand, although it
// should: please report it.
var ErrInternal = errors.New("internal error")

// failure carries an error from a converter to trace, as a panic.
type failure struct{ err error }

func failf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

func check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// importer runs the nodes of a model.
type importer struct {
	model     *Model
	options   Options
	table     map[string]converter
	flows     map[string]flow
	functions map[string]*Function

	g       *graph.Graph
	consts  map[*Array]*graph.Value // of g
	memo    map[string]*graph.Value // of g, by what they are; see call.once
	numbers []number                // by their names
	inputs  []string                // whose bits values have
	given   uint64                  // bits of inputs whose numbers may be given before the run
	call    *call                   // under way
	work    int                     // nodes run
	made    int                     // elements from nothing; see call.bound
}

// trace records a graph in place of the one under way.
func (im *importer) trace(f func()) (g *graph.Graph, err error) {
	g0, consts, memo, at := im.g, im.consts, im.memo, im.call
	defer func() {
		im.g, im.consts, im.memo = g0, consts, memo
		if r := recover(); r != nil {
			fail, ok := r.(failure)
			if !ok { // a file may hold what no converter expects
				fail.err = fmt.Errorf("%w: %v", ErrInternal, r)
			}
			g, err = nil, fail.err
		}
		if err != nil && im.call != at && im.call != nil {
			err = im.call.located(err)
		}
		im.call = at
	}()
	return graph.Trace(func(g *graph.Graph) {
		im.g, im.consts, im.memo = g, map[*Array]*graph.Value{}, map[string]*graph.Value{}
		f()
	})
}

type namedValue struct {
	name string
	v    *graph.Value
}

// network runs the model's graph and returns the outputs that have to be computed.
func (im *importer) network(n *Network) []namedValue {
	file := im.model.Graph
	s := &scope{values: map[string]*value{}, opsets: im.model.Opsets}
	initial := im.initial(s, file)
	for _, info := range file.Inputs {
		if initial[info.Name] && im.options.Values[info.Name] == nil {
			continue // of IR 3, which lists initialisers among the inputs
		}
		if a := im.options.Values[info.Name]; a != nil {
			s.values[info.Name] = known(a)
			continue
		}
		shape := im.inputShape(info)
		if shape.Len() == 0 { // there is nothing to be given
			s.values[info.Name] = known(newArray(info.Type, shape))
			continue
		}
		v := im.g.Input(info.Name, shape...)
		n.Inputs = append(n.Inputs, Port{Name: info.Name, Type: info.Type, Shape: shape})
		in := shaped(info.Type, v, shape)
		in.needs = 1 << min(len(im.inputs), 63)
		if info.Type.Integer() || len(shape) <= 1 {
			im.given |= in.needs
		}
		im.inputs = append(im.inputs, info.Name)
		s.values[info.Name] = in
	}
	im.run(s, file.Nodes)
	var outs []namedValue
	for _, info := range file.Outputs {
		v := s.get(info.Name)
		if v == nil {
			failf("output %.80q is not made by any node", info.Name)
		}
		v = (&call{im: im}).device(v)
		p := Port{Name: info.Name, Type: v.typ, Shape: v.shape, Known: v.host}
		if v.host == nil {
			outs = append(outs, namedValue{info.Name, v.dev})
		}
		if v.rows != nil {
			p.Counted, p.Along = true, v.rows.along
			outs = append(outs, namedValue{"number of " + info.Name, v.rows.n})
		}
		n.Outputs = append(n.Outputs, p)
	}
	return outs
}

// initial adds the initialisers of a graph to s, unread, and returns their names.
func (im *importer) initial(s *scope, g *Graph) map[string]bool {
	names := map[string]bool{}
	s.unread = map[string]*Tensor{}
	for _, t := range g.Initializers {
		s.unread[t.Name], names[t.Name] = t, true
	}
	return names
}

// inputShape binds the dimensions of an input.
func (im *importer) inputShape(info *Info) tensor.Shape {
	given, ok := im.options.Shapes[info.Name]
	if ok {
		if info.Rank && len(given) != len(info.Dims) {
			failf("input %s is given as %v, and has %d dimensions: %v", info.Name, tensor.Shape(given), len(info.Dims), info.Dims)
		}
		return tensor.Shape(given).Clone()
	}
	if info.Type == Undefined {
		failf("input %s is no tensor", info.Name)
	}
	if !info.Rank {
		failf("input %s has no shape in the file; its shape must be given", info.Name)
	}
	s := make(tensor.Shape, len(info.Dims))
	for i, d := range info.Dims {
		n, ok := im.options.Dims[d.Name]
		switch {
		case d.N > mostElements:
			failf("input %s has an extent of %d", info.Name, d.N)
		case d.N >= 0:
			s[i] = int(d.N)
		case ok && d.bindable():
			s[i] = n
		default:
			failf("dimension %d of input %s is free: %v; it must be given", i, info.Name, info.Dims)
		}
	}
	return s
}

// bindable reports whether the dimension has a name of its own. Some exporters call all of
// them "?".
func (d Dim) bindable() bool { return d.N < 0 && d.Name != "" && d.Name != "?" }
