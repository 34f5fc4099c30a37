package vision

import (
	"context"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/onnx/cases"
)

// TestTextReal reads three lines, upright and upside down, with PaddleOCR's networks in the
// folder that VERTEBRA_ONNX names. Of their characters the test knows those in the picture.
func TestTextReal(t *testing.T) {
	root := os.Getenv("VERTEBRA_ONNX")
	if root == "" {
		return
	}
	model := func(name string) string { return filepath.Join(root, "real", name, "model.onnx") }
	characters := make([]string, 6623)
	for i := range characters {
		characters[i] = "<" + strconv.Itoa(i+1) + ">"
	}
	for c, class := range map[string]int{
		",": 34, ".": 466, "1": 93, "2": 25, "3": 94, "4": 632, "5": 631, "6": 933, "7": 29, "E": 4381, "G": 5128, "N": 3589, "O": 4741, "P": 1310, "R": 5127, "U": 4497,
		"a": 4544, "b": 3463, "e": 3332, "i": 3538, "n": 4547, "o": 4245, "r": 1958, "s": 1033, "t": 3333, "u": 1034, "v": 4922, "x": 2993, "X": 5200, "y": 4546,
	} {
		characters[class-1] = c
	}
	list, err := cases.Arrays(filepath.Join(root, "real", "ppocr_v4_det_ch", "test_data_set_0"), "input")
	if err != nil {
		t.Fatal(err)
	}
	const h, w = 160, 480
	m, turned := image.NewNRGBA(image.Rect(0, 0, w, h)), image.NewNRGBA(image.Rect(0, 0, w, h))
	mean, std := [3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}
	for i := range h * w {
		sample := func(c int) uint8 { return uint8(math.Round(255 * (list[0].At(c*h*w+i)*std[c] + mean[c]))) }
		paint := color.NRGBA{sample(2), sample(1), sample(0), 255}
		m.Set(i%w, i/w, paint)
		turned.Set(w-1-i%w, h-1-i/w, paint)
	}
	r, err := OpenText(TextOptions{Find: model("ppocr_v4_det_ch"), Read: model("ppocr_v4_rec_ch"), Turn: model("ppocr_v2_cls"), Characters: characters, Model: Options{Batch: 3}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for name, m := range map[string]image.Image{"upright": m, "turned": turned} {
		text, err := r.Text(context.Background(), Image(name, m))
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, l := range text.Lines {
			lines = append(lines, strings.ToLower(strings.ReplaceAll(l.Text, " ", "")))
			if tall := math.Hypot(float64(l.Corners[0][0]-l.Corners[3][0]), float64(l.Corners[0][1]-l.Corners[3][1])); tall < 20 || tall > 40 {
				t.Errorf("%s: the line %q is %v pixels high", name, l.Text, tall)
			}
			if left := l.Corners[0][0] < l.Corners[1][0]; left != (name == "upright") {
				t.Errorf("%s: the line %q begins at %v", name, l.Text, l.Corners[0])
			}
		}
		want := "vertebrarunsonnx|onanygpu,ingo|12,345.67eur"
		if name == "turned" {
			want = "12,345.67eur|onanygpu,ingo|vertebrarunsonnx"
		}
		if got := strings.Join(lines, "|"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if _, err := OpenText(TextOptions{Find: model("ppocr_v4_det_ch"), Read: model("ppocr_v4_rec_ch"), Model: Options{On: r.Device()}}); err == nil || !strings.Contains(err.Error(), "does not say which characters") {
		t.Errorf("without characters: %v", err)
	}
}
