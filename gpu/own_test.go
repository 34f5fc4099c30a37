package gpu

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// mish is an op that package graph does not have (Misra, arXiv:1908.08681), with
// one factor for each channel: y[.., c] = x[.., c] · tanh(ln(1 + e^(x[.., c]·k[c]))).
type mish struct{}

func (mish) Name() string { return "mish" }

func (mish) Shape(args []tensor.Shape) (tensor.Shape, error) { return args[0], nil }

func (mish) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, k := args[0], args[1]
	y := tensor.New(x.Shape...)
	for i, v := range x.Data {
		f := float64(k.Data[i%len(k.Data)])
		y.Data[i] = float32(float64(v) * math.Tanh(math.Log1p(math.Exp(float64(v)*f))))
	}
	return y
}

const mishKernel = `// mish: y[i, c] = x[i, c] * tanh(ln(1 + exp(x[i, c] * k[c])))
//
//     binding 0  x  [N/C, C]  read
//     binding 1  k  [C]       read
//     binding 2  y  [N/C, C]  write
//     binding 3  sizes
//
// An invocation computes one element. Grid: Flat(N).

//wgsl:import index
//wgsl:import softplus

const WG = 64u;

struct Sizes { n: u32, c: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i < sizes.n) {
        y[i] = x[i] * tanh(softplus(x[i] * k[i % sizes.c]));
    }
}
`

// mishFiles holds the kernel and its own snippet; index comes from package shaders.
var mishFiles = fstest.MapFS{
	"mish.wgsl":         {Data: []byte(mishKernel)},
	"lib/softplus.wgsl": {Data: []byte("fn softplus(x: f32) -> f32 { return log(1.0 + exp(x)); }\n")},
}

func mishPrograms(c shaders.Call, _ shaders.Limits) []shaders.Program {
	if _, ok := c.Op.(mish); !ok {
		return nil
	}
	n := c.Result.Len()
	return []shaders.Program{{Name: "mish", Kernels: []shaders.Kernel{{
		File:     "mish",
		Files:    mishFiles,
		Set:      shaders.Set{"WG": 32},
		Grid:     shaders.Flat(n, 32),
		Bindings: []shaders.Binding{{Arg: 0}, {Arg: 1}, {Arg: 2, Access: shaders.ReadWrite}},
		Sizes:    shaders.Sizes{{Name: "n", Value: n}, {Name: "c", Value: c.Args[1].Len()}},
	}}}}
}

// mishes returns a graph with the op mish at its beginning, in its middle and twice
// at its end. The args are an input, values and constants.
func mishes(t *testing.T) (g *graph.Graph, inputs, want []*tensor.Tensor) {
	t.Helper()
	k, x := tensor.Of([]float32{0.5, 1, 2}, 3), tensor.New(2, 7, 3)
	for i := range x.Data {
		x.Data[i] = float32(i)/9 - 2
	}
	g = trace(t, func(g *graph.Graph) {
		k := g.Const(k)
		v := graph.Apply(mish{}, g.Input("x", 2, 7, 3), k).Tanh().Reshape(14, 3)
		v = graph.Apply(mish{}, v, k).GELU()
		g.Output("first", v)
		v = graph.Apply(mish{}, v, k)
		g.Output("second", graph.Apply(mish{}, v, g.Const(tensor.Of([]float32{3}, 1))))
	})
	want, err := g.Eval(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	return g, []*tensor.Tensor{x}, want
}

// TestOwnOps compares the caller's own op with its formula, by Eval in the middle of
// a plan and by the caller's own kernel.
func TestOwnOps(t *testing.T) {
	d := open(t)
	g, inputs, want := mishes(t)
	for _, c := range []struct {
		name   string
		choice Choice
		stats  Stats
		listed string
	}{
		{"by Eval", Choice{}, Stats{Dispatches: 2, Evals: 4, Pipelines: 2}, plan.OnCPU},
		{"by a kernel", Choice{Own: mishPrograms}, Stats{Dispatches: 6, Pipelines: 3}, " mish                         ["},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := d.CompileWith(g, c.choice)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if s := p.Stats(); s.Dispatches != c.stats.Dispatches || s.Evals != c.stats.Evals || s.Pipelines != c.stats.Pipelines {
				t.Errorf("%+v", s)
			}
			if n := strings.Count(p.String(), c.listed); n != 4 {
				t.Errorf("the listing has %d of %q:\n%s", n, c.listed, p)
			}
			for range 2 {
				if err := p.Poison(); err != nil {
					t.Fatal(err)
				}
				got, err := p.Run(context.Background(), inputs...)
				compare(t, got, want, err)
			}
			times, err := p.Profile(context.Background(), inputs...)
			if err != nil || len(times) != 6 {
				t.Errorf("%d timings, %v", len(times), err)
			}
			ended, end := context.WithCancel(context.Background())
			end()
			if _, err := p.Run(ended, inputs...); err != context.Canceled {
				t.Errorf("a cancelled run: %v", err)
			}
			got, err := onDevice(d, p, inputs)
			compare(t, got, want, err)
		})
	}
}

// onDevice runs p on tensors that stay on the device.
func onDevice(d *Device, p *Plan, inputs []*tensor.Tensor) ([]*tensor.Tensor, error) {
	x, err := d.Upload(inputs[0])
	if err != nil {
		return nil, err
	}
	defer x.Close()
	outputs, err := p.NewOutputs()
	if err != nil {
		return nil, err
	}
	if err := p.RunInto(context.Background(), outputs, []*Tensor{x}); err != nil {
		return nil, err
	}
	var read []*tensor.Tensor
	for _, o := range outputs {
		defer o.Close()
		t := tensor.New(o.Shape()...)
		if err := o.Read(context.Background(), t); err != nil {
			return nil, err
		}
		read = append(read, t)
	}
	return read, nil
}

func compare(t *testing.T, got, want []*tensor.Tensor, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if diff, err := tensor.Diff(got[i], want[i]); err != nil || !(diff.Relative < 1e-5) {
			t.Errorf("output %d: %v, %v", i, diff, err)
		}
	}
}

// misshapen is an op whose Eval returns another shape than its Shape.
type misshapen struct{ mish }

func (misshapen) Eval([]*tensor.Tensor) *tensor.Tensor { return tensor.New(1) }

// TestOwnOpsRefused expects errors from an Eval with another shape and from a kernel
// that does not compile.
func TestOwnOpsRefused(t *testing.T) {
	d := open(t)
	g := trace(t, func(g *graph.Graph) { g.Output("y", graph.Apply(misshapen{}, g.Input("x", 3))) })
	p, err := d.Compile(g)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Run(context.Background(), tensor.New(3)); err == nil || !strings.Contains(err.Error(), "Eval returns [1]") {
		t.Errorf("an Eval with another shape: %v", err)
	}
	g, _, _ = mishes(t)
	wrong := func(c shaders.Call, lim shaders.Limits) []shaders.Program {
		programs := mishPrograms(c, lim)
		for _, p := range programs {
			p.Kernels[0].Files = fstest.MapFS{"mish.wgsl": {Data: []byte("const WG = 64u;\nfn main() { no }")}}
		}
		return programs
	}
	if _, err := d.CompileWith(g, Choice{Own: wrong}); err == nil || !strings.Contains(err.Error(), "mish") {
		t.Errorf("a kernel that does not compile: %v", err)
	}
}
