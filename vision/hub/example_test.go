package hub_test

import (
	"context"
	"fmt"
	"log"

	"github.com/vertebra/vertebra/vision/hub"
	"github.com/vertebra/vertebra/vision/zoo"
)

// Weights that this machine has not are downloaded once. The path is what
// vision.Options takes as Weights.
func Example() {
	h, err := hub.FromEnvironment()
	if err != nil {
		log.Fatal(err)
	}
	m, err := zoo.Lookup("resnet50_v2")
	if err != nil {
		log.Fatal(err)
	}
	found, err := h.Fetch(context.Background(), m.Files[0])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Path, "was compared with", found.Checked)
}
