package vision

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vertebra/vertebra/onnx/cases"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// TestAlpha enlarges values of an input to the size of pictures that were scaled or
// cropped, as probabilities, as logits and stretched.
func TestAlpha(t *testing.T) {
	size := [2]int{2, 4}
	at := picture.Identity()
	for _, c := range []struct {
		name          string
		values        []float32 // [1, 2], half as large as the input
		o             MatteOptions
		at            picture.Transform
		width, height int
		want          []uint8
	}{
		{"probabilities", []float32{0, 1}, MatteOptions{}, at, 4, 2, []uint8{0, 64, 191, 255, 0, 64, 191, 255}},
		{"a larger picture", []float32{0, 1}, MatteOptions{}, picture.Scale(0.5, 1), 8, 1, []uint8{0, 0, 32, 96, 159, 223, 255, 255}},
		{"a picture beside the input", []float32{1, 1}, MatteOptions{}, picture.Shift(-2, 0), 4, 1, []uint8{0, 0, 255, 255}},
		{"logits", []float32{-99, 99}, MatteOptions{}, at, 4, 1, []uint8{0, 64, 191, 255}},
		{"probabilities that pass 0 and 1 by a little", []float32{-1e-4, 1.0001}, MatteOptions{}, at, 4, 1, []uint8{0, 64, 191, 255}},
		{"stretched", []float32{0.25, 0.5}, MatteOptions{Stretch: true}, at, 4, 1, []uint8{0, 64, 191, 255}},
		{"stretched, all the same", []float32{0.2, 0.2}, MatteOptions{Stretch: true}, at, 4, 1, []uint8{51, 51, 51, 51}},
	} {
		if got := alpha(c.values, 1, 2, c.o, size, c.at, c.width, c.height); !slices.Equal(got.Pix, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got.Pix, c.want)
		}
	}
}

// TestMatteReal cuts a person out with a trained network in the folder that VERTEBRA_ONNX
// names. The transparency is what ONNX Runtime computed.
func TestMatteReal(t *testing.T) {
	root := os.Getenv("VERTEBRA_ONNX")
	if root == "" {
		return
	}
	const folder, width, height = "selfie_segmentation_144x256", 256, 144
	family, err := LookupMatteFamily("selfie")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(filepath.Join(root, "real", folder, "model.onnx"), Options{ONNX: zoo.ONNXOptions{Task: zoo.Segment, Usual: family.Input}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	want, err := cases.Arrays(filepath.Join(root, "real", folder, "test_data_set_0"), "output")
	if err != nil {
		t.Fatal(err)
	}
	in := pictureIn(t, folder, false, false, width, height, 0, 1)
	for r, err := range m.Matte(context.Background(), family.Options, Image("it", in)) {
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range r.Alpha.Pix {
			if w := 255 * want[0].At(i); math.Abs(float64(a)-w) > 1 {
				t.Fatalf("pixel %d is %d, want %v", i, a, w)
			}
		}
	}
}

func TestMatteFamilies(t *testing.T) {
	for _, f := range MatteFamilies() {
		if got, err := LookupMatteFamily(f.Name); err != nil || got.Input.Size != f.Input.Size || got.Input.Size == (zoo.Size{}) {
			t.Errorf("%s: %+v, %v", f.Name, got, err)
		}
	}
	if _, err := LookupMatteFamily("u3net"); err == nil || err.Error() != `no family "u3net"; there are u2net, isnet, modnet, birefnet, selfie` {
		t.Error(err)
	}
}

// TestObjectMask maps the cells of a mask to the pixels of a picture that was scaled, inside
// the object's box.
func TestObjectMask(t *testing.T) {
	grid := tensor.Of([]float32{1, 1, 0, 0}, 1, 4)
	o := Object{Box: [4]float32{1, 0, 8, 1}, cells: &maskCells{grid, picture.Scale(2, 2), [2]int{4, 16}, 8, 2}}
	got := o.Mask()
	want := []bool{false, true, true, true, false, false, false, false, false, true, true, true, false, false, false, false}
	if !slices.Equal(got.On, want) {
		t.Errorf("%v, want %v", got.On, want)
	}
	if (Object{}).Mask() != nil {
		t.Error("an object without a mask has one")
	}
}

func TestNamesIn(t *testing.T) {
	for text, want := range map[string][]string{
		`{0: 'person', 1: "driver's seat", 2: 'it\'s'}`: {"person", "driver's seat", "it's"},
		`{1: 'person'}`: nil,
		``:              nil,
	} {
		if got := namesIn(text); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
