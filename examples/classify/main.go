// Classify says what is in a picture:
//
//	go run . resnet50 resnet50-0676ba61.pth photo.jpg
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/vertebra/vertebra/vision"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: classify MODEL CHECKPOINT PICTURE")
	}
	m, err := vision.Open(os.Args[1], vision.Options{Weights: os.Args[2]})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	for r, err := range m.Classify(context.Background(), vision.File(os.Args[3])) {
		if err != nil {
			log.Fatal(err)
		}
		for _, c := range r.Top(3) {
			fmt.Printf("%5.1f %%  %s\n", 100*c.Probability, c.Name)
		}
	}
}
