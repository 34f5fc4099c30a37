package decode

import (
	"errors"
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// yolov5 reads rows [B, N, 5+C] of (x, y, w, h, object, class₀, class₁, …). (x, y) is the
// centre in pixels of the input. The score of class c is object·classᶜ, and a row is of
// its best class. Darknet's YOLO has the same scores (arXiv:1506.02640, equation 1).
func yolov5(c *call) error {
	data, n, k, err := c.matrix("boxes", "[B, N, 5+C]", func(_, k int) bool { return k > 5 })
	if err != nil {
		return err
	}
	c.classes = k - 5
	for i := range n {
		row := data[i*k:][:k]
		class, s := largest(row[5:])
		c.add(c.pixels(corners(row[0], row[1], row[2], row[3])), class, row[4]*s, nil)
	}
	return nil
}

// yolov8 reads [B, 4+C, N], or that with the last two dimensions exchanged. Column i is
// (x, y, w, h, class₀, class₁, …) with the centre in pixels of the input, and is of its
// best class. What follows the classes depends on the network: x, y and a score of each
// key point, or coefficients of the masks in a second output [B, M, h, w]. The mask of a
// box is sigmoid(Σₘ coefficientₘ·maskₘ) inside the box, as in YOLACT (arXiv:1904.02689).
func yolov8(c *call) error {
	data, rows, columns, err := c.matrix("boxes", "[B, 4+C, N]", func(k, n int) bool { return k > 4 || n > 4 })
	if err != nil {
		return err
	}
	n, k := columns, rows
	at := func(i, j int) float32 { return data[j*columns+i] }
	if all := cells(c.o.Size, 8, 16, 32); rows == all && columns != all {
		n, k = rows, columns
		at = func(i, j int) float32 { return data[i*columns+j] }
	}
	classes := k - 4 - 3*c.o.Points
	masks, err := c.masks()
	if err != nil {
		return err
	}
	if masks != nil {
		classes -= masks.Shape[0]
	}
	if classes < 1 {
		return fmt.Errorf("%d numbers for a box leave none for classes", k)
	}
	c.classes = classes
	one := make([]float32, classes)
	for i := range n {
		for j := range one {
			one[j] = at(i, 4+j)
		}
		class, s := largest(one)
		if !c.enough(s) {
			continue
		}
		var points []Point
		for p := range c.o.Points {
			j := 4 + classes + 3*p
			xy := c.pixels([4]float32{at(i, j), at(i, j+1)})
			points = append(points, Point{xy[0], xy[1], at(i, j+2)})
		}
		if c.add(c.pixels(corners(at(i, 0), at(i, 1), at(i, 2), at(i, 3))), class, s, points) {
			c.rows = append(c.rows, i)
		}
	}
	if masks != nil {
		c.finish = func(b []Box) {
			tensor.Parallel(len(b), func(i int) {
				b[i].Mask = c.mask(masks, b[i].Bounds, func(m int) float32 { return at(c.rows[i], k-masks.Shape[0]+m) })
			})
		}
	}
	return nil
}

// masks returns the masks [M, h, w] that coefficients add up, or nil if the network has
// none.
func (c *call) masks() (*tensor.Tensor, error) {
	fits := func(s tensor.Shape) bool { return len(s) == 4 && s[1] > 0 && s[2] > 0 && s[3] > 0 }
	if !c.has(fits) {
		return nil, nil
	}
	t, err := c.find("masks", "[B, M, h, w]", fits, "mask", "proto", "output1")
	if err != nil {
		return nil, err
	}
	data, err := c.image(t)
	if err != nil {
		return nil, err
	}
	return tensor.Of(data, t.Shape[1:]...), nil
}

// mask adds up the masks of one box.
func (c *call) mask(masks *tensor.Tensor, bounds [4]float32, coefficient func(m int) float32) *tensor.Tensor {
	m, h, w := masks.Shape[0], masks.Shape[1], masks.Shape[2]
	out := tensor.New(h, w)
	// A cell belongs to the box if its centre does.
	from := func(v float32, n, size int) int {
		return int(max(0, min(math.Ceil(float64(v)*float64(n)/float64(size)-0.5), float64(n))))
	}
	x0, x1 := from(bounds[0], w, c.o.Size[1]), from(bounds[2], w, c.o.Size[1])
	y0, y1 := from(bounds[1], h, c.o.Size[0]), from(bounds[3], h, c.o.Size[0])
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			var sum float64
			for i := range m {
				sum += float64(coefficient(i)) * float64(masks.Data[(i*h+y)*w+x])
			}
			out.Data[y*w+x] = sigmoid(float32(sum))
		}
	}
	return out
}

// yolov10 reads rows [B, N, 6] of (left, top, right, bottom, score, class) in pixels of
// the input. The network has selected them, so no box suppresses another
// (arXiv:2405.14458).
func yolov10(c *call) error {
	data, n, _, err := c.matrix("boxes", "[B, N, 6]", func(_, k int) bool { return k == 6 })
	if err != nil {
		return err
	}
	for i := range n {
		row := data[i*6:][:6]
		if !c.enough(row[4]) {
			continue // it may fill the output up, with any class
		}
		class := int(row[5])
		if float32(class) != row[5] || class < 0 {
			return errors.New("the sixth number of a row is no class; the decoder may be another")
		}
		c.add(c.pixels([4]float32(row[:4])), class, row[4], nil)
	}
	return nil
}

// yolox reads rows [B, N, 5+C] of (x, y, w, h, object, class₀, class₁, …) as YOLOX is
// exported by default (arXiv:2107.08430). Rows go over grids with strides 8, 16, 32 and,
// in large networks, 64. For the cell in column u and row v of the grid with stride s,
//
//	centre = (s·(u+x), s·(v+y))   size = (s·eʷ, s·eʰ)   score of class c = object·classᶜ
//
// A file that was exported with its decoding is a yolox_decoded.
func yolox(c *call) error {
	data, n, k, err := c.matrix("boxes", "[B, N, 5+C]", func(_, k int) bool { return k > 5 })
	if err != nil {
		return err
	}
	c.classes = k - 5
	strides := []int{8, 16, 32, 64}
	if n == cells(c.o.Size, 8, 16, 32) {
		strides = strides[:3]
	} else if n != cells(c.o.Size, strides...) {
		return fmt.Errorf("%d rows, and an input of %d×%d has %d cells", n, c.o.Size[1], c.o.Size[0], cells(c.o.Size, 8, 16, 32))
	}
	for _, s := range strides {
		across := (c.o.Size[1] + s - 1) / s
		for i := range cells(c.o.Size, s) {
			row := data[:k]
			data = data[k:]
			class, score := largest(row[5:])
			x, y := float32(s)*(float32(i%across)+row[0]), float32(s)*(float32(i/across)+row[1])
			c.add(corners(x, y, float32(s)*exp(row[2]), float32(s)*exp(row[3])), class, row[4]*score, nil)
		}
	}
	return nil
}

// yolonas reads boxes [B, N, 4] (left, top, right, bottom) in pixels of the input, and
// scores [B, N, C] without a background. A box is of its best class.
func yolonas(c *call) error {
	boxes, scores, classes, err := c.boxesAndScores("boxes", "scores")
	if err != nil {
		return err
	}
	c.classes = classes
	for i := range len(boxes) / 4 {
		class, s := largest(scores[i*classes:][:classes])
		c.add(c.pixels([4]float32(boxes[i*4:][:4])), class, s, nil)
	}
	return nil
}

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }
