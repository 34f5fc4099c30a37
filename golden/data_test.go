package golden_test

import (
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
)

// photoCase makes a reference file with two results for the part 60,30,460,230 of a
// picture, which the file names.
func photoCase(t *testing.T, name string) (file string, photo *picture.Image) {
	t.Helper()
	photo, err := picture.Load("testdata/chelsea.png")
	if err != nil {
		t.Fatal(err)
	}
	part := picture.New(391, 200, 3)
	for y := range part.Height {
		copy(part.Pix[y*3*391:(y+1)*3*391], photo.Pix[((30+y)*photo.Width+60)*3:])
	}
	a := &altered{tensors: map[string]*stored{}}
	a.metadata = map[string]string{"model": "op:preprocess_photo", "config": `{"image": "` + name + ` (60,30,451,230)", "size_wh": [391, 200]}`}
	short := part.Resize(195, 100, picture.Bilinear)
	shortened := tensor.Of(short.Tensor().Data, 100, 195, 3)
	a.set("output/bilinear_100_50/resized", shortened)
	row := part.Resize(64, 33, picture.Bilinear)
	a.set("output/sam_64/row_7", tensor.Of(row.Tensor().Data[7*64*3:][:64*3], 64, 3))
	return a.write(t), photo
}

// TestData looks for a picture in all places where Load looks.
func TestData(t *testing.T) {
	for name, place := range map[string]string{
		"beside the file":               "cases/chelsea.png",
		"beside its folder":             "chelsea.png",
		"in data beside its folder":     "data/chelsea.png",
		"in a folder of data":           "data/images/chelsea.png",
		"in a folder that is given":     "elsewhere/chelsea.png",
		"in a folder of one given":      "elsewhere/photos/chelsea.png",
		"by a longer end of its path":   "elsewhere/shared/images/chelsea.png",
		"in the second that is given":   "more/chelsea.png",
		"in data of one given":          "more/data/images/chelsea.png",
		"by its path beside the folder": "images/chelsea.png",
	} {
		root := t.TempDir()
		file, _ := photoCase(t, "../shared/images/chelsea.png")
		moved := filepath.Join(root, "cases", "photo.safetensors")
		for path, from := range map[string]string{moved: file, filepath.Join(root, place): "testdata/chelsea.png"} {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			link(t, from, path)
		}
		cases, err := golden.Load(moved, filepath.Join(root, "elsewhere"), filepath.Join(root, "more"))
		if err != nil || len(cases) != 1 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		check(t, cases[0])
	}
	file, _ := photoCase(t, "cat.png")
	given := t.TempDir()
	_, err := golden.Load(file, given)
	for _, want := range []string{"cat.png is not there", given, filepath.Dir(file), filepath.Join(filepath.Dir(file), "..", "data")} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestPart expects errors for parts outside the picture.
func TestPart(t *testing.T) {
	for name, want := range map[string]string{
		"chelsea.png (60,30,452,230)": "outside the 451×300 pixels",
		"chelsea.png (60,30,60,230)":  "the part is empty",
		"chelsea.png (60,30,451,231)": "has 391×201 pixels, but size_wh says 391×200",
		"chelsea.png(60,30,451)":      "is not there",
	} {
		file, _ := photoCase(t, "chelsea.png")
		a := alter(t, file)
		a.config(t, map[string]any{"image": name})
		path := a.write(t)
		link(t, "testdata/chelsea.png", filepath.Join(filepath.Dir(path), "chelsea.png"))
		if _, err := golden.Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// savePNG writes a picture.
func savePNG(t *testing.T, path string, m *picture.Image) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, m.Image()); err != nil {
		t.Fatal(err)
	}
}

// TestPictureElsewhere expects that a case of SAM reads the picture that its metadata
// name.
func TestPictureElsewhere(t *testing.T) {
	a := alter(t, "testdata/sam_amg.safetensors")
	s := a.tensors["input/image"]
	m := picture.New(s.shape[1]+3, s.shape[0]+2, 3) // the case uses a part of it
	for y := range s.shape[0] {
		copy(m.Pix[((y+2)*m.Width+3)*3:], s.data[y*s.shape[1]*3:(y+1)*s.shape[1]*3])
	}
	a.drop("input/image")
	a.config(t, map[string]any{"image": "photo.png (3,2,93,63)"})
	path := a.write(t)
	savePNG(t, filepath.Join(filepath.Dir(path), "photo.png"), m)
	cases, err := golden.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	check(t, cases[0])
}
