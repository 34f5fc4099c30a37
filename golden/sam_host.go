package golden

import (
	"fmt"
	"slices"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/decode"
	"github.com/vertebra/vertebra/vision/picture"
)

// samHost builds the parts of SAM that process masks, boxes and points on the host.
func samHost(s sub) (Case, error) {
	var a struct {
		Area          int
		Mode          string
		Changed       bool
		IoU           float64 `json:"iou_threshold"`
		MaskThreshold float32 `json:"mask_threshold"`
		Offset        float32
		N             int
		Size, Out     [2]int // height and width
		Layers        int
		Overlap       float64
		Target        int
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	if a.N < 0 || a.N > 1<<10 || a.Layers < 0 || a.Layers > 8 || max(a.Size[0], a.Size[1], a.Target) > 1<<16 || min(a.Size[0], a.Size[1], a.Target) < 0 {
		return Case{}, fmt.Errorf("n %d, layers %d, size %v, target %d", a.N, a.Layers, a.Size, a.Target)
	}
	switch s.Kind {
	case "batched_mask_to_box":
		masks := s.masks()
		return host([]*tensor.Tensor{s.out("box_xyxy")}, func() ([]*tensor.Tensor, error) {
			var boxes []int
			for _, m := range masks {
				b := m.Box()
				boxes = append(boxes, b[:]...)
			}
			return []*tensor.Tensor{ints(boxes, -1, 4)}, nil
		})
	case "stability_score":
		logits := s.in("logits")
		if len(logits.Shape) < 2 || len(logits.Data) == 0 {
			return Case{}, fmt.Errorf("logits are %v, want [.., H, W]", logits.Shape)
		}
		return host([]*tensor.Tensor{s.out("score")}, func() ([]*tensor.Tensor, error) {
			scores := vision.StabilityScore(logits, a.MaskThreshold, a.Offset)
			return []*tensor.Tensor{tensor.Of(scores, len(scores))}, nil
		})
	case "rle":
		m := s.masks()[0]
		area := named("area", ints([]int{a.Area}, 1))
		return host([]*tensor.Tensor{s.out("counts"), area, named("decoded", s.in("mask"))}, func() ([]*tensor.Tensor, error) {
			rle := m.RLE()
			back, err := rle.Mask()
			if err != nil {
				return nil, err
			}
			return []*tensor.Tensor{ints(rle.Counts, -1), ints([]int{rle.Area()}, 1), on(back)}, nil
		})
	case "remove_small_regions":
		m := s.masks()[0]
		return host([]*tensor.Tensor{s.out("mask")}, func() ([]*tensor.Tensor, error) {
			remove := m.FillHoles
			if a.Mode == "islands" {
				remove = m.DropIslands
			}
			out, changed := remove(a.Area)
			if changed != a.Changed {
				return nil, fmt.Errorf("changed is %v", changed)
			}
			return []*tensor.Tensor{on(out)}, nil
		})
	case "nms":
		t, scores := s.ranked("input", "boxes", 2), s.in("scores").Data
		if t.Shape[1] != 4 || len(scores) != t.Shape[0] {
			return Case{}, fmt.Errorf("boxes are %v, with %d scores", t.Shape, len(scores))
		}
		boxes, iou := rows4(t), s.ranked("output", "iou", 2)
		if n := len(boxes); !iou.Shape.Equal(tensor.Shape{n, n}) {
			return Case{}, fmt.Errorf("iou is %v for %d boxes", iou.Shape, n)
		}
		return host([]*tensor.Tensor{s.out("keep"), iou}, func() ([]*tensor.Tensor, error) {
			iou := tensor.New(len(boxes), len(boxes))
			for i := range iou.Data {
				iou.Data[i] = decode.IoU(boxes[i/len(boxes)], boxes[i%len(boxes)])
			}
			return []*tensor.Tensor{ints(decode.NMS(boxes, scores, nil, a.IoU, 0), -1), iou}, nil
		})
	case "point_grid":
		return host([]*tensor.Tensor{s.out("points")}, func() ([]*tensor.Tensor, error) {
			t := tensor.New(a.N*a.N, 2)
			for i, p := range vision.PointGrid(a.N) {
				copy(t.Data[2*i:], p[:])
			}
			return []*tensor.Tensor{t}, nil
		})
	case "crop_boxes":
		return host([]*tensor.Tensor{s.out("boxes"), s.out("layer")}, func() ([]*tensor.Tensor, error) {
			boxes, layer := vision.CropBoxes(a.Size[1], a.Size[0], a.Layers, a.Overlap)
			var flat []int
			for _, b := range boxes {
				flat = append(flat, b[:]...)
			}
			return []*tensor.Tensor{ints(flat, -1, 4), ints(layer, -1)}, nil
		})
	case "resize_longest":
		size, t := named("size", ints(a.Out[:], 2)), s.in("coords")
		if n := len(t.Shape); n == 0 || t.Shape[n-1] != 2 || min(a.Size[0], a.Size[1]) < 1 {
			return Case{}, fmt.Errorf("coords are %v in a picture of %v", t.Shape, a.Size)
		}
		return host([]*tensor.Tensor{s.out("coords"), size}, func() ([]*tensor.Tensor, error) {
			w, h := picture.LongestSide(a.Size[1], a.Size[0], a.Target)
			at := picture.Scale(float32(w)/float32(a.Size[1]), float32(h)/float32(a.Size[0]))
			t := &tensor.Tensor{Shape: t.Shape, Data: slices.Clone(t.Data)}
			for i := 0; i < len(t.Data); i += 2 {
				t.Data[i], t.Data[i+1] = at.Point(t.Data[i], t.Data[i+1])
			}
			return []*tensor.Tensor{t, ints([]int{h, w}, 2)}, nil
		})
	}
	return Case{}, fmt.Errorf("kind %q is unknown", s.Kind)
}

// masks returns the masks of the input "mask", [.., H, W].
func (s sub) masks() []*picture.Mask {
	t := s.in("mask")
	if len(t.Shape) < 2 || len(t.Data) == 0 {
		panic(missing{fmt.Errorf("mask is %v, want [.., H, W]", t.Shape)})
	}
	return picture.Masks(t, 0.5)
}

// host makes a case that runs without a graph. The file is closed by then, so the
// caller reads its tensors before.
func host(want []*tensor.Tensor, run func() ([]*tensor.Tensor, error)) (Case, error) {
	return Case{Host: run, Want: want}, nil
}

// ints makes a tensor of integers and infers an extent of -1.
func ints(v []int, shape ...int) *tensor.Tensor {
	t := tensor.New(len(v))
	for i, n := range v {
		t.Data[i] = float32(n)
	}
	if shape[0] < 0 {
		shape[0] = len(v) / tensor.Shape(shape[1:]).Len()
	}
	return t.Reshape(shape...)
}

// on returns a mask as zeros and ones.
func on(m *picture.Mask) *tensor.Tensor {
	t := tensor.New(m.Height, m.Width)
	for i, on := range m.On {
		if on {
			t.Data[i] = 1
		}
	}
	return t
}

// rows4 reads boxes [N, 4].
func rows4(t *tensor.Tensor) [][4]float32 {
	rows := make([][4]float32, t.Shape[0])
	for i := range rows {
		copy(rows[i][:], t.Data[4*i:])
	}
	return rows
}
