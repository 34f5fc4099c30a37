package vision_test

import (
	"context"
	"errors"
	"testing"

	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
)

// TestNoPicture classifies inputs without a picture. Each is an InputError, and the
// other pictures keep their results.
func TestNoPicture(t *testing.T) {
	m, err := vision.Open("lenet", vision.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	empty := vision.Input{Name: "empty", Read: func() (*picture.Image, error) { return nil, nil }}
	good := vision.File("picture/testdata/grey.jpg")
	var wrong, right int
	for r, err := range m.Classify(context.Background(), vision.Input{}, vision.Image("nothing", nil), good, empty, vision.Reader("none", nil)) {
		var one *vision.InputError
		switch {
		case err == nil && r.Name == good.Name:
			right++
		case errors.As(err, &one):
			wrong++
		default:
			t.Errorf("%v, %v", r, err)
		}
	}
	if wrong != 4 || right != 1 {
		t.Errorf("%d errors and %d results, want 4 and 1", wrong, right)
	}
	espcn, err := vision.Open("espcn_x2", vision.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer espcn.Close()
	for _, in := range []vision.Input{{}, empty, vision.Image("nothing", nil), vision.Reader("none", nil)} {
		var one *vision.InputError
		if _, err := espcn.Upscale(context.Background(), vision.UpscaleOptions{}, in, nil); !errors.As(err, &one) {
			t.Errorf("upscale %q: %v", in.Name, err)
		}
	}
}
