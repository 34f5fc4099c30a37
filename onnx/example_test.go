package onnx_test

import (
	"context"
	"fmt"
	"log"

	"github.com/vertebra/vertebra/onnx"
)

// Example runs a file in plain Go. A gpu.Device compiles the same graph.
func Example() {
	m, err := onnx.Open("testdata/suite/node/test_relu/model.onnx")
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	x := onnx.Floats(make([]float32, 3*4*5), 3, 4, 5)
	x.F[0], x.F[1] = -1, 2
	inputs := map[string]*onnx.Array{"x": x}
	n, err := onnx.ImportFor(m, onnx.Options{}, inputs)
	if err != nil {
		log.Fatal(err)
	}
	xs, err := n.Feed(inputs)
	if err != nil {
		log.Fatal(err)
	}
	ys, err := n.Graph.Eval(context.Background(), xs...)
	if err != nil {
		log.Fatal(err)
	}
	results, err := n.Results(ys)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n.Outputs[0].Name, results[0].Type, results[0].Shape, results[0].F[:3])
	// Output: y float32 [3, 4, 5] [0 2 0]
}
