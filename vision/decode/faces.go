package decode

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/vertebra/vertebra/tensor"
)

// blazeface reads MediaPipe's face detectors, front (128×128) and back (256×256):
// scores [B, 896, 1] and offsets [B, 896, 16], each also in two parts of 512 and 384.
// There are 16×16 places with two anchors each, then 8×8 places with six. An anchor is
// the middle of its place. With an input of S pixels, the offsets
// (dx, dy, w, h, dx₀, dy₀, …) of the anchor at (x, y) are pixels:
//
//	centre (x+dx, y+dy)   size (w, h)   key point k (x+dxₖ, y+dyₖ)
//
// The six key points are the eyes, the nose, the mouth and the ears. A score is a
// sigmoid. Overlapping boxes are averaged (arXiv:1907.05047).
func blazeface(c *call) error {
	const boxes = 896
	scores, err := c.joined("scores", 1)
	if err != nil {
		return err
	}
	offsets, err := c.joined("offsets", 16)
	if err != nil {
		return err
	}
	if len(scores) != boxes || len(offsets) != 16*boxes {
		return fmt.Errorf("outputs %s, want scores [B, %d, 1] and offsets [B, %d, 16]", list(c.shapes()), boxes, boxes)
	}
	c.blend = true
	h, w := float32(c.o.Size[0]), float32(c.o.Size[1])
	for i, s := range scores {
		side, place := 16, i/2
		if i >= 512 {
			side, place = 8, (i-512)/6
		}
		x := (float32(place%side) + 0.5) / float32(side) * w
		y := (float32(place/side) + 0.5) / float32(side) * h
		d := offsets[i*16:][:16]
		var points []Point
		score := sigmoid(s)
		if c.enough(score) {
			for k := 4; k < 16; k += 2 {
				points = append(points, Point{x + d[k], y + d[k+1], 1})
			}
		}
		c.add(corners(x+d[0], y+d[1], d[2], d[3]), 0, score, points)
	}
	return nil
}

// joined joins the outputs [B, N, k], the largest first.
func (c *call) joined(role string, k int) ([]float32, error) {
	var parts []*tensor.Tensor
	for _, t := range c.outputs {
		if len(t.Shape) == 3 && t.Shape[2] == k {
			parts = append(parts, t)
		}
	}
	slices.SortFunc(parts, func(a, b *tensor.Tensor) int { return cmp.Compare(b.Shape[1], a.Shape[1]) })
	var all []float32
	for _, t := range parts {
		data, err := c.image(t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", role, err)
		}
		all = append(all, data...)
	}
	return all, nil
}

// yunet reads OpenCV's face detector. For each stride s of 8, 16 and 32 it has outputs
// cls_s and obj_s [B, N, 1], bbox_s [B, N, 4] and kps_s [B, N, 10]. For the cell in
// column u and row v of the grid with stride s,
//
//	score = √(cls·obj)   centre = (s·(u+x), s·(v+y))   size = (s·eʷ, s·eʰ)
//	key point k = (s·(u+xₖ), s·(v+yₖ))
//
// The five key points are the eyes, the nose and the corners of the mouth
// (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023).
func yunet(c *call) error {
	for _, s := range []int{8, 16, 32} {
		across := (c.o.Size[1] + s - 1) / s
		n := cells(c.o.Size, s)
		part := func(kind string, k int) ([]float32, error) {
			role := fmt.Sprintf("%s_%d", kind, s)
			t := c.outputs[cmp.Or(c.o.Roles[role], role)]
			if t == nil {
				return nil, fmt.Errorf("no output %s: there are %s", role, list(c.shapes()))
			}
			if len(t.Shape) != 3 || t.Shape[1] != n || t.Shape[2] != k {
				return nil, fmt.Errorf("%s: %v, want [B, %d, %d] for an input of %d×%d", role, t.Shape, n, k, c.o.Size[1], c.o.Size[0])
			}
			return c.image(t)
		}
		var all [4][]float32
		for i, kind := range []string{"cls", "obj", "bbox", "kps"} {
			var err error
			if all[i], err = part(kind, [...]int{1, 1, 4, 10}[i]); err != nil {
				return err
			}
		}
		for i := range n {
			u, v, f := float32(i%across), float32(i/across), float32(s)
			score := float32(math.Sqrt(float64(unit(all[0][i]) * unit(all[1][i]))))
			if !c.enough(score) {
				continue
			}
			var points []Point
			for k := 0; k < 10; k += 2 {
				p := all[3][i*10+k:]
				points = append(points, Point{f * (u + p[0]), f * (v + p[1]), 1})
			}
			b := all[2][i*4:]
			c.add(corners(f*(u+b[0]), f*(v+b[1]), f*exp(b[2]), f*exp(b[3])), 0, score, points)
		}
	}
	return nil
}

// unit limits x to 0…1.
func unit(x float32) float32 { return max(0, min(x, 1)) }
