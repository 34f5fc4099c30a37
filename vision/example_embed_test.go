package vision_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/vertebra/vertebra/vision"
)

// This example turns texts and pictures into vectors. The vocabulary
// bpe_simple_vocab_16e6.txt.gz lies beside the weights.
func ExampleModel_EmbedTexts() {
	ctx := context.Background()
	m, err := vision.Open("ViT-B-32.pt", vision.Options{})
	check(err)
	defer m.Close()
	texts, err := m.EmbedTexts(ctx, "a diagram", "a dog")
	check(err)
	for e, err := range m.EmbedPictures(ctx, vision.Files("dog.jpg", "cat.jpg")...) {
		check(err)
		check(vision.Unit(e.Vector)) // for cosines by dot products
		fmt.Println(e.Name, len(e.Vector), len(texts[0]))
	}
}

// This example finds the text that fits each picture of a folder best.
func ExampleModel_Match() {
	m, err := vision.Open("ViT-B-32.pt", vision.Options{Batch: 8})
	check(err)
	defer m.Close()
	paths, err := vision.Paths("photos")
	var left *vision.LeftOutError
	if errors.As(err, &left) {
		log.Print(left) // the paths are good
	}
	texts := []string{"a photo by day", "a photo at night"}
	for r, err := range m.Match(context.Background(), texts, vision.Files(paths...)...) {
		var unreadable *vision.InputError
		if errors.As(err, &unreadable) {
			log.Print(err) // the next picture follows
			continue
		}
		check(err)
		best := r.Best()[0]
		fmt.Printf("%s: %s (%.0f %%)\n", r.Name, best.Text, 100*best.Probability)
	}
}
