package main

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
)

// TestTilesOnDevice holds tiles against the whole on the device, where a kernel
// may add in another order at another place: tiles on its grid keep the order.
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
	m, err := picture.Decode(bytes.NewReader(photo))
	if err != nil {
		t.Fatal(err)
	}
	var results []*picture.Image
	for _, tile := range [][2]int{{m.Height, m.Width}, {64, 86}} {
		p, err := u.compile(dev, net, tile)
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		scaler := vision.Upscaler{Scale: u.scale, Tile: tile, Run: func(ctx context.Context, y *tensor.Tensor) (*tensor.Tensor, error) {
			return u.timed(ctx, p, y)
		}}
		var b bytes.Buffer
		if err := scaler.Write(context.Background(), &b, "png", m, nil); err != nil {
			t.Fatal(err)
		}
		out, err := picture.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, out)
	}
	for i, want := range results[0].Pix {
		if got := results[1].Pix[i]; got != want {
			t.Fatalf("sample %d is %d in tiles, %d in the whole", i, got, want)
		}
	}
}
