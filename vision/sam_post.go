package vision

import (
	"math"
	"slices"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
)

// StabilityScore returns, for each mask of logits [.., H, W], the area over
// threshold+offset divided by the area over threshold−offset. It is near 1 if the mask
// hardly depends on the threshold, and NaN if both areas are empty.
func StabilityScore(logits *tensor.Tensor, threshold, offset float32) []float32 {
	high, low := picture.Masks(logits, threshold+offset), picture.Masks(logits, threshold-offset)
	scores := make([]float32, len(high))
	for i := range scores {
		scores[i] = float32(high[i].Area()) / float32(low[i].Area())
	}
	return scores
}

// PointGrid returns n × n points x, y, evenly spaced over the unit square, row by row.
func PointGrid(n int) [][2]float32 {
	points := make([][2]float32, 0, n*n)
	at := func(i int) float32 { return float32((2*float64(i) + 1) / (2 * float64(n))) }
	for y := range n {
		for x := range n {
			points = append(points, [2]float32{at(x), at(y)})
		}
	}
	return points
}

// CropBoxes returns the crops in which SAM looks for masks, as left, top, right,
// bottom, and the layer of each. Layer 0 is the whole picture, and layer i has
// 2^i × 2^i crops. Crops of layer 1 overlap by overlap times the picture's shorter
// side; each further layer halves that.
func CropBoxes(width, height, layers int, overlap float64) (boxes [][4]int, layer []int) {
	boxes, layer = [][4]int{{0, 0, width, height}}, []int{0}
	for l := 1; l <= layers; l++ {
		n := 1 << l
		over := int(overlap * float64(min(width, height)) * (2 / float64(n)))
		length := func(all int) int { return int(math.Ceil(float64(over*(n-1)+all) / float64(n))) }
		w, h := length(width), length(height)
		for i := range n {
			for j := range n {
				x, y := (w-over)*i, (h-over)*j
				boxes = append(boxes, [4]int{x, y, min(x+w, width), min(y+h, height)})
				layer = append(layer, l)
			}
		}
	}
	return boxes, layer
}

// NearCropEdge reports whether the crop may have cut an object: a side of box is
// within 20 pixels of the crop's side, but not of the picture's. All boxes are left,
// top, right, bottom in the picture.
func NearCropEdge(box [4]float32, crop, whole [4]int) bool {
	for i, v := range box {
		near := func(edge int) bool { return math.Abs(float64(v)-float64(edge)) <= 20 }
		if near(crop[i]) && !near(whole[i]) {
			return true
		}
	}
	return false
}

// UpscaleLogits is SAM's postprocess_masks. It resizes logits [n, H, W] to size×size,
// crops them to inside, the picture's height and width in the model's input, and
// resizes them to the picture's own height and width. Both resizes are bilinear.
func UpscaleLogits(low *tensor.Tensor, size int, inside, picture [2]int) *tensor.Tensor {
	n, h, w := low.Shape[0], low.Shape[1], low.Shape[2]
	down, across := bilinearTwice(h, size, inside[0], picture[0]), bilinearTwice(w, size, inside[1], picture[1])
	out := tensor.New(n, picture[0], picture[1])
	tensor.Parallel(n*picture[0], func(row int) {
		in, line := low.Data[row/picture[0]*h*w:][:h*w], make([]float64, w)
		for _, d := range down[row%picture[0]] {
			for x, v := range in[d.at*w:][:w] {
				line[x] += d.weight * float64(v)
			}
		}
		for x, taps := range across {
			sum := 0.0
			for _, a := range taps {
				sum += a.weight * line[a.at]
			}
			out.Data[row*picture[1]+x] = float32(sum)
		}
	})
	return out
}

// bilinearTap is an element and its weight.
type bilinearTap struct {
	at     int
	weight float64
}

// bilinearTwice returns the taps of each of out elements, for in elements that are
// resized to middle, cropped to cut and resized to out.
func bilinearTwice(in, middle, cut, out int) [][]bilinearTap {
	first, second := bilinear(in, middle), bilinear(cut, out)
	all := make([][]bilinearTap, out)
	for i, taps := range second {
		for _, t := range taps {
			for _, u := range first[t.at] {
				w := t.weight * u.weight
				if w == 0 {
					continue
				}
				k := slices.IndexFunc(all[i], func(have bilinearTap) bool { return have.at == u.at })
				if k < 0 {
					k, all[i] = len(all[i]), append(all[i], bilinearTap{at: u.at})
				}
				all[i][k].weight += w
			}
		}
	}
	return all
}

// bilinear returns the taps of each of out elements as in PyTorch's interpolate,
// which computes coordinates in float32.
func bilinear(in, out int) [][2]bilinearTap {
	step := float32(in) / float32(out)
	all := make([][2]bilinearTap, out)
	for i := range all {
		at := max(float32(float32(step*(float32(i)+0.5))-0.5), 0)
		k := min(int(at), in-1)
		t := min(float64(at)-float64(k), 1)
		all[i] = [2]bilinearTap{{k, 1 - t}, {min(k+1, in-1), t}}
	}
	return all
}
