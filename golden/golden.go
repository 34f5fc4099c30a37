// Package golden reads reference results of the official implementations and
// turns them into cases: a graph, its inputs, and what must come out.
//
// A file is a safetensors file with tensors "input/NAME", "weight/NAME",
// "stage/NAME" and "output/NAME" in PyTorch's layouts, and metadata "model",
// "config" (JSON) and "source". Files of operations hold many sub-cases, whose
// id stands between: "input/ID/x".
package golden

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/weights"
)

// Case is one check.
type Case struct {
	Name string // file and sub-case: "op_conv2d/k3"

	// Graph with its Inputs, in the graph's layout.
	Graph  *graph.Graph
	Inputs []*tensor.Tensor

	// Host computes what by design never runs on a GPU (resizing of pictures,
	// run lengths, …); Graph is then nil.
	Host func() ([]*tensor.Tensor, error)

	// Run computes what takes more graphs than one, which it has compiled; Graph
	// is then nil, too.
	Run func(ctx context.Context, compile vision.Compiler) ([]*tensor.Tensor, error)

	Want      []*tensor.Tensor // one for each output, named, in the graph's layout
	Tolerance float64          // of the difference over the largest wanted value

	// Stages are what a model must have at the graph's stages of these names,
	// in the order of computation.
	Stages []*tensor.Tensor

	stages int // how many of Want are stages
}

// Staged returns the case with its stages as outputs before the others, so
// that the first one that differs says where a model goes wrong. Nothing is
// fused across a stage then: that, too, the case itself must be run for.
func (c Case) Staged() Case {
	g := *c.Graph
	g.Outputs = nil
	for _, want := range c.Stages {
		for _, s := range g.Stages {
			if s.Name == want.Name {
				g.Outputs = append(g.Outputs, s)
				break
			}
		}
	}
	g.Outputs = append(g.Outputs, c.Graph.Outputs...)
	c.Graph = &g
	c.Want = append(append([]*tensor.Tensor{}, c.Stages...), c.Want...)
	c.stages, c.Stages = len(c.Stages), nil
	return c
}

// Diff compares output i with what is wanted. Some files hold only the first
// channels of a stage, or what becomes of the first images: then only those are
// compared.
func (c Case) Diff(i int, got *tensor.Tensor) (tensor.Difference, error) {
	want := c.Want[i]
	n := len(got.Shape) - 1
	if i >= c.stages || n < 0 || len(want.Shape) != n+1 {
		return tensor.Diff(got, want)
	}
	if n > 0 && want.Shape[0] < got.Shape[0] {
		rows := got.Shape[1:].Len() * want.Shape[0]
		got = tensor.Of(got.Data[:rows], append([]int{want.Shape[0]}, got.Shape[1:]...)...)
	}
	if want.Shape[n] < got.Shape[n] {
		cut := tensor.New(append(got.Shape[:n:n], want.Shape[n])...)
		for at := 0; at < len(cut.Data); at += want.Shape[n] {
			copy(cut.Data[at:at+want.Shape[n]], got.Data[at/want.Shape[n]*got.Shape[n]:])
		}
		got = cut
	}
	return tensor.Diff(got, want)
}

// The tolerances of DESIGN: of one op, and of a whole model.
const (
	OpTolerance    = 1e-5
	ModelTolerance = 1e-4
)

// ErrUnknown is wrapped by the errors of files that hold no case, or one of a
// model that this version does not have.
var ErrUnknown = errors.New("not a reference file that this version can check")

// Load reads the cases of a file.
func Load(path string) ([]Case, error) {
	s, err := weights.OpenSafetensors(path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	name := strings.TrimSuffix(filepath.Base(path), ".safetensors")
	f := &file{Safetensors: s, name: name, dir: filepath.Dir(path)}
	cases, err := read(f)
	for _, c := range f.opened {
		err = errors.Join(err, c.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cases, nil
}

// Read makes cases of an open file; name is what their names begin with.
func Read(name string, s *weights.Safetensors) ([]Case, error) {
	return read(&file{Safetensors: s, name: name})
}

func read(f *file) ([]Case, error) {
	s, name := f.Safetensors, f.name
	kind := s.Metadata["model"]
	for _, key := range []string{"model", "config"} {
		if s.Metadata[key] == "" {
			return nil, fmt.Errorf("no metadata %q: %w", key, ErrUnknown)
		}
	}
	if build, ok := ops[kind]; ok {
		var config struct {
			Cases []json.RawMessage `json:"cases"`
		}
		if err := json.Unmarshal([]byte(s.Metadata["config"]), &config); err != nil {
			return nil, fmt.Errorf("metadata config: %w", err)
		}
		if len(config.Cases) == 0 {
			return nil, fmt.Errorf("metadata config: no cases")
		}
		var cases []Case
		for _, attrs := range config.Cases {
			c, err := f.sub(attrs, build)
			if err != nil {
				return nil, err
			}
			cases = append(cases, c)
		}
		return cases, nil
	}
	var config struct{ Arch string }
	if err := json.Unmarshal([]byte(s.Metadata["config"]), &config); err != nil {
		return nil, fmt.Errorf("metadata config: %w", err)
	}
	if config.Arch == "" {
		config.Arch = kind
	}
	arch, _, _ := strings.Cut(config.Arch, ",")
	arch, _, _ = strings.Cut(arch, " (")
	if build, ok := architectures[arch]; ok {
		f.arch = arch
		c, err := guard(name, func() (Case, error) { return build(f) })
		if err != nil {
			return nil, err
		}
		return []Case{c}, nil
	}
	if build, ok := suites[arch]; ok {
		return guardAll(name, func() ([]Case, error) { return build(f) })
	}
	return nil, fmt.Errorf("%q: %w", kind, ErrUnknown)
}

type file struct {
	*weights.Safetensors
	name string
	dir  string // of the file
	arch string // of a model

	opened []weights.Checkpoint // beside the file, until it has been read
}

// sub is one sub-case of a file of operations.
type sub struct {
	file  *file
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	attrs json.RawMessage
}

func (f *file) sub(attrs json.RawMessage, build func(sub) (Case, error)) (Case, error) {
	s := sub{file: f, attrs: attrs}
	if err := json.Unmarshal(attrs, &s); err != nil {
		return Case{}, fmt.Errorf("metadata config: %w", err)
	}
	return guard(f.name+"/"+s.ID, func() (Case, error) { return build(s) })
}

// missing carries the absence of a tensor to guard.
type missing struct{ error }

// guard completes a case, and turns a missing tensor into an error.
func guard(name string, build func() (Case, error)) (Case, error) {
	cases, err := guardAll(name, func() ([]Case, error) {
		c, err := build()
		return []Case{c}, err
	})
	if err != nil {
		return Case{}, err
	}
	return cases[0], nil
}

// guardAll is guard for cases of one file, whose names are added to its own.
func guardAll(name string, build func() ([]Case, error)) (cases []Case, err error) {
	defer func() {
		if r := recover(); r != nil {
			m, ok := r.(missing)
			if !ok {
				panic(r)
			}
			err = fmt.Errorf("%s: %w", name, m.error)
		}
	}()
	cases, err = build()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i, c := range cases {
		if cases[i].Name = name; c.Name != "" {
			cases[i].Name += "/" + c.Name
		}
		if c.Tolerance == 0 {
			cases[i].Tolerance = OpTolerance
		}
	}
	return cases, nil
}

// decode reads the sub-case's attributes.
func (s sub) decode(to any) error { return json.Unmarshal(s.attrs, to) }

// in, weight and out read a tensor of the sub-case in PyTorch's layout.
func (s sub) in(name string) *tensor.Tensor     { return s.read("input", name) }
func (s sub) weight(name string) *tensor.Tensor { return s.read("weight", name) }
func (s sub) out(name string) *tensor.Tensor    { return s.read("output", name) }

// has reports whether the sub-case has the tensor "group/ID/name".
func (s sub) has(group, name string) bool {
	_, ok := s.file.Entry(group + "/" + s.ID + "/" + name)
	return ok
}

func (s sub) read(group, name string) *tensor.Tensor {
	t, err := s.file.Tensor(group + "/" + s.ID + "/" + name)
	if err != nil {
		panic(missing{err})
	}
	t.Name = name
	return t
}

// one makes a case of one op with constants: inputs become graph inputs,
// in order, and build adds the rest.
func one(want *tensor.Tensor, inputs []*tensor.Tensor, build func(g *graph.Graph, in []*graph.Value) *graph.Value) (Case, error) {
	return several([]*tensor.Tensor{want}, inputs, func(g *graph.Graph, in []*graph.Value) []*graph.Value {
		return []*graph.Value{build(g, in)}
	})
}

// several is one for more than one output.
func several(want, inputs []*tensor.Tensor, build func(g *graph.Graph, in []*graph.Value) []*graph.Value) (Case, error) {
	g, err := graph.Trace(func(g *graph.Graph) {
		var in []*graph.Value
		for _, t := range inputs {
			in = append(in, g.Input(t.Name, t.Shape...))
		}
		for i, v := range build(g, in) {
			g.Output(want[i].Name, v)
		}
	})
	return Case{Graph: g, Inputs: inputs, Want: want}, err
}
