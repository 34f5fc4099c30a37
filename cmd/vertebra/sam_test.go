package main

import (
	"encoding/json"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
)

// smallSAM writes a SAM with random weights.
func smallSAM(t *testing.T) string {
	t.Helper()
	return checkpoint(t, models.NewSAM(models.SAMConfig{
		Size: 32, Patch: 8, Width: 8, Depth: 2, Heads: 2, Window: 3, Global: []int{1}, Channels: 16,
		DecoderMLP: 8, IoUHidden: 8, MaskChannels: 4,
	}))
}

// TestSAM checks that all outputs for a prompt agree on one mask of the picture's size,
// and that a saved embedding gives the same mask.
func TestSAM(t *testing.T) {
	w, in, dir := smallSAM(t), photograph(t, 37, 22), t.TempDir()
	name := func(n string) string { return filepath.Join(dir, n) }
	cutWith := func(args ...string) cut {
		t.Helper()
		var r cut
		args = append([]string{"sam", in, "--weights", w, "-o", name("m.png"), "--json"}, args...)
		if err := json.Unmarshal([]byte(ok(t, args...)), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := cutWith("--point", "12,7", "--embedding", name("e.sam"), "--cutout", name("c.png"), "--overlay", name("o.jpg"), "--logits", name("l.safetensors"))
	if len(first.Masks) != 3 || first.Width != 37 || first.Height != 22 {
		t.Fatalf("%+v", first)
	}
	best := first.Masks[first.Best]
	want, err := best.Segmentation.Mask()
	if err != nil {
		t.Fatal(err)
	}
	m, err := picture.Load(name("m.png"))
	if err != nil {
		t.Fatal(err)
	}
	c := decoded(t, name("c.png"))
	if m.Width != 37 || m.Height != 22 || c.Bounds() != image.Rect(0, 0, 37, 22) {
		t.Fatalf("%v, %v", m, c.Bounds())
	}
	for i, on := range want.On {
		_, _, _, alpha := c.At(i%37, i/37).RGBA()
		if (m.Pix[i] == 255) != on || (alpha > 0) != on {
			t.Fatalf("pixel %d is %v in the run lengths, %d in the mask, alpha %d", i, on, m.Pix[i], alpha)
		}
	}
	again := cutWith("--point", "12,7,1", "--embedding", name("e.sam"))
	if len(again.Masks) != 3 || !slices.Equal(again.Masks[first.Best].Segmentation.Counts, best.Segmentation.Counts) {
		t.Error("the kept embedding gives another mask")
	}
	for _, args := range [][]string{
		{"--box", "3,4,30,20"}, {"--box", "3,4,30,20", "--point", "5,5,0"}, {"--mask", name("l.safetensors")}, {"--mask", name("m.png"), "--point", "1,1"},
	} {
		if r := cutWith(args...); len(r.Masks) != 1 {
			t.Errorf("%v: %d masks", args, len(r.Masks))
		}
	}
}

// TestSAMBoxes finds an object in each of several boxes, the one that is found in the box
// alone.
func TestSAMBoxes(t *testing.T) {
	w, in, dir := smallSAM(t), photograph(t, 37, 22), t.TempDir()
	out, cutout, overlay := filepath.Join(dir, "m.png"), filepath.Join(dir, "c.png"), filepath.Join(dir, "o.png")
	boxes := []string{"3,4,30,20", "1,1,9,9", "20,2,36,21"}
	args := []string{"sam", in, "--weights", w, "-o", out, "--json"}
	var alone []cut
	together := append(args[:len(args):len(args)], "--cutout", cutout, "--overlay", overlay)
	for _, b := range boxes {
		var one cut
		if err := json.Unmarshal([]byte(ok(t, append(args, "--box", b)...)), &one); err != nil {
			t.Fatal(err)
		}
		alone, together = append(alone, one), append(together, "--box", b)
	}
	var r []cut
	if err := json.Unmarshal([]byte(ok(t, together...)), &r); err != nil || len(r) != len(boxes) {
		t.Fatalf("%d objects, %v", len(r), err)
	}
	p, isPaletted := decoded(t, out).(*image.Paletted)
	if !isPaletted {
		t.Fatalf("the masks are a %T", decoded(t, out))
	}
	for i, a := range alone {
		if !slices.Equal(r[i].Masks[0].Segmentation.Counts, a.Masks[0].Segmentation.Counts) {
			t.Errorf("box %d has another object than alone", i)
		}
		k, err := a.Masks[0].Segmentation.Mask()
		for at, n := range p.Pix {
			if err != nil || int(n) == i+1 && !k.On[at] {
				t.Fatalf("pixel %d is said to be of object %d: %v", at, n, err)
			}
		}
	}
	if decoded(t, cutout).Bounds() != p.Rect || decoded(t, overlay).Bounds() != p.Rect {
		t.Error("the cutout or the overlay has another size")
	}
	for _, more := range [][]string{{"--point", "1,1"}, {"--mask", in}, {"--logits", filepath.Join(dir, "l.safetensors")}} {
		status, _, stderr := vertebra(append(together, more...)...)
		if status != 1 || !strings.Contains(stderr, "3 boxes are 3 objects: --point, --mask and --logits go with one") {
			t.Errorf("%v: status %d, %s", more, status, stderr)
		}
	}
}

// TestSAMEverything writes all masks as their numbers.
func TestSAMEverything(t *testing.T) {
	w, in, out := smallSAM(t), photograph(t, 37, 22), filepath.Join(t.TempDir(), "m.png")
	var r []vision.SAMRegion
	args := []string{"sam", in, "--everything", "--weights", w, "-o", out, "--points-per-side", "3", "--predicted-iou", "-1", "--stability", "-1", "--json"}
	if err := json.Unmarshal([]byte(ok(t, args...)), &r); err != nil {
		t.Fatal(err)
	}
	m := decoded(t, out)
	p, isPaletted := m.(*image.Paletted)
	if !isPaletted || p.Rect != image.Rect(0, 0, 37, 22) || len(r) == 0 {
		t.Fatalf("%d masks in a %T of %v", len(r), m, m.Bounds())
	}
	for at, n := range p.Pix {
		if n == 0 {
			continue
		}
		k, err := r[n-1].Segmentation.Mask()
		if err != nil || !k.On[at] {
			t.Fatalf("pixel %d is said to be of mask %d: %v", at, n, err)
		}
	}
}

// TestSAMErrors expects one clear line and nothing written.
func TestSAMErrors(t *testing.T) {
	w, in, dir := smallSAM(t), photograph(t, 20, 10), t.TempDir()
	other := checkpoint(t, models.NewESPCN(models.ESPCNConfig{Scale: 2}))
	kept := filepath.Join(t.TempDir(), "e.sam")
	ok(t, "sam", in, "--weights", w, "--point", "1,1", "--embedding", kept, "-o", filepath.Join(t.TempDir(), "m.png"))
	before, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "m.png")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{in, "--weights", w}, "no prompt: give --point"},
		{[]string{in, "--weights", w, "--point", "21,3"}, "the point 21,3 is outside the picture of 20×10"},
		{[]string{in, "--weights", w, "--point", "NaN,3"}, "want X,Y"},
		{[]string{in, "--weights", w, "--point", "1,3,2"}, "label 1 for the object"},
		{[]string{in, "--weights", w, "--box", "5,5,5,9"}, "the box 5,5,5,9 is empty"},
		{[]string{in, "--weights", w, "--box", "1,2,3"}, "want LEFT,TOP,RIGHT,BOTTOM"},
		{[]string{in, "--weights", w, "--mask", photograph(t, 9, 9)}, "the mask is 9×9, but the picture is 20×10"},
		{[]string{in, "--weights", w, "--mask", w}, "mask"},
		{[]string{in, "--weights", other, "--point", "1,1"}, "is a checkpoint of espcn_x2, not of sam"},
		{[]string{in, "--weights", "no-such.pth", "--point", "1,1"}, "no-such.pth: no such file"},
		{[]string{photograph(t, 20, 11), "--weights", w, "--point", "1,1", "--embedding", kept}, "the embedding belongs to another picture"},
		{[]string{in, "--weights", w, "--point", "1,1", "--embedding", other}, "not the embedding of a picture"},
		{[]string{in, "--weights", w, "--point", "1,1", "--everything"}, "everything"},
		{[]string{in, "--weights", w, "--everything", "--points-per-side", "0"}, "--points-per-side 0"},
		{[]string{in, "--weights", w, "--point", "1,1", "--cutout", "c.jpg"}, "c.jpg: want a name that ends in .png"},
	} {
		status, stdout, stderr := vertebra(append(append([]string{"sam"}, c.args...), "-o", out)...)
		if status != 1 || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("vertebra sam %v: status %d, %q, %q, want %q", c.args, status, stdout, stderr, c.want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
	if now, err := os.ReadFile(kept); err != nil || !slices.Equal(now, before) {
		t.Errorf("the embedding has changed: %v", err)
	}
}
