package decode

import "sort"

// IoU returns area(a∩b) / area(a∪b) of two boxes (left, top, right, bottom).
func IoU(a, b [4]float32) float32 {
	area := func(b [4]float32) float32 { return (b[2] - b[0]) * (b[3] - b[1]) }
	w := max(0, min(a[2], b[2])-max(a[0], b[0]))
	h := max(0, min(a[3], b[3])-max(a[1], b[1]))
	return w * h / (area(a) + area(b) - w*h)
}

// NMS is non-maximum suppression. It goes through the boxes from the highest score
// down, and drops those whose IoU with a better box is over threshold. It returns the
// numbers of the others, the best first and at most most; boxes with equal scores keep
// their order. This is torchvision's nms. If categories is not nil, it is batched_nms:
// a box only suppresses boxes of its own category. A most of 0 means all.
func NMS(boxes [][4]float32, scores []float32, categories []int, threshold float64, most int) []int {
	order := make([]int, len(boxes))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return scores[order[i]] > scores[order[j]] })
	var keep []int
	for _, j := range order {
		if most > 0 && len(keep) == most {
			break
		}
		gone := false
		for _, i := range keep {
			if (categories == nil || categories[i] == categories[j]) && float64(IoU(boxes[i], boxes[j])) > threshold {
				gone = true
				break
			}
		}
		if !gone {
			keep = append(keep, j)
		}
	}
	return keep
}

// blended averages box i of the found ones with those that overlap it, weighted by their
// scores: the mean of each coordinate is Σ score·coordinate / Σ score. The score stays.
// BlazeFace calls this blending (arXiv:1907.05047, section 4.1).
func (c *call) blended(i int) Box {
	out := c.found[i]
	out.Points = append([]Point{}, out.Points...)
	var sum float64
	var bounds [4]float64
	points := make([][2]float64, len(out.Points))
	for _, b := range c.found {
		if b.Class != out.Class || !(float64(IoU(b.Bounds, out.Bounds)) > c.iou) {
			continue
		}
		w := float64(b.Score)
		sum += w
		for k, v := range b.Bounds {
			bounds[k] += w * float64(v)
		}
		for k, p := range b.Points {
			points[k][0] += w * float64(p.X)
			points[k][1] += w * float64(p.Y)
		}
	}
	if sum == 0 {
		return out
	}
	for k := range bounds {
		out.Bounds[k] = float32(bounds[k] / sum)
	}
	for k := range points {
		out.Points[k].X, out.Points[k].Y = float32(points[k][0]/sum), float32(points[k][1]/sum)
	}
	return out
}
