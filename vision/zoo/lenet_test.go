package zoo

import (
	"compress/gzip"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/weights"
)

// lenet returns the model "lenet" with its weights.
func lenet(t *testing.T) (Model, models.Network) {
	t.Helper()
	e, err := Lookup("lenet")
	if err != nil {
		t.Fatal(err)
	}
	src, err := e.Weights()
	if err != nil {
		t.Fatal(err)
	}
	m := e.New()
	if err := weights.Bind(m, src); err != nil {
		t.Fatal(err)
	}
	return e, m
}

// classes returns the classes that a model gives to pictures.
func classes(t *testing.T, e Model, m models.Network, pictures ...*picture.Image) []int {
	t.Helper()
	var x *tensor.Tensor
	for i, p := range pictures {
		one, _, err := e.Preprocess.Apply(p)
		if err != nil {
			t.Fatal(err)
		}
		if x == nil {
			x = tensor.New(append([]int{len(pictures)}, one.Shape[1:]...)...)
		}
		copy(x.Data[i*one.Shape.Len():], one.Data)
	}
	g, err := models.Trace(m, x.Shape...)
	if err != nil {
		t.Fatal(err)
	}
	y, err := g.Eval(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	n := y[0].Shape[1]
	out := make([]int, len(pictures))
	for i := range out {
		row := y[0].Data[i*n : (i+1)*n]
		for c := range row {
			if row[c] > row[out[i]] {
				out[i] = c
			}
		}
	}
	return out
}

// heldOut returns digits of MNIST that lenet_train does not train on, and their classes.
// It returns none if VERTEBRA_DATA names no folder, as in a plain clone.
func heldOut(t *testing.T) (digits []*picture.Image, want []int) {
	t.Helper()
	data := os.Getenv("VERTEBRA_DATA")
	if data == "" {
		return nil, nil
	}
	read := func(name string, header int) []byte {
		f, err := os.Open(filepath.Join(data, "mnist", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return all[header:]
	}
	pixels, labels := read("t10k-images-idx3-ubyte.gz", 16), read("t10k-labels-idx1-ubyte.gz", 8)
	for i := 4; i < len(labels); i += 5 {
		digits = append(digits, &picture.Image{Width: 28, Height: 28, Channels: 1, Pix: pixels[i*784 : (i+1)*784]})
		want = append(want, int(labels[i]))
	}
	if len(digits) != 2000 {
		t.Fatalf("%d digits are held out, want 2000", len(digits))
	}
	return digits, want
}

// accurate checks the share of digits that are classified correctly.
func accurate(t *testing.T, digits []*picture.Image, want []int, least float64) {
	t.Helper()
	if len(digits) == 0 {
		return
	}
	e, m := lenet(t)
	right := 0
	for i, class := range classes(t, e, m, digits...) {
		if class == want[i] {
			right++
		}
	}
	accuracy := float64(right) / float64(len(want))
	t.Logf("%d of %d digits never trained on, %.2f %%", right, len(want), 100*accuracy)
	if accuracy < least {
		t.Errorf("accuracy %v, want %v", accuracy, least)
	}
}

func TestLeNetAccuracy(t *testing.T) {
	digits, want := heldOut(t)
	accurate(t, digits, want, 0.975)
}

// TestLeNetPhotos puts dark digits at random places on light paper with uneven light and
// noise.
func TestLeNetPhotos(t *testing.T) {
	digits, want := heldOut(t)
	const width, height, side = 500, 400, 200
	random := rand.New(rand.NewPCG(1, 2))
	var photos []*picture.Image
	for _, d := range digits[:len(digits)/10] {
		d = d.Resize(side, side, picture.Bicubic)
		m := picture.New(width, height, 1)
		left, top := random.IntN(width-side), random.IntN(height-side)
		for i := range m.Pix {
			x, y := i%width, i/width
			v := 190 + x/25 + random.IntN(25) - 12
			if u, w := x-left, y-top; u >= 0 && w >= 0 && u < side && w < side {
				v -= int(d.Pix[w*side+u]) * 6 / 10
			}
			m.Pix[i] = uint8(v)
		}
		photos = append(photos, m)
	}
	accurate(t, photos, want[:len(photos)], 0.95)
}

// TestDigits classifies drawn digits: small and large, in a corner, dark on light and
// light on dark, with specks.
func TestDigits(t *testing.T) {
	e, m := lenet(t)
	draw := func(width, height, pen, ground, ink int, lines ...[4]int) *picture.Image {
		out := picture.New(width, height, 1)
		for i := range out.Pix {
			out.Pix[i] = uint8(ground + (i*7919)%9 - 4)
		}
		out.Pix[width*3+4] = uint8(ink)
		for _, l := range lines {
			for k := range 1000 {
				x, y := l[0]+(l[2]-l[0])*k/1000, l[1]+(l[3]-l[1])*k/1000
				for v := max(y-pen, 0); v <= min(y+pen, height-1); v++ {
					for u := max(x-pen, 0); u <= min(x+pen, width-1); u++ {
						out.Pix[v*width+u] = uint8(ink)
					}
				}
			}
		}
		return out
	}
	one := [][4]int{{300, 40, 300, 240}}
	seven := [][4]int{{60, 60, 180, 60}, {180, 60, 110, 260}}
	four := [][4]int{{120, 300, 100, 420}, {100, 420, 200, 420}, {190, 320, 180, 540}}
	got := classes(t, e, m,
		draw(400, 300, 9, 220, 20, one...),
		draw(400, 300, 9, 220, 20, seven...),
		draw(640, 640, 10, 30, 240, four...),
		draw(640, 640, 10, 180, 90, four...))
	want := []int{1, 7, 4, 4}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("picture %d is taken for %d, want %d", i, got[i], want[i])
		}
	}
}
