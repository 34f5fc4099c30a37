package index_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/index"
)

// This example searches a folder by words. The first run embeds all pictures, and
// later runs only the new ones.
func Example() {
	ctx := context.Background()
	m, err := vision.Open("ViT-B-32.pt", vision.Options{Batch: 8})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	x, err := index.Open(m, "photos", index.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer x.Close()
	for step, err := range x.Update(ctx) {
		var unreadable *vision.InputError
		switch {
		case errors.As(err, &unreadable):
			log.Print(err)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Printf("\r%d of %d", step.Done, step.Total)
		}
	}
	hits, err := x.Search(ctx, "a dog on the beach", 10)
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range hits {
		fmt.Printf("%.3f  %s\n", h.Cosine, h.File)
	}
}
