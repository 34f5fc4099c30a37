// Features writes the values of a stage inside a network, one row for each picture:
//
//	go run . resnet50 resnet50-0676ba61.pth out.safetensors avgpool photos/*.jpg
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/weights"
)

func main() {
	model, checkpoint, out, stage, pictures := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5:]
	m, err := vision.Open(model, vision.Options{Weights: checkpoint, Batch: 8})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Println("on", m.Device())
	var all *tensor.Tensor
	for f, err := range m.Features(context.Background(), []string{stage}, vision.Files(pictures...)...) {
		if err != nil {
			log.Fatal(err)
		}
		one := f.Stages[0]
		if all == nil {
			all = &tensor.Tensor{Name: stage, Shape: append(tensor.Shape{0}, one.Shape[1:]...)}
		}
		all.Shape[0]++
		all.Data = append(all.Data, one.Data...)
	}
	if err := weights.WriteSafetensors(out, nil, all); err != nil {
		log.Fatal(err)
	}
	fmt.Println(out, all)
}
