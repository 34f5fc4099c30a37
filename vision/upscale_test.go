package vision

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// evaluated runs ESPCN in plain Go, on inputs of any size.
func evaluated(t testing.TB, scale int) func(context.Context, *tensor.Tensor) (*tensor.Tensor, error) {
	m := models.NewESPCN(models.ESPCNConfig{Scale: scale})
	src, err := zoo.ESPCNWeights(scale)
	if err != nil {
		t.Fatal(err)
	}
	if err := weights.Bind(m, src); err != nil {
		t.Fatal(err)
	}
	return evaluate(m)
}

// evaluate runs a network with one output in plain Go.
func evaluate(m models.Network) func(context.Context, *tensor.Tensor) (*tensor.Tensor, error) {
	graphs := map[[2]int]*graph.Graph{}
	return func(ctx context.Context, y *tensor.Tensor) (*tensor.Tensor, error) {
		size := [2]int{y.Shape[1], y.Shape[2]}
		if graphs[size] == nil {
			g, err := models.Trace(m, y.Shape...)
			if err != nil {
				return nil, err
			}
			graphs[size] = g
		}
		out, err := graphs[size].Eval(ctx, y)
		if err != nil {
			return nil, err
		}
		return out[0], nil
	}
}

// pattern is a picture with detail everywhere.
func pattern(w, h, channels int) *picture.Image {
	m := picture.New(w, h, channels)
	for i := range m.Pix {
		x, y := i/channels%w, i/channels/w
		m.Pix[i] = uint8(128 + 90*math.Sin(float64(x*x+3*y)/9) + 30*math.Cos(float64(y*y-x)/5+float64(i%channels)))
	}
	return m
}

func enlarge(t *testing.T, u Upscaler, m, alpha *picture.Image) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := u.Write(context.Background(), &b, "png", &picture.Photo{Image: m, Alpha: alpha}); err != nil {
		t.Fatal(err)
	}
	out, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// same fails at the first pixel in which pictures differ.
func same(t *testing.T, got, want image.Image) {
	t.Helper()
	if got.Bounds() != want.Bounds() {
		t.Fatalf("size is %v, want %v", got.Bounds(), want.Bounds())
	}
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			if got.At(x, y) != want.At(x, y) {
				t.Fatalf("pixel (%d, %d) is %v, want %v", x, y, got.At(x, y), want.At(x, y))
			}
		}
	}
}

// TestTiledEqualsUntiled compares tiles at all kinds of places with the whole picture.
func TestTiledEqualsUntiled(t *testing.T) {
	run := evaluated(t, 2)
	for _, size := range [][2]int{{1, 1}, {1, 37}, {41, 1}, {2, 3}, {12, 12}, {13, 12}, {23, 29}, {31, 19}} {
		w, h := size[0], size[1]
		m, alpha := pattern(w, h, 3), pattern(w, h, 1)
		whole := enlarge(t, Upscaler{Scale: 2, Tile: [2]int{h, w}, Run: run}, m, alpha)
		for _, tile := range [][2]int{{9, 9}, {12, 12}, {10, 16}, {16, 40}} {
			tile = [2]int{min(tile[0], h), min(tile[1], w)}
			calls := 0
			u := Upscaler{Scale: 2, Tile: tile, Run: run, Progress: func(done, total int) {
				if calls++; done != calls || done > total {
					t.Errorf("%d of %d after %d tiles", done, total, calls)
				}
			}}
			same(t, enlarge(t, u, m, alpha), whole)
		}
	}
}

// TestColorNetwork compares tiles with the whole picture, for an RGB network with
// wider kernels than the paper's. The network turns a grey picture into a coloured one.
func TestColorNetwork(t *testing.T) {
	net := wideESPCN()
	u := Upscaler{Scale: 2, Channels: 3, Halo: net.Halo(), Run: evaluate(net)}
	if u.Halo != 3+1+1 {
		t.Fatalf("the halo is %d", u.Halo)
	}
	for _, m := range []*picture.Image{pattern(29, 23, 3), pattern(23, 19, 1)} {
		alpha := pattern(m.Width, m.Height, 1)
		whole := enlarge(t, u, m, alpha)
		tiled := u
		tiled.Tile = [2]int{13, 17}
		same(t, enlarge(t, tiled, m, alpha), whole)
		x, err := u.Run(context.Background(), scaled(m.RGB()))
		if err != nil {
			t.Fatal(err)
		}
		want, err := picture.FromTensor(x, 255)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range picture.From(whole).Pix {
			if d := int(v) - int(want.Pix[i]); d < -1 || d > 1 {
				t.Fatalf("%v: sample %d is %d, the network says %d", m, i, v, want.Pix[i])
			}
		}
	}
}

// wideESPCN is a small RGB network with random weights.
func wideESPCN() *models.ESPCN {
	net := models.NewESPCN(models.ESPCNConfig{Scale: 2, Channels: 3, Widths: [2]int{6, 5}})
	net.Conv1 = layers.NewConv2d(3, 6, graph.Both(7), graph.Conv2d{Pad: graph.Both(3)})
	net.Act = graph.ReLU
	weights.Random(net, 1)
	return net
}

// scaled returns a picture's samples in 0…1.
func scaled(m *picture.Image) *tensor.Tensor {
	x := m.Tensor()
	for i := range x.Data {
		x.Data[i] /= 255
	}
	return x
}

// TestSpans checks that tiles cover a picture in order and without gaps, lie inside
// the picture, and overlap by at least the halo.
func TestSpans(t *testing.T) {
	for n := 1; n < 60; n++ {
		for most := 9; most < 40; most++ {
			const halo = 4
			size := evenly(n, most, halo)
			if len(spans(n, size, halo)) > len(spans(n, max(most-tileGrid, 9), halo)) || size > most {
				t.Fatalf("%d in tiles of at most %d: of %d", n, most, size)
			}
			at := 0
			for _, s := range spans(n, size, halo) {
				end := s.start + min(size, n)
				if s.from != at || s.to <= s.from || s.start < 0 || end > n ||
					s.start > 0 && s.from-s.start < halo || end < n && end-s.to < halo {
					t.Fatalf("%d in tiles of %d: %v", n, size, spans(n, size, halo))
				}
				if most >= 16 && s.start%tileGrid != 0 {
					t.Fatalf("%d in tiles of %d: one begins at %d", n, size, s.start)
				}
				at = s.to
			}
			if at != n {
				t.Fatalf("%d in tiles of %d: covered to %d", n, size, at)
			}
		}
	}
}

func TestTileSize(t *testing.T) {
	for _, c := range []struct {
		width, height, scale int
		want                 [2]int
	}{
		{1, 1, 2, [2]int{1, 1}},
		{256, 256, 3, [2]int{256, 256}},
		{451, 300, 3, [2]int{156, 231}},
		{10000, 10000, 3, [2]int{252, 252}},
		{100000, 1000, 4, [2]int{32, 2008}},
	} {
		u := Upscaler{Scale: c.scale, Halo: 4}
		if got := u.tileSize(c.width, c.height, 0); got != c.want {
			t.Errorf("%v: %v", c, got)
		}
	}
}

// TestFlatPictures checks that a picture of one colour keeps it, that a grey picture
// stays grey, and that Cb and Cr stay the same.
func TestFlatPictures(t *testing.T) {
	// A network that repeats pixels.
	repeat := func(_ context.Context, y *tensor.Tensor) (*tensor.Tensor, error) {
		h, w := y.Shape[1], y.Shape[2]
		out := tensor.New(1, 3*h, 3*w, 1)
		for i := range out.Data {
			out.Data[i] = y.Data[i/(3*w)/3*w+i%(3*w)/3]
		}
		return out, nil
	}
	m, alpha := picture.New(20, 10, 3), picture.New(20, 10, 1)
	for i := range m.Pix {
		m.Pix[i] = []uint8{200, 30, 90}[i%3]
	}
	for i := range alpha.Pix {
		alpha.Pix[i] = 77
	}
	u := Upscaler{Scale: 3, Tile: [2]int{10, 12}, Run: repeat}
	out := enlarge(t, u, m, alpha)
	if out.Bounds() != image.Rect(0, 0, 60, 30) || out.At(0, 0) != (color.NRGBA{200, 30, 90, 77}) || out.At(59, 29) != (color.NRGBA{200, 30, 90, 77}) {
		t.Errorf("%v: %v, %v", out.Bounds(), out.At(0, 0), out.At(59, 29))
	}
	grey := enlarge(t, u, alpha, nil)
	if g, ok := grey.(*image.Gray); !ok || g.GrayAt(5, 5).Y != 77 {
		t.Errorf("grey: %T, %v", grey, grey.At(5, 5))
	}
	var b bytes.Buffer
	if err := u.Write(context.Background(), &b, "jpeg", &picture.Photo{Image: m, Alpha: alpha}); err != nil {
		t.Fatal(err)
	}
	back, err := picture.Decode(&b)
	if err != nil || back.Width != 60 || back.Height != 30 {
		t.Fatalf("jpeg: %v, %v", back, err)
	}
	for c, want := range []int{238, 187, 205} { // on white
		if d := int(back.Pix[300+c]) - want; d < -3 || d > 3 {
			t.Errorf("jpeg on white: %v", back.Pix[300:303])
		}
	}
}

func TestUpscaleEnds(t *testing.T) {
	m := picture.New(40, 40, 3)
	ctx, cancel := context.WithCancel(context.Background())
	broken := errors.New("broken")
	u := Upscaler{Scale: 2, Tile: [2]int{10, 10}, Run: func(context.Context, *tensor.Tensor) (*tensor.Tensor, error) {
		return nil, broken
	}}
	if err := u.Write(ctx, io.Discard, "png", &picture.Photo{Image: m}); err != broken {
		t.Errorf("a network that fails: %v", err)
	}
	asked := 0
	e := newEnlarged(ctx, u.defaults(m), m, nil)
	err := e.encode(func() error {
		for range 3 {
			asked++
			e.At(0, 0)
		}
		return nil
	})
	if err != broken || asked != 1 {
		t.Errorf("an encoder asked for %d pixels after the first had failed: %v", asked-1, err)
	}
	cancel()
	if err := u.Write(ctx, io.Discard, "jpeg", &picture.Photo{Image: m}); err != context.Canceled {
		t.Errorf("ended context: %v", err)
	}
	if err := u.Write(context.Background(), io.Discard, "jpeg", &picture.Photo{Image: picture.New(40000, 1, 1)}); err == nil {
		t.Error("a JPEG of 80000 pixels was written")
	}
}
