// Video enlarges the frames of a video four times, with two networks that each double the
// size. The result of the first network stays on the device, and the second reads it
// there. Only frames travel to and from the host.
//
//	go run .
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

const width, height, frames = 96, 54, 12

func main() {
	ctx := context.Background()
	dev, err := gpu.Open(gpu.Options{})
	check(err)
	defer dev.Close()

	first, second := doubler(dev, height, width), doubler(dev, 2*height, 2*width)
	defer first.Close()
	defer second.Close()
	in, err := dev.NewTensor(1, height, width, 1)
	check(err)
	between, err := first.NewOutputs()
	check(err)
	out, err := second.NewOutputs()
	check(err)

	large := tensor.New(out[0].Shape()...)
	for k := range frames {
		check(in.Write(ctx, frame(k)))
		_, err := first.Submit(ctx, between, []*gpu.Tensor{in})
		check(err)
		_, err = second.Submit(ctx, out, between) // in the queue, behind the first
		check(err)
		check(out[0].Read(ctx, large)) // waits for both
	}
	fmt.Printf("%d frames of %d×%d became %d×%d on %v\n", frames, width, height, large.Shape[2], large.Shape[1], dev.Info())
}

// doubler compiles ESPCN ×2 for luminance [1, h, w, 1].
func doubler(dev *gpu.Device, h, w int) *gpu.Plan {
	net := models.NewESPCN(models.ESPCNConfig{Scale: 2})
	src, err := zoo.ESPCNWeights(2)
	check(err)
	check(weights.Bind(net, src))
	g, err := models.Trace(net, 1, h, w, 1)
	check(err)
	plan, err := dev.Compile(g)
	check(err)
	return plan
}

// frame draws a bright square that moves to the right.
func frame(k int) *tensor.Tensor {
	t := tensor.New(1, height, width, 1)
	for y := height / 3; y < 2*height/3; y++ {
		for x := 6 * k; x < 6*k+20; x++ {
			t.Data[y*width+x%width] = 1
		}
	}
	return t
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
