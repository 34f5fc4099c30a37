package decode

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// ssd reads boxes [B, N, 4] (left, top, right, bottom) as shares of the input's size, and
// scores [B, N, 1+C]. Class 0 is the background. Each other class has its own boxes
// (arXiv:1512.02325). If a row of scores does not add up to one, its softmax is taken.
func ssd(c *call) error {
	boxes, scores, classes, err := c.boxesAndScores("boxes", "scores")
	if err != nil {
		return err
	}
	return c.perClass(boxes, scores, classes, 0)
}

// ultraface is ssd with one class, the face, which is class 0 of the result.
func ultraface(c *call) error {
	boxes, scores, classes, err := c.boxesAndScores("boxes", "scores")
	if err != nil {
		return err
	}
	if classes != 2 {
		return fmt.Errorf("scores of %d classes, want background and face", classes)
	}
	return c.perClass(boxes, scores, classes, -1)
}

// perClass adds a box for each class but the background. It adds shift to the class.
func (c *call) perClass(boxes, scores []float32, classes, shift int) error {
	if classes < 2 {
		return fmt.Errorf("scores of %d classes, the first of which is the background", classes)
	}
	c.classes, c.background = classes+shift, shift == 0
	logits := !sumToOne(scores, classes)
	p := make([]float32, classes)
	for i := range len(boxes) / 4 {
		copy(p, scores[i*classes:][:classes])
		if logits {
			softmax(p)
		}
		for k := 1; k < classes; k++ {
			c.add(c.scaled([4]float32(boxes[i*4:][:4])), k+shift, p[k], nil)
		}
	}
	return nil
}

// ssdPriors reads offsets [B, N, 4], scores as ssd does, and priors [N, 4] or [1, N, 4]:
// (x, y, w, h) as shares of the input's size, with (x, y) the centre. Offsets
// (dx, dy, dw, dh) give
//
//	centre (x + 0.1·dx·w, y + 0.1·dy·h)   size (w·exp(0.2·dw), h·exp(0.2·dh))
//
// where 0.1 and 0.2 are the variances of SSD.
func ssdPriors(c *call) error {
	fits := func(s tensor.Shape) bool { return len(s) == 2 && s[1] == 4 || len(s) == 3 && s[0] == 1 && s[2] == 4 }
	t, err := c.find("priors", "[N, 4]", fits, "prior", "anchor")
	if err != nil {
		return err
	}
	priors := t.Data
	offsets, scores, classes, err := c.boxesAndScores("offsets", "scores")
	if err != nil {
		return err
	}
	if len(priors) != len(offsets) {
		return fmt.Errorf("%d priors for %d offsets", len(priors)/4, len(offsets)/4)
	}
	boxes := make([]float32, len(offsets))
	for i := 0; i < len(boxes); i += 4 {
		p, d := priors[i:i+4], offsets[i:i+4]
		box := corners(p[0]+0.1*d[0]*p[2], p[1]+0.1*d[1]*p[3], p[2]*exp(0.2*d[2]), p[3]*exp(0.2*d[3]))
		copy(boxes[i:], box[:])
	}
	return c.perClass(boxes, scores, classes, 0)
}

// tensorflow reads the results of TensorFlow's detection API: boxes [B, N, 4]
// (top, left, bottom, right) as shares of the input's size, scores and classes [B, N],
// and how many of the rows count, [B]. The network has suppressed boxes.
func tensorflow(c *call) error {
	b, s, classes, err := c.selection("detection_box", "detection_score", "detection_class")
	if err != nil {
		return err
	}
	n := len(s)
	count := func(s tensor.Shape) bool { return len(s) == 1 || len(s) == 2 && s[1] == 1 }
	if _, named := c.o.Roles["count"]; named || c.has(count) {
		t, err := c.find("count", "[B]", count, "num_detections", "count")
		if err != nil {
			return err
		}
		data, err := c.image(t)
		if err != nil {
			return err
		}
		if !(data[0] >= 0 && data[0] <= float32(n)) {
			return fmt.Errorf("%v detections of %d", data[0], n)
		}
		n = int(data[0])
	}
	for i := range n {
		box := b[i*4:][:4]
		if err := c.pick(c.scaled([4]float32{box[1], box[0], box[3], box[2]}), classes[i], s[i]); err != nil {
			return err
		}
	}
	return nil
}

// selected reads boxes [B, N, 4] (left, top, right, bottom) in pixels of the input, and
// their labels and scores [B, N], all of them also without B. The network has selected
// them. torchvision's detectors give this, and RT-DETR with its post-processing.
func selected(c *call) error {
	b, s, labels, err := c.selection("box", "score", "label", "class")
	if err != nil {
		return err
	}
	for i := range s {
		if err := c.pick(c.pixels([4]float32(b[i*4:][:4])), labels[i], s[i]); err != nil {
			return err
		}
	}
	return nil
}

// pick adds a box whose class is a number in an output. Rows that fill an output up have a
// low score and any class.
func (c *call) pick(box [4]float32, class, score float32) error {
	if !c.enough(score) {
		return nil
	}
	if !(class >= 0) || class != float32(math.Trunc(float64(class))) || class > 1<<24 {
		return fmt.Errorf("class %v", class)
	}
	c.add(box, int(class), score, nil)
	return nil
}

// selection finds boxes [B, N, 4], scores [B, N] and labels [B, N], or all without B.
func (c *call) selection(box, score string, label ...string) (b, s, l []float32, err error) {
	t, err := c.find("boxes", "[B, N, 4] or [N, 4]", func(s tensor.Shape) bool { return (len(s) == 2 || len(s) == 3) && s[len(s)-1] == 4 }, box)
	if err != nil {
		return nil, nil, nil, err
	}
	rank := len(t.Shape) - 1
	n := t.Shape[rank-1]
	fits := func(s tensor.Shape) bool { return len(s) == rank && s[rank-1] == n }
	scores, err := c.find("scores", fmt.Sprint("a number for each of the boxes ", t.Shape), fits, score)
	if err != nil {
		return nil, nil, nil, err
	}
	labels, err := c.find("labels", fmt.Sprint("a class for each of the boxes ", t.Shape), fits, label...)
	if err != nil {
		return nil, nil, nil, err
	}
	parts := [][]float32{t.Data, scores.Data, labels.Data}
	if rank == 1 {
		if c.o.Image > 0 {
			return nil, nil, nil, fmt.Errorf("image %d of boxes %v", c.o.Image, t.Shape)
		}
		return parts[0], parts[1], parts[2], nil
	}
	for i, t := range []*tensor.Tensor{t, scores, labels} {
		if parts[i], err = c.image(t); err != nil {
			return nil, nil, nil, err
		}
	}
	return parts[0], parts[1], parts[2], nil
}

// sumToOne reports whether all rows of k scores are probabilities that add up to one.
func sumToOne(scores []float32, k int) bool {
	for i := 0; i < len(scores); i += k {
		var sum float64
		for _, p := range scores[i : i+k] {
			if p < 0 {
				return false
			}
			sum += float64(p)
		}
		if math.Abs(sum-1) > 1e-2 {
			return false
		}
	}
	return true
}

// softmax replaces xᵢ by exp(xᵢ) / Σⱼ exp(xⱼ).
func softmax(x []float32) {
	_, most := largest(x)
	var sum float64
	for _, v := range x {
		sum += math.Exp(float64(v - most))
	}
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v-most)) / sum)
	}
}
