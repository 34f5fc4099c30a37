package main

import (
	"encoding/json"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
)

// TestSegment writes a mask of the picture's size, and an overlay with a list of
// colours.
func TestSegment(t *testing.T) {
	weights := checkpoint(t, models.NewUNetPP(models.UNetPPConfig{DeepSupervision: true, Classes: 3}))
	in, dir := photograph(t, 61, 37), t.TempDir()
	mask, overlay := filepath.Join(dir, "m.png"), filepath.Join(dir, "o.png")
	args := []string{"segment", "unetpp_deepsup", in, "--weights", weights, "--classes", "3", "--size", "32x48", "-o", mask}
	var r segmented
	if err := json.Unmarshal([]byte(ok(t, append(args, "--overlay", overlay, "--json")...)), &r); err != nil {
		t.Fatal(err)
	}
	pixels := 0
	for _, a := range r.Classes {
		pixels += a.Pixels
	}
	if len(r.Classes) != 3 || pixels != 61*37 || r.Width != 61 || r.Height != 37 {
		t.Errorf("%+v", r)
	}
	m := decoded(t, mask)
	p, isPaletted := m.(*image.Paletted)
	if !isPaletted || p.Rect.Dx() != 61 || p.Rect.Dy() != 37 {
		t.Fatalf("the mask is a %T of %v", m, m.Bounds())
	}
	counts := make([]int, 3)
	for _, c := range p.Pix {
		counts[c]++
	}
	for i, a := range r.Classes {
		if a.Pixels != counts[i] {
			t.Errorf("class %d: %d pixels told, %d in the mask", i, a.Pixels, counts[i])
		}
	}
	if o, err := picture.Load(overlay); err != nil || o.Width <= 61 || o.Height < 37 {
		t.Errorf("overlay %v, %v", o, err)
	}
	if text := ok(t, append(args, "--depth", "1")...); !strings.Contains(text, "61×37 from "+in+" seen at 48×32") {
		t.Error(text)
	}
}

func TestSegmentErrors(t *testing.T) {
	in, weights := photograph(t, 8, 8), checkpoint(t, models.NewLeNet5D2L())
	for _, c := range []struct {
		want string
		args []string
	}{
		{"segment lenet: it names what is in a picture; for segmentation see unet", []string{"lenet", in, "-o", "OUT.png"}},
		{"want a name that ends in .png", []string{"lenet", in, "-o", "OUT.jpg"}},
		{`extension ".gif"`, []string{"lenet", in, "-o", "OUT.png", "--overlay", "OUT.gif"}},
		{"--threshold 1", []string{"lenet", in, "-o", "OUT.png", "--threshold", "1"}},
		{"--depth 2, want", []string{"unet", in, "-o", "OUT.png", "--depth", "2"}},
		{"weights.safetensors is a checkpoint of lenet5_d2l, not of unet", []string{"unet", in, "-o", "OUT.png", "--weights", weights}},
		{"unet_valid has no built-in weights, and none are published; give --weights FILE", []string{"unet_valid", in, "-o", "OUT.png"}},
	} {
		dir := t.TempDir()
		var args []string
		for _, a := range c.args {
			if strings.HasPrefix(a, "OUT") {
				a = filepath.Join(dir, a)
			}
			args = append(args, a)
		}
		status, _, stderr := vertebra(append([]string{"segment"}, args...)...)
		if status != 1 || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("status %d, %q, want %q", status, stderr, c.want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%q: left behind %v", c.want, left)
		}
	}
}
