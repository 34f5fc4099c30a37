package vision_test

import (
	"context"
	"fmt"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// This example runs a predictor for your own network on the fastest GPU.
func ExampleNewSAMPredictor() {
	net := models.NewSAM(models.SAMConfig{Size: 64, Width: 16, Depth: 1, Heads: 2, Channels: 16})
	weights.Random(net, 1) // or weights.Bind
	dev, err := vision.OpenDevice(vision.DeviceOptions{})
	check(err)
	defer dev.Close()
	p := vision.NewSAMPredictor(net, zoo.Preprocess{}, dev.Compile)
	defer p.Close()
	photo, err := vision.File("picture/testdata/grey.jpg").Read()
	check(err)
	ctx := context.Background()
	check(p.SetImage(ctx, photo))
	found, err := p.Predict(ctx, vision.SAMPrompt{Points: [][2]float32{{5, 3}}, Labels: []int{models.Foreground}})
	check(err)
	fmt.Println(photo, found.Logits.Shape)
	// Output: 21×13×1 [3, 13, 21]
}

// This example cuts out the object at a point of a photograph.
func ExampleModel_Predictor() {
	m, err := vision.Open("sam_vit_b", vision.Options{Weights: "sam_vit_b_01ec64.pth"})
	check(err)
	defer m.Close()
	p, err := m.Predictor()
	check(err)
	defer p.Close()
	photo, err := vision.File("photo.jpg").Read()
	check(err)
	ctx := context.Background()
	check(p.SetImage(ctx, photo)) // the encoder runs; each prompt then costs little
	found, err := p.Predict(ctx, vision.SAMPrompt{Points: [][2]float32{{320, 200}}, Labels: []int{models.Foreground}})
	check(err)
	mask := picture.Masks(found.Logits, p.Threshold)[found.Best()]
	check(picture.Save("mask.png", mask.Image()))
}
