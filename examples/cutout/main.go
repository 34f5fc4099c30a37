// Cutout cuts the object at a click out of a picture, by Segment Anything:
//
//	go run . sam_vit_b_01ec64.pth photo.jpg 320 200 thing.png
package main

import (
	"context"
	"fmt"
	"image/png"
	"log"
	"os"
	"strconv"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
)

func main() {
	ctx := context.Background()
	checkpoint, photo, out := os.Args[1], os.Args[2], os.Args[5]
	x, err := strconv.ParseFloat(os.Args[3], 32)
	check(err)
	y, err := strconv.ParseFloat(os.Args[4], 32)
	check(err)

	m, err := vision.Open(checkpoint, vision.Options{}) // which SAM, the checkpoint says
	check(err)
	defer m.Close()
	sam, err := m.Predictor()
	check(err)
	defer sam.Close()
	p, err := picture.Load(photo)
	check(err)
	check(sam.SetImage(ctx, p)) // once a picture; each click then takes the decoder's time
	masks, err := sam.Predict(ctx, vision.SAMPrompt{
		Points: [][2]float32{{float32(x), float32(y)}},
		Labels: []int{models.Foreground},
	})
	check(err)
	best := masks.Best()
	mask := picture.Masks(masks.Logits, sam.Threshold)[best]
	file, err := os.Create(out)
	check(err)
	check(png.Encode(file, mask.CutOut(p)))
	check(file.Close())
	fmt.Printf("%s: %d pixels, predicted IoU %.2f\n", out, mask.Area(), masks.IoU[best])
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
