package decode

import (
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// TestCOCO names classes by how many a network has: those that COCO's numbers give to a zebra
// and a toothbrush.
func TestCOCO(t *testing.T) {
	for _, c := range []struct {
		f                 Found
		zebra, toothbrush int // 0 for no names
	}{
		{Found{Classes: 80}, 22, 79}, {Found{Classes: 81, Background: true}, 23, 80},
		{Found{Classes: 91, Background: true}, 24, 90}, {Found{Classes: 91}, 24, 90},
		{Found{Classes: 81}, 0, 0}, {Found{Classes: 80, Background: true}, 0, 0}, {Found{}, 0, 0}, {Found{Classes: 20}, 0, 0},
	} {
		names := c.f.COCO()
		switch {
		case c.zebra == 0 && names != nil:
			t.Errorf("%+v: %d names", c.f, len(names))
		case c.zebra != 0 && (len(names) != c.f.Classes || names[c.zebra] != "zebra" || names[c.toothbrush] != "toothbrush"):
			t.Errorf("%+v: %q", c.f, names)
		}
	}
	outputs := map[string]*tensor.Tensor{"boxes": tensor.New(1, 2, 4), "scores": tensor.New(1, 2, 91)}
	if f, err := Find("ssd", outputs, Options{Size: [2]int{8, 8}}); err != nil || f.Classes != 91 || !f.Background {
		t.Errorf("%+v, %v", f, err)
	}
	outputs = map[string]*tensor.Tensor{"y": tensor.New(1, 84, 84)}
	if f, err := Find("yolov8", outputs, Options{Size: [2]int{64, 64}}); err != nil || f.Classes != 80 || f.Background {
		t.Errorf("%+v, %v", f, err)
	}
}
