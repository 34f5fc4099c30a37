package serve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

// datatypes has the protocol's names of ONNX's types.
var datatypes = map[onnx.Type]Datatype{
	onnx.Float32: "FP32", onnx.Float64: "FP64", onnx.Float16: "FP16", onnx.BFloat16: "BF16", onnx.Bool: "BOOL",
	onnx.Int8: "INT8", onnx.Int16: "INT16", onnx.Int32: "INT32", onnx.Int64: "INT64",
	onnx.Uint8: "UINT8", onnx.Uint16: "UINT16", onnx.Uint32: "UINT32", onnx.Uint64: "UINT64",
}

// fileNetwork is an ONNX file. Its inputs and outputs have the names, types and orders of
// dimensions of the file.
type fileNetwork struct {
	name    string // of the file
	file    *onnx.Model
	compile vision.Compiler
	in, out []Port
	types   []onnx.Type // of in
	bytes   int64
	alone   bool // a request cannot share a run with others

	pictures *vision.Model // prepares pictures; nil if nothing tells how
	untold   error         // why pictures is nil, for clients

	mu    sync.Mutex
	plans []*filePlan // the latest last
}

// filePlan is the file compiled for inputs of fixed shapes.
type filePlan struct {
	form    string
	network *onnx.Network
	plan    vision.Plan
	users   sync.WaitGroup
}

// mostFilePlans is the number of plans that a file keeps.
const mostFilePlans = 8

// NewONNX returns a Network of the ONNX file at path on a device. If a model.json beside
// it, or the file, tells how pictures become its input, it takes pictures, too. memory is
// what a picture may take while it is read, as in vision.Options.
func NewONNX(path string, on *vision.Device, memory int64) (Network, error) {
	m, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	n := &fileNetwork{name: filepath.Base(path), file: m, compile: on.Compile}
	if err := n.describe(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), m.Close())
	}
	if n.pictures, err = vision.Open(path, vision.Options{On: on, Memory: memory}); err == nil {
		return n, nil
	}
	n.untold = errors.New("it takes no pictures")
	var untold *zoo.UntoldError
	if errors.As(err, &untold) {
		n.untold = fmt.Errorf("%w: neither the file nor a model.json beside it tells %s", n.untold, untold.What)
	} else if _, none := os.Stat(filepath.Join(filepath.Dir(path), "model.json")); none == nil {
		return nil, errors.Join(err, m.Close()) // what is said of the file is wrong
	}
	return n, nil
}

// describe sets the ports, and whether rows can be shared out.
func (n *fileNetwork) describe() error {
	port := func(v *onnx.Info) (Port, error) {
		kind, ok := datatypes[v.Type]
		if !ok {
			return Port{}, fmt.Errorf("%q has elements of type %v, which the protocol does not have", v.Name, v.Type)
		}
		p := Port{Name: v.Name, Datatype: kind, Shape: []int{}}
		for _, d := range v.Dims {
			p.Shape = append(p.Shape, int(d.N)) // -1 is free
		}
		return p, nil
	}
	for _, v := range n.file.Given() {
		p, err := port(v)
		if err != nil {
			return err
		}
		if !v.Rank {
			return fmt.Errorf("input %q has no shape in the file", v.Name)
		}
		n.in, n.types = append(n.in, p), append(n.types, v.Type)
	}
	for _, v := range n.file.Graph.Outputs {
		p, err := port(v)
		if err != nil {
			return err
		}
		n.out = append(n.out, p)
	}
	if len(n.in) == 0 {
		return errors.New("the graph has no input")
	}
	count, err := n.file.Parameters()
	if err != nil {
		return err
	}
	n.bytes = 4 * count
	n.alone = !n.follows() || !n.apart()
	return nil
}

// free is the extent of free dimensions, other than the first, when rows are looked into.
const free = 64

// follows reports whether the first dimension of all inputs is free, and that of all
// outputs follows it.
func (n *fileNetwork) follows() bool {
	for _, p := range n.in {
		if len(p.Shape) == 0 || p.Shape[0] >= 0 {
			return false
		}
	}
	for _, rows := range []int{1, 3} {
		o := onnx.Options{Plain: true, Shapes: map[string][]int{}}
		for _, p := range n.in {
			s := slices.Clone(p.Shape)
			for i := range s {
				if s[i] < 0 {
					s[i] = free
				}
			}
			s[0] = rows
			o.Shapes[p.Name] = s
		}
		net, err := onnx.Import(n.file, o)
		if err != nil {
			return false
		}
		for i, p := range net.Outputs {
			if len(p.Shape) == 0 || p.Shape[0] != rows || p.Counted {
				return false
			}
			if rows == 1 && len(n.out[i].Shape) == 0 { // the file does not say it
				n.out[i].Shape = slices.Repeat([]int{-1}, len(p.Shape))
			}
			n.out[i].Shape[0] = -1
		}
	}
	return true
}

func (n *fileNetwork) Inputs() []Port  { return n.in }
func (n *fileNetwork) Outputs() []Port { return n.out }
func (n *fileNetwork) Bytes() int64    { return n.bytes }

// Alone reports whether requests run one by one, as they are.
func (n *fileNetwork) Alone() bool { return n.alone }

// Close frees plans and unmaps the file. Nothing may use the network any more.
func (n *fileNetwork) Close() error {
	var errs []error
	for _, p := range n.plans {
		errs = append(errs, p.close())
	}
	if n.pictures != nil {
		errs = append(errs, n.pictures.Close())
	}
	return errors.Join(append(errs, n.file.Close())...)
}

func (p *filePlan) close() error {
	p.users.Wait()
	if p.plan == nil {
		return nil
	}
	return p.plan.Close()
}

// planFor returns the plan for inputs, which the caller releases by users. A plan whose
// shapes depend on numbers of the inputs is used once.
func (n *fileNetwork) planFor(inputs map[string]*onnx.Array) (p *filePlan, once bool, err error) {
	form := ""
	shapes := map[string][]int{}
	for _, in := range n.in {
		shapes[in.Name] = inputs[in.Name].Shape
		form += fmt.Sprint(inputs[in.Name].Shape)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := slices.IndexFunc(n.plans, func(p *filePlan) bool { return p.form == form }); i >= 0 {
		p = n.plans[i]
		n.plans = append(slices.Delete(n.plans, i, i+1), p)
		p.users.Add(1)
		return p, false, nil
	}
	p = &filePlan{form: form}
	p.network, err = onnx.Import(n.file, onnx.Options{Shapes: shapes})
	var need *onnx.ValueNeededError
	if once = errors.As(err, &need); once {
		p.network, err = onnx.ImportFor(n.file, onnx.Options{}, inputs)
	}
	if err == nil && p.network.Graph != nil {
		p.plan, err = n.compile(p.network.Graph)
	}
	if err != nil {
		return nil, false, badRequest{err} // the shapes do not fit the network
	}
	p.users.Add(1)
	if once {
		return p, true, nil
	}
	if n.plans = append(n.plans, p); len(n.plans) > mostFilePlans {
		old := n.plans[0]
		n.plans = n.plans[1:]
		go old.close()
	}
	return p, false, nil
}

// apart reports whether two rows have the results that each has by itself: a dimension of
// rows need not be a batch. A file that cannot be run on random numbers is never shared.
func (n *fileNetwork) apart() bool {
	r := rand.New(rand.NewPCG(1, 2))
	var rows [3]map[string]*onnx.Array // the first, the second, both
	for k := range rows {
		rows[k] = map[string]*onnx.Array{}
	}
	for i, p := range n.in {
		shape := slices.Clone(p.Shape)
		for d := range shape {
			if shape[d] < 0 {
				shape[d] = free
			}
		}
		shape[0] = 2
		all := make([]float32, tensor.Shape(shape).Len())
		half := len(all) / 2
		for j := range all {
			all[j] = r.Float32() * float32(1+j/max(half, 1))
		}
		one := append([]int{1}, shape[1:]...)
		for k, a := range []*onnx.Array{onnx.Floats(all[:half], one...), onnx.Floats(all[half:], one...), onnx.Floats(all, shape...)} {
			var err error
			if rows[k][p.Name], err = a.As(n.types[i]); err != nil {
				return false
			}
		}
	}
	var results [3][]*onnx.Array
	for k := range rows {
		var err error
		if results[k], err = n.run(context.Background(), rows[k]); err != nil {
			return false
		}
	}
	for i, both := range results[2] {
		half := both.Len() / 2
		if results[0][i].Len() != half || results[1][i].Len() != half {
			return false
		}
		var far, most float64
		for j := range both.Len() {
			far = max(far, math.Abs(both.At(j)-results[j/max(half, 1)][i].At(j%max(half, 1))))
			most = max(most, math.Abs(both.At(j)))
		}
		if !(far <= 1e-3*most) {
			return false
		}
	}
	return true
}

// Run computes the file on inputs as they are.
func (n *fileNetwork) Run(ctx context.Context, inputs []*Value) ([]*Value, error) {
	arrays := map[string]*onnx.Array{}
	for i, v := range inputs {
		if v.Datatype != n.in[i].Datatype {
			return nil, badRequest{fmt.Errorf("input %q is %s, want %s", n.in[i].Name, v.Datatype, n.in[i].Datatype)}
		}
		a := onnx.Decode(n.types[i], v.Shape, v.Raw)
		if a == nil {
			return nil, badRequest{fmt.Errorf("input %q: %d bytes for %v", n.in[i].Name, len(v.Raw), v.Shape)}
		}
		arrays[n.in[i].Name] = a
	}
	results, err := n.run(ctx, arrays)
	if err != nil {
		return nil, err
	}
	var all []*Value
	for i, a := range results {
		if err := n.checkNumbers(n.out[i].Name, a); err != nil {
			return nil, err
		}
		all = append(all, &Value{Name: n.out[i].Name, Datatype: n.out[i].Datatype, Shape: slices.Clone(a.Shape), Raw: a.Raw()})
	}
	return all, nil
}

// checkNumbers returns an error if a result has NaN. Infinities may be meant, such as those
// of scores that are masked.
func (n *fileNetwork) checkNumbers(name string, a *onnx.Array) error {
	if a.Type.Integer() {
		return nil
	}
	for i := range a.Len() {
		if x := a.At(i); x != x {
			return &vision.NotFiniteError{Model: n.name, Result: name, Weight: (&zoo.ONNX{File: n.file}).NotFinite()}
		}
	}
	return nil
}

func (n *fileNetwork) run(ctx context.Context, arrays map[string]*onnx.Array) ([]*onnx.Array, error) {
	p, once, err := n.planFor(arrays)
	if err != nil {
		return nil, err
	}
	if once {
		defer p.close()
	}
	defer p.users.Done()
	var made []*tensor.Tensor
	if p.plan != nil {
		xs, err := p.network.Feed(arrays)
		if err != nil {
			return nil, badRequest{err}
		}
		if made, err = p.plan.Run(ctx, xs...); err != nil {
			return nil, err
		}
	}
	return p.network.Results(made)
}

// Picture prepares a picture as the file's input, if something tells how.
func (n *fileNetwork) Picture(ctx context.Context, file []byte) ([]*Value, [2]int, error) {
	if n.pictures == nil {
		return nil, [2]int{}, n.untold
	}
	x, size, err := n.pictures.Prepare(ctx, file)
	if err != nil {
		return nil, size, err
	}
	arrays, err := n.pictures.Network.(*zoo.ONNX).Arrays(x)
	if err != nil {
		return nil, size, err
	}
	var all []*Value
	for i, p := range n.in {
		a := arrays[p.Name]
		all = append(all, &Value{Name: p.Name, Datatype: n.in[i].Datatype, Shape: slices.Clone(a.Shape), Raw: a.Raw()})
	}
	return all, size, nil
}
