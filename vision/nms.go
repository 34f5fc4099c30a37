package vision

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
// numbers of the others, the best first; boxes with equal scores keep their order.
// This is torchvision's nms. If categories is not nil, it is batched_nms: a box only
// suppresses boxes of its own category.
func NMS(boxes [][4]float32, scores []float32, categories []int, threshold float64) []int {
	order := make([]int, len(boxes))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return scores[order[i]] > scores[order[j]] })
	var keep []int
	gone := make([]bool, len(boxes))
	for n, i := range order {
		if gone[i] {
			continue
		}
		keep = append(keep, i)
		for _, j := range order[n+1:] {
			if (categories == nil || categories[i] == categories[j]) && float64(IoU(boxes[i], boxes[j])) > threshold {
				gone[j] = true
			}
		}
	}
	return keep
}
