package decode

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// Guess returns the decoder of a network's outputs if their names and shapes prove it.
// size is the height and width of the input. Otherwise the error lists the decoders.
func Guess(outputs map[string]tensor.Shape, size [2]int) (string, error) {
	if min(size[0], size[1]) > 0 {
		for _, p := range proofs() {
			if p.holds(outputs, size) {
				return p.name, nil
			}
		}
	}
	var all []string
	for _, d := range decoders() {
		all = append(all, fmt.Sprintf("%s (%s)", d.name, d.shapes))
	}
	return "", fmt.Errorf("decode: nothing proves how to decode %s for an input of %d×%d; name the decoder: %s",
		list(outputs), size[1], size[0], strings.Join(all, ", "))
}

// proof says when outputs can only be a decoder's.
type proof struct {
	name  string
	holds func(outputs map[string]tensor.Shape, size [2]int) bool
}

func proofs() []proof {
	return []proof{
		{"yunet", func(outputs map[string]tensor.Shape, size [2]int) bool {
			return len(outputs) == 12 && named(outputs, "cls_8", "obj_8", "bbox_8", "kps_8", "cls_32", "kps_32")
		}},
		{"blazeface", func(outputs map[string]tensor.Shape, size [2]int) bool {
			return matrices(outputs, 896, 1, 896, 16) || matrices(outputs, 512, 1, 384, 1, 512, 16, 384, 16)
		}},
		{"ultraface", func(outputs map[string]tensor.Shape, size [2]int) bool {
			n := 3*cells(size, 8, 64) + 2*cells(size, 16, 32)
			return matrices(outputs, n, 2, n, 4)
		}},
		{"tf", func(outputs map[string]tensor.Shape, size [2]int) bool {
			return named(outputs, "detection_boxes", "detection_scores", "detection_classes")
		}},
		{"selected", func(outputs map[string]tensor.Shape, size [2]int) bool {
			return len(outputs) == 3 && named(outputs, "boxes", "labels", "scores") && len(outputs["labels"]) == len(outputs["scores"])
		}},
		{"detr", func(outputs map[string]tensor.Shape, size [2]int) bool { // COCO's 91 numbers, and no object
			return matrices(outputs, 100, 92, 100, 4)
		}},
		{"rtdetr", func(outputs map[string]tensor.Shape, size [2]int) bool { // COCO's 80 classes or 91 numbers
			return matrices(outputs, 300, 80, 300, 4) || matrices(outputs, 300, 91, 300, 4)
		}},
		{"yolov5", func(outputs map[string]tensor.Shape, size [2]int) bool {
			_, s, ok := only(outputs)
			return ok && s[2] > 5 && (s[1] == 3*cells(size, 8, 16, 32) || s[1] == 3*cells(size, 8, 16, 32, 64))
		}},
		{"yolov8", func(outputs map[string]tensor.Shape, size [2]int) bool {
			// 56 numbers are 52 classes, or one class with 17 key points; 20 are 16 classes, or
			// 15 with an angle.
			n, s, ok := only(outputs)
			return ok && s[2] == cells(size, 8, 16, 32) && s[1] > 4 && s[1] < s[2] && (n > 1 || s[1] != 56 && s[1] != 20)
		}},
		{"yolov10", func(outputs map[string]tensor.Shape, size [2]int) bool {
			_, s, ok := only(outputs)
			return ok && len(outputs) == 1 && s[1] == 300 && s[2] == 6
		}},
	}
}

// named reports whether there are outputs with these names. tf2onnx appends ":0" to a name.
func named(outputs map[string]tensor.Shape, names ...string) bool {
	for _, name := range names {
		_, plain := outputs[name]
		_, zero := outputs[name+":0"]
		if !plain && !zero {
			return false
		}
	}
	return true
}

// matrices reports whether the outputs are [B, n, k] for these n and k, and no others.
func matrices(outputs map[string]tensor.Shape, nk ...int) bool {
	var have, want [][2]int
	for _, s := range outputs {
		if len(s) != 3 {
			return false
		}
		have = append(have, [2]int{s[1], s[2]})
	}
	for i := 0; i < len(nk); i += 2 {
		want = append(want, [2]int{nk[i], nk[i+1]})
	}
	order := func(a, b [2]int) int { return slices.Compare(a[:], b[:]) }
	slices.SortFunc(have, order)
	slices.SortFunc(want, order)
	return slices.Equal(have, want)
}

// only returns the only output of three dimensions, and how many outputs there are.
func only(outputs map[string]tensor.Shape) (n int, s tensor.Shape, ok bool) {
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		if len(outputs[name]) == 3 {
			if s != nil {
				return 0, nil, false
			}
			s = outputs[name]
		}
	}
	return len(outputs), s, s != nil
}
