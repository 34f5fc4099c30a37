package main

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
)

// TestTilesOnDevice holds tiles against the whole on the device, where kernels
// may add in another order at another place: no sample differs by more than one
// rounding.
func TestTilesOnDevice(t *testing.T) {
	u := &upscale{settings: &settings{}, scale: 3}
	net, err := espcn(u.scale, "")
	if err != nil {
		t.Fatal(err)
	}
	dev, err := u.open()
	if err != nil {
		t.Fatal(err)
	}
	defer dev.close()
	photo, err := os.ReadFile("photo/cat.png")
	if err != nil {
		t.Fatal(err)
	}
	m, err := models.Decode(bytes.NewReader(photo))
	if err != nil {
		t.Fatal(err)
	}
	var results []*models.Image
	for _, tile := range [][2]int{{m.Height, m.Width}, {61, 83}} {
		p, err := u.compile(dev, net, tile)
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		scaler := models.Upscaler{Scale: u.scale, Tile: tile, Run: func(ctx context.Context, y *tensor.Tensor) (*tensor.Tensor, error) {
			return u.timed(ctx, p, y)
		}}
		var b bytes.Buffer
		if err := scaler.Write(context.Background(), &b, "png", m, nil); err != nil {
			t.Fatal(err)
		}
		out, err := models.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, out)
	}
	differ := 0
	for i, want := range results[0].Pix {
		switch d := int(results[1].Pix[i]) - int(want); {
		case d < -1 || d > 1:
			t.Fatalf("sample %d is %d in tiles, %d in the whole", i, results[1].Pix[i], want)
		case d != 0:
			differ++
		}
	}
	if differ > len(results[0].Pix)/1000 {
		t.Errorf("%d of %d samples differ", differ, len(results[0].Pix))
	}
	t.Logf("%d of %d samples differ by one", differ, len(results[0].Pix))
}
