package plan

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// square is an op that only this test has: y = x².
type square struct{}

func (square) Name() string { return "square" }

func (square) Shape(args []tensor.Shape) (tensor.Shape, error) { return args[0], nil }

func (square) Eval(args []*tensor.Tensor) *tensor.Tensor {
	y := tensor.New(args[0].Shape...)
	for i, v := range args[0].Data {
		y.Data[i] = v * v
	}
	return y
}

func squares(t *testing.T) *graph.Graph {
	t.Helper()
	g, err := graph.Trace(func(g *graph.Graph) {
		g.Output("y", graph.Apply(square{}, g.Input("x", 2, 5).GELU()).Tanh())
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// program returns a program for square with the test's own file.
func program(c shaders.Call, _ shaders.Limits) []shaders.Program {
	if _, ok := c.Op.(square); !ok {
		return nil
	}
	n := c.Result.Len()
	return []shaders.Program{{Name: "own square", Kernels: []shaders.Kernel{{
		File:     "square",
		Files:    squareFiles,
		Grid:     shaders.Flat(n, 64),
		Bindings: []shaders.Binding{{Arg: 0}, {Arg: 1, Access: shaders.ReadWrite}},
		Sizes:    shaders.Sizes{{Name: "n", Value: n}},
	}}}}
}

var squareFiles = fstest.MapFS{"square.wgsl": {Data: []byte("const WG = 64u;")}}

// TestOwnOp expects that an op without kernels runs on the CPU and the listing says
// so, and that the caller's own program is dispatched.
func TestOwnOp(t *testing.T) {
	g := squares(t)
	p, err := New(g, shaders.Default, 1<<20, Choice{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Steps) != 3 || p.Steps[1].Eval == nil || len(p.Steps[1].Bindings) != 2 || p.Steps[1].Bytes != 80 {
		t.Errorf("%+v", p.Steps)
	}
	if line := strings.Split(p.String(), "\n")[1]; !strings.Contains(line, "square") || !strings.Contains(line, OnCPU) {
		t.Errorf("the listing has %s", line)
	}
	p, err = New(g, shaders.Default, 1<<20, Choice{Own: program})
	if err != nil {
		t.Fatal(err)
	}
	if s := p.Steps[1]; s.Eval != nil || s.Program != "own square" || s.Name != "square" || s.Kernel.Grid != [3]int{1, 1, 1} {
		t.Errorf("%+v", s)
	}
}

// TestOwnProgramRefused expects errors for programs that no device can run.
func TestOwnProgramRefused(t *testing.T) {
	g := squares(t)
	for want, change := range map[string]func(p *shaders.Program){
		"no kernels":    func(p *shaders.Program) { p.Kernels = nil },
		"binds number":  func(p *shaders.Program) { p.Kernels[0].Bindings[0].Arg = 2 },
		"binding 1 is":  func(p *shaders.Program) { p.Kernels[0].Bindings[1].Offset = 4 },
		"no kernel cir": func(p *shaders.Program) { p.Kernels[0].File = "circle" },
		"no constant":   func(p *shaders.Program) { p.Kernels[0].Set = shaders.Set{"ACT": 1} },
		"size n":        func(p *shaders.Program) { p.Kernels[0].Sizes[0].Value = "many" },
		"scratch":       func(p *shaders.Program) { p.Scratch = []int{0} },
		"layout":        func(p *shaders.Program) { p.Pack = map[int]shaders.Layout{1: {}} },
		"workgroups":    func(p *shaders.Program) { p.Kernels[0].Grid[1] = 0 },
	} {
		own := func(c shaders.Call, lim shaders.Limits) []shaders.Program {
			programs := program(c, lim)
			for i := range programs {
				change(&programs[i])
			}
			return programs
		}
		if _, err := New(g, shaders.Default, 1<<20, Choice{Own: own}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
