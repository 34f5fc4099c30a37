// Ownmodel defines a network from layers, fills its fields from a checkpoint by their tags,
// and runs it on the GPU as one plan.
//
//	go run .
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// Net sorts pictures into classes. A tag begins the names of a layer's tensors in the
// checkpoint: "stem" those of "stem.weight" and "stem.bias".
type Net struct {
	Stem *layers.Conv2d    `weight:"stem"`
	Norm *layers.BatchNorm `weight:"norm"`
	Head *layers.Linear    `weight:"head"`
}

// NewNet declares the weights.
func NewNet(classes int) *Net {
	return &Net{
		Stem: layers.NewConv2d(3, 16, graph.Both(3), graph.Conv2d{Stride: graph.Both(2), Pad: graph.Both(1)}),
		Norm: layers.NewBatchNorm(16),
		Head: layers.NewLinear(16, classes),
	}
}

// Forward maps images [B, H, W, 3] to logits [B, classes].
func (n *Net) Forward(x *graph.Value) *graph.Value {
	x = n.Norm.Forward(n.Stem.Forward(x)).ReLU().Stage("stem")
	return n.Head.Forward(x.Mean(1, 2))
}

func main() {
	// Random weights take the place of a trained checkpoint.
	trained := NewNet(5)
	weights.Random(trained, 1)
	var all []*tensor.Tensor
	weights.Walk(trained, func(_ string, t *tensor.Tensor) { all = append(all, t) })
	dir, err := os.MkdirTemp("", "ownmodel")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "net.safetensors")
	check(weights.WriteSafetensors(path, nil, all...))

	src, err := weights.Open(path) // a PyTorch file does as well
	check(err)
	defer src.Close()
	net := NewNet(5)
	check(weights.Bind(net, src)) // one error names all tensors that do not fit
	g, err := models.Trace(net, 2, 64, 64, 3)
	check(err)
	dev, err := gpu.Open(gpu.Options{})
	check(err)
	defer dev.Close()
	plan, err := dev.Compile(g)
	check(err)
	defer plan.Close()
	fmt.Print(plan) // a line a dispatch
	y, err := plan.Run(context.Background(), tensor.New(2, 64, 64, 3))
	check(err)
	fmt.Println(y[0], y[0].Data[:5])
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
