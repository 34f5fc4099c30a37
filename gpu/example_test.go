package gpu_test

import (
	"context"
	"fmt"
	"log"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// The output of one plan is the input of the next and stays on the device.
func ExamplePlan_Submit() {
	ctx := context.Background()
	dev, err := gpu.Open(gpu.Options{})
	check(err)
	defer dev.Close() // also closes its plans and tensors

	double, err := graph.Trace(func(g *graph.Graph) { x := g.Input("x", 4); g.Output("y", x.Add(x)) })
	check(err)
	square, err := graph.Trace(func(g *graph.Graph) { x := g.Input("x", 4); g.Output("y", x.Mul(x)) })
	check(err)
	first, err := dev.Compile(double)
	check(err)
	second, err := dev.Compile(square)
	check(err)

	x, err := dev.NewTensor(4)
	check(err)
	between, err := first.NewOutputs()
	check(err)
	y, err := second.NewOutputs()
	check(err)
	result := tensor.New(4)
	for i := range 3 { // each round allocates nothing
		n := float32(i)
		check(x.Write(ctx, tensor.Of([]float32{n, n + 1, n + 2, n + 3}, 4)))
		_, err = first.Submit(ctx, between, []*gpu.Tensor{x})
		check(err)
		_, err = second.Submit(ctx, y, between)
		check(err)
		check(y[0].Read(ctx, result)) // waits for both
		fmt.Println(result.Data)
	}
	// Output:
	// [0 4 16 36]
	// [4 16 36 64]
	// [16 36 64 100]
}
