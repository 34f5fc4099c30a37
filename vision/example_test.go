package vision_test

import (
	"context"
	"fmt"
	"log"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func Example() {
	net := models.NewESPCN(models.ESPCNConfig{Scale: 3})
	src, err := zoo.ESPCNWeights(3) // or weights.Open("checkpoint.safetensors")
	check(err)
	check(weights.Bind(net, src))
	graph, err := models.Trace(net, 1, 64, 64, 1) // [B, H, W, C]
	check(err)
	dev, err := gpu.Open(gpu.Options{}) // the fastest GPU
	check(err)
	defer dev.Close()
	plan, err := dev.Compile(graph)
	check(err)
	y, err := plan.Run(context.Background(), tensor.New(1, 64, 64, 1))
	check(err)
	fmt.Println(y[0])
	// Output: out [1, 192, 192, 1]
}

// This example computes the values of two stages of a network for a picture.
func Example_features() {
	entry, err := zoo.Lookup("lenet") // or "resnet50"; "vertebra summary" lists its stages
	check(err)
	net := entry.New()
	src, err := entry.Weights() // or weights.Open("resnet50-0676ba61.pth")
	check(err)
	check(weights.Bind(net, src))
	picture, err := picture.Load("picture/testdata/grey.jpg")
	check(err)
	x, _, err := entry.Preprocess.Apply(picture)
	check(err)
	graph, err := models.Trace(net, x.Shape...)
	check(err)
	check(graph.Keep("conv2", "fc1"))
	dev, err := gpu.Open(gpu.Options{})
	check(err)
	defer dev.Close()
	plan, err := dev.Compile(graph)
	check(err)
	y, err := plan.Run(context.Background(), x)
	check(err)
	for _, t := range y[1:] {
		fmt.Println(t)
	}
	// Output:
	// conv2 [1, 10, 10, 16]
	// fc1 [1, 120]
}
