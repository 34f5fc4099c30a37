// Ownop adds an op and its kernel from another module than vertebra's. The op is Mish,
// y = x · tanh(ln(1 + eˣ)) (Misra, arXiv:1908.08681).
//
// Shape and Eval are enough to run an op. Eval then runs on the CPU in the middle of the
// plan, and the listing says so. A program in Choice.Own runs the op on the GPU.
//
//	go run .
package main

import (
	"context"
	"embed"
	"fmt"
	"log"
	"math"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// Mish is y = x · tanh(ln(1 + eˣ)), element by element.
type Mish struct{}

// Name is the name in listings.
func (Mish) Name() string { return "mish" }

// Shape returns the shape of the only arg.
func (Mish) Shape(args []tensor.Shape) (tensor.Shape, error) { return args[0], nil }

// Eval computes the formula.
func (Mish) Eval(args []*tensor.Tensor) *tensor.Tensor {
	y := tensor.New(args[0].Shape...)
	for i, v := range args[0].Data {
		x := float64(v)
		y.Data[i] = float32(x * math.Tanh(math.Log1p(math.Exp(x))))
	}
	return y
}

//go:embed mish.wgsl
var kernels embed.FS

// programs lists the programs for the ops of this module.
func programs(c shaders.Call, _ shaders.Limits) []shaders.Program {
	if _, mine := c.Op.(Mish); !mine {
		return nil
	}
	n := c.Result.Len()
	return []shaders.Program{{Name: "mish", Kernels: []shaders.Kernel{{
		File:     "mish",
		Files:    kernels,
		Grid:     shaders.Flat(n, 64),
		Bindings: []shaders.Binding{{Arg: 0}, {Arg: 1, Access: shaders.ReadWrite}}, // x, then the result
		Sizes:    shaders.Sizes{{Name: "n", Value: n}},
	}}}}
}

func main() {
	x := tensor.New(1, 1000)
	for i := range x.Data {
		x.Data[i] = float32(i)/100 - 5
	}
	g, err := graph.Trace(func(g *graph.Graph) {
		g.Output("y", graph.Apply(Mish{}, g.Input("x", x.Shape...)))
	})
	check(err)
	dev, err := gpu.Open(gpu.Options{})
	check(err)
	defer dev.Close()
	want := Mish{}.Eval([]*tensor.Tensor{x})
	for _, choice := range []gpu.Choice{{}, {Own: programs}} {
		plan, err := dev.CompileWith(g, choice)
		check(err)
		fmt.Print(plan)
		y, err := plan.Run(context.Background(), x)
		check(err)
		diff, err := tensor.Diff(y[0], want)
		check(err)
		fmt.Printf("differs from the formula by %.0e of the largest value\n\n", diff.Relative)
		check(plan.Close())
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
