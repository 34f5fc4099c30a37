package vision

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// disc is an alpha channel with a soft edge.
func disc(side int) *picture.Image {
	alpha := picture.New(side, side, 1)
	for i := range alpha.Pix {
		x, y := float64(i%side)-float64(side)/2+0.3, float64(i/side)-float64(side)/2+0.7
		alpha.Pix[i] = uint8(max(0, min(255, 60*(float64(side)/3-math.Hypot(x, y)))))
	}
	return alpha
}

// hidden returns m with other colours where it cannot be seen.
func hidden(m, alpha *picture.Image, color func(i int) uint8) *picture.Image {
	out := *m
	out.Pix = slices.Clone(m.Pix)
	for i := range out.Pix {
		if alpha.Pix[i/m.Channels] == 0 {
			out.Pix[i] = color(i)
		}
	}
	return &out
}

// visible returns the largest difference of colours between pictures where they can be
// seen.
func visible(t *testing.T, a, b image.Image) int {
	t.Helper()
	if a.Bounds() != b.Bounds() {
		t.Fatalf("sizes are %v and %v", a.Bounds(), b.Bounds())
	}
	worst, seen := 0, 0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			p, q := color.NRGBAModel.Convert(a.At(x, y)).(color.NRGBA), color.NRGBAModel.Convert(b.At(x, y)).(color.NRGBA)
			if p.A != q.A {
				t.Fatalf("alpha of (%d, %d) is %d and %d", x, y, p.A, q.A)
			}
			if p.A == 0 {
				continue
			}
			seen++
			for _, d := range []int{int(p.R) - int(q.R), int(p.G) - int(q.G), int(p.B) - int(q.B)} {
				worst = max(worst, d, -d)
			}
		}
	}
	if seen == 0 {
		t.Fatal("nothing can be seen")
	}
	return worst
}

// TestHiddenColours enlarges pictures that differ where they cannot be seen. What can be
// seen is the same, with any tiles, and for a network of luminance and one of colours.
func TestHiddenColours(t *testing.T) {
	wide := wideESPCN()
	alpha := disc(48)
	for name, u := range map[string]Upscaler{
		"luminance": {Scale: 3, Run: evaluated(t, 3)},
		"colours":   {Scale: 2, Channels: 3, Halo: wide.Halo(), Run: evaluate(wide)},
	} {
		for _, channels := range []int{1, 3} {
			m := pattern(48, 48, channels)
			black := enlarge(t, u, hidden(m, alpha, func(int) uint8 { return 0 }), alpha)
			tiled := u
			tiled.Tile = [2]int{20, 24}
			for what, got := range map[string]image.Image{
				"noise": enlarge(t, u, hidden(m, alpha, func(i int) uint8 { return uint8(i * i >> 3) }), alpha),
				"white": enlarge(t, u, hidden(m, alpha, func(int) uint8 { return 255 }), alpha),
				"tiles": enlarge(t, tiled, hidden(m, alpha, func(int) uint8 { return 0 }), alpha),
			} {
				if d := visible(t, got, black); d != 0 {
					t.Errorf("%s, %d channels: %s under transparency makes a difference of %d", name, channels, what, d)
				}
			}
		}
	}
}

// TestRims enlarges a disc of one colour with a soft edge, from all kinds of files. It
// keeps its colour, and a background shows through as much as alpha says.
func TestRims(t *testing.T) {
	const side = 48
	alpha := disc(side)
	red := color.NRGBA{230, 60, 40, 255}
	bounds := image.Rect(0, 0, side, side)
	rgba, deep := image.NewNRGBA(bounds), image.NewNRGBA64(bounds)
	index := image.NewPaletted(bounds, color.Palette{color.NRGBA{}, red, color.NRGBA{230, 60, 40, 100}})
	whole := image.NewPaletted(bounds, color.Palette{color.RGBA{}, red})
	filled := image.NewNRGBA(bounds)
	for i, a := range alpha.Pix {
		x, y := i%side, i/side
		filled.SetNRGBA(x, y, color.NRGBA{230, 60, 40, a})
		if a == 0 {
			continue
		}
		rgba.SetNRGBA(x, y, color.NRGBA{230, 60, 40, a})
		deep.SetNRGBA64(x, y, color.NRGBA64{230 * 257, 60 * 257, 40 * 257, uint16(a) * 257})
		if index.Pix[i] = 1; a < 128 {
			index.Pix[i] = 2
		}
		whole.Pix[i] = 1
	}
	file := func(encode func(io.Writer, image.Image) error, m image.Image) Input {
		var b bytes.Buffer
		if err := encode(&b, m); err != nil {
			t.Fatal(err)
		}
		return Reader("disc", &b)
	}
	m := opened(t, zoo.ESPCN(3), Options{Device: "cpu"})
	for name, in := range map[string]Input{
		"RGBA":    file(png.Encode, rgba),
		"16 bits": file(png.Encode, deep),
		"palette": file(png.Encode, index),
		"GIF":     file(func(w io.Writer, m image.Image) error { return gif.Encode(w, m, nil) }, whole),
		"memory":  Image("disc", rgba),
	} {
		_, got := upscaled(t, m, in)
		flat := image.NewUniform(red)
		for y := range 3 * side {
			for x := range 3 * side {
				p, w := color.NRGBAModel.Convert(got.At(x, y)).(color.NRGBA), flat.C.(color.NRGBA)
				for _, d := range []int{int(p.R) - int(w.R), int(p.G) - int(w.G), int(p.B) - int(w.B)} {
					if p.A > 0 && (d < -2 || d > 2) {
						t.Fatalf("%s: (%d, %d) is %v", name, x, y, p)
					}
				}
			}
		}
	}
	_, ours := upscaled(t, m, Image("disc", rgba))
	_, want := upscaled(t, m, Image("disc", filled))
	if d := visible(t, ours, want); d != 0 {
		t.Errorf("colour under transparency makes a difference of %d", d)
	}
	for _, background := range []color.Color{nil, color.NRGBA{20, 200, 90, 255}} {
		for _, format := range []string{"png", "jpeg"} {
			if format == "png" && background == nil {
				continue
			}
			var b bytes.Buffer
			if _, err := m.Upscale(context.Background(), UpscaleOptions{Format: format, Background: background}, Image("disc", rgba), &b); err != nil {
				t.Fatal(err)
			}
			got, err := picture.Decode(&b)
			if err != nil {
				t.Fatal(err)
			}
			below := color.NRGBA{255, 255, 255, 255}
			if background != nil {
				below = background.(color.NRGBA)
			}
			total := 0
			for i := range 9 * side * side {
				p := color.NRGBAModel.Convert(ours.At(i%(3*side), i/(3*side))).(color.NRGBA)
				for c, v := range []uint8{p.R, p.G, p.B} {
					w := (int(v)*int(p.A) + int([]uint8{below.R, below.G, below.B}[c])*(255-int(p.A)) + 127) / 255
					d := int(got.Pix[3*i+c]) - w
					total += max(d, -d)
					if format == "png" && d != 0 {
						t.Fatalf("%s on %v: pixel %d differs by %d", format, background, i, d)
					}
				}
			}
			if mean := float64(total) / float64(len(got.Pix)); mean > 3 {
				t.Errorf("%s on %v: differs by %.2f", format, background, mean)
			}
		}
	}
}
