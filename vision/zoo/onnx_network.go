package zoo

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/graph/passes"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/tensor"
)

// ONNX is the network of an ONNX file. As a models.Network it maps pictures [B, H, W, C],
// and its outputs and stages that look like images have their channels last, whatever the
// order in the file is. Goroutines may share it.
type ONNX struct {
	File    *onnx.Model
	Path    string
	Batch   int               // pictures that the file takes at once; 0 means any number
	Said    *ModelFile        // nil without a model.json
	Outlets map[string]string // names of outputs by what they are for the task; see ModelFile

	in     onnxInput
	dims   map[string]int
	values map[string]*onnx.Array // of other inputs
	main   int                    // the output of Forward
	usual  [2]int                 // a height and width that the network takes

	mu     sync.Mutex
	forms  map[string][]ONNXOutput
	shared map[string]bool // see Shares
}

// ONNXOutput describes an output of an ONNX file for pictures of one size.
type ONNXOutput struct {
	onnx.Port
	Seen  tensor.Shape // as Outputs gives it
	moved bool         // Seen has the channels last, and the file has not
}

// image reports whether a value of a shape in the file is taken as an image with the
// channels first, for an input of h×w pixels.
func (n *ONNX) image(s tensor.Shape, h, w int) bool {
	if len(s) != 4 {
		return false
	}
	first, last := s[2]*w == s[3]*h, s[1]*w == s[2]*h
	return first && !last || first == last && !n.in.last
}

func seen(s tensor.Shape, moved bool) tensor.Shape {
	if moved {
		return tensor.Shape{s[0], s[2], s[3], s[1]}
	}
	return s
}

// load makes the graph of the file for pictures x [B, H, W, C], as the nodes are written.
func (n *ONNX) load(x tensor.Shape) (*onnx.Network, error) {
	if err := n.in.check(x); err != nil {
		return nil, err
	}
	net, err := onnx.Import(n.File, onnx.Options{
		Plain: true, Shapes: map[string][]int{n.in.name: n.in.fileShape(x)}, Dims: n.dims, Values: n.values,
	})
	if err != nil {
		return nil, err
	}
	if net.Graph == nil || len(net.Inputs) != 1 {
		return nil, fmt.Errorf("the outputs do not depend on the picture alone")
	}
	var all []ONNXOutput
	for _, p := range net.Outputs {
		moved := n.image(p.Shape, x[1], x[2])
		all = append(all, ONNXOutput{Port: p, Seen: seen(p.Shape, moved), moved: moved})
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.forms == nil {
		n.forms = map[string][]ONNXOutput{}
	}
	n.forms[x.String()] = all
	return net, nil
}

// Describe returns the file's outputs for pictures x [B, H, W, C].
func (n *ONNX) Describe(x tensor.Shape) ([]ONNXOutput, error) {
	n.mu.Lock()
	have := n.forms[x.String()]
	n.mu.Unlock()
	if have != nil {
		return have, nil
	}
	if _, err := n.load(x); err != nil {
		return nil, files.Named(n.Path, err)
	}
	return n.Describe(x)
}

// Main describes the output of Forward.
func (n *ONNX) Main(x tensor.Shape) (ONNXOutput, error) {
	all, err := n.Describe(x)
	if err != nil {
		return ONNXOutput{}, err
	}
	return all[n.main], nil
}

// inline adds the file's graph to that of x, and returns the file's outputs. Those that no
// input decides are nil. With each that has a varying number of rows comes this number.
func (n *ONNX) inline(x *graph.Value) (outputs, rows []*graph.Value, ports []onnx.Port) {
	net, err := n.load(x.Shape)
	if err != nil {
		graph.Fail(files.Named(n.Path, err))
	}
	in := x
	if !n.in.last {
		in = x.Permute(0, 3, 1, 2)
	}
	in = in.Reshape(net.Inputs[0].Shape...)
	h, w := x.Shape[1], x.Shape[2]
	move := func(v *graph.Value) *graph.Value {
		if n.image(v.Shape, h, w) {
			return v.Permute(0, 2, 3, 1)
		}
		return v
	}
	g := x.Graph()
	before := len(g.Stages)
	made := net.Graph.Inline(in)
	for i := range g.Stages[before:] {
		g.Stages[before+i].Value = move(g.Stages[before+i].Value)
	}
	next := func() *graph.Value {
		v := made[0].Value
		made = made[1:]
		return v
	}
	for _, p := range net.Outputs {
		var v, count *graph.Value
		if p.Known == nil {
			v = move(next())
		}
		if p.Counted {
			count = next()
		}
		outputs, rows = append(outputs, v), append(rows, count)
	}
	return outputs, rows, net.Outputs
}

// Forward maps pictures [B, H, W, C] to the main output.
func (n *ONNX) Forward(x *graph.Value) *graph.Value {
	outputs, _, ports := n.inline(x)
	if outputs[n.main] == nil {
		graph.Fail(fmt.Errorf("%s: output %s does not depend on the picture", files.Quote(n.Path), files.Quote(ports[n.main].Name)))
	}
	return outputs[n.main]
}

// Outputs maps pictures [B, H, W, C] to the outputs of the file that depend on them, and
// numbers of rows, which Results takes.
func (n *ONNX) Outputs(x *graph.Value) []graph.Output {
	outputs, rows, ports := n.inline(x)
	var all []graph.Output
	for i, v := range outputs {
		if v != nil {
			all = append(all, graph.Output{Name: ports[i].Name, Value: v})
		}
		if rows[i] != nil {
			all = append(all, graph.Output{Name: "number of " + ports[i].Name, Value: rows[i]})
		}
	}
	return all
}

// Results turns the values of Outputs for pictures x [B, H, W, C], and of stages behind
// them, into the file's outputs, each with the rows that it has, and these stages.
func (n *ONNX) Results(x tensor.Shape, values []*tensor.Tensor) ([]*tensor.Tensor, error) {
	ports, err := n.Describe(x)
	if err != nil {
		return nil, err
	}
	var all []*tensor.Tensor
	for _, p := range ports {
		if p.Known != nil {
			t, err := p.Known.Tensor()
			if err != nil {
				return nil, files.Named(n.Path, fmt.Errorf("output %s: %w", files.Quote(p.Name), err))
			}
			if p.moved {
				t = t.ToNHWC()
			}
			t.Name = p.Name
			all = append(all, t)
			continue
		}
		t := values[0]
		values = values[1:]
		if p.Counted {
			t, values = firstRows(t, p.Along, int(values[0].Data[0])), values[1:]
		}
		all = append(all, t)
	}
	return append(all, values...), nil
}

// firstRows returns the first n indices of t along a dimension.
func firstRows(t *tensor.Tensor, along, n int) *tensor.Tensor {
	s := t.Shape.Clone()
	outer, inner := s[:along].Len(), s[along+1:].Len()
	have := s[along]
	s[along] = max(0, min(n, have))
	out := tensor.New(s...)
	out.Name = t.Name
	for i := range outer {
		copy(out.Data[i*s[along]*inner:(i+1)*s[along]*inner], t.Data[i*have*inner:])
	}
	return out
}

// AsFile returns output i with its dimensions in the file's order.
func (o ONNXOutput) AsFile(t *tensor.Tensor) *tensor.Tensor {
	if !o.moved || len(t.Shape) != 4 {
		return t
	}
	f := t.ToNCHW()
	f.Name = t.Name
	return f
}

// Optimize rewrites a graph of the network into the ops that kernels are made for. An
// error names what failed; the graph is right in any case.
func (n *ONNX) Optimize(g *graph.Graph) (*graph.Graph, error) { return passes.Run(g) }

// Usual returns the shape [1, H, W, C] of a picture that the network takes.
func (n *ONNX) Usual() tensor.Shape {
	return tensor.Shape{max(n.in.batch, 1), n.usual[0], n.usual[1], n.in.channels}
}

// Free reports whether the height and width of pictures are open.
func (n *ONNX) Free() bool { return n.in.size[0] == 0 && n.in.size[1] == 0 }

// Fixed returns the height and width that all pictures must have, zero where any will do.
func (n *ONNX) Fixed() [2]int { return n.in.size }

// stages lists the values inside the file that can be features, in the order of
// computation.
func (n *ONNX) stages() ([]string, error) {
	net, err := n.load(n.Usual())
	if err != nil {
		return nil, files.Named(n.Path, err)
	}
	var names []string
	for _, s := range net.Graph.Stages {
		names = append(names, s.Name)
	}
	return names, nil
}

// OutputNames lists the file's outputs.
func (n *ONNX) OutputNames() []string {
	var names []string
	for _, o := range n.File.Graph.Outputs {
		names = append(names, o.Name)
	}
	return names
}

// Close unmaps the file. Nothing may use the network any more.
func (n *ONNX) Close() error { return n.File.Close() }

// NotFinite returns the name of the first initialiser with NaN or infinities, or "".
func (n *ONNX) NotFinite() string {
	for _, t := range n.File.Graph.Initializers {
		if t.Type.Integer() {
			continue
		}
		a, err := t.Array()
		if err != nil {
			continue // it would have failed before
		}
		x, err := a.Tensor()
		if err == nil && !x.Finite() {
			return t.Name
		}
	}
	return ""
}

// Fingerprint returns a hash that tells files apart that hold other networks or weights, or
// that are used in another way: by a model.json or by options. config is what else counts.
func (n *ONNX) Fingerprint(config string) (sum [32]byte, err error) {
	file, err := n.File.Hash()
	if err != nil {
		return sum, files.Named(n.Path, err)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%x %q %d %+v %v\n", file, config, n.main, n.in, n.dims)
	for _, name := range slices.Sorted(maps.Keys(n.values)) {
		a := n.values[name]
		fmt.Fprintf(h, "%q %v %x\n", name, a.Shape, a.Raw())
	}
	if n.Said != nil {
		fmt.Fprintf(h, "%v %v %s\n", n.Said.Labels, n.Said.Outputs, n.Said.Decode)
	}
	return [32]byte(h.Sum(nil)), nil
}

// Arrays returns the inputs of the file for pictures x [B, H, W, C]: these in the file's
// order and type, and the fixed values of others.
func (n *ONNX) Arrays(x *tensor.Tensor) (map[string]*onnx.Array, error) {
	if err := n.in.check(x.Shape); err != nil {
		return nil, files.Named(n.Path, err)
	}
	arrays := maps.Clone(n.values)
	if !n.in.last {
		x = x.ToNCHW()
	}
	a := onnx.Floats(x.Data, x.Shape...)
	if n.in.rank == 3 {
		a.Shape = a.Shape[1:]
	}
	a, err := a.As(n.in.kind)
	if err != nil {
		return nil, files.Named(n.Path, err)
	}
	arrays[n.in.name] = a
	return arrays, nil
}
