package decode

import (
	"slices"
	"testing"
)

func TestNMS(t *testing.T) {
	boxes := [][4]float32{{0, 0, 10, 10}, {1, 0, 11, 10}, {20, 0, 30, 10}, {0, 0, 10, 10}}
	scores := []float32{0.5, 0.9, 0.1, 0.5}
	for _, c := range []struct {
		categories []int
		threshold  float64
		most       int
		want       []int
	}{
		{nil, 0.5, 0, []int{1, 2}},
		{nil, 0.9, 0, []int{1, 0, 2}},
		{nil, 0.9, 2, []int{1, 0}},
		{[]int{0, 1, 0, 0}, 0.5, 0, []int{1, 0, 2}},
	} {
		if got := NMS(boxes, scores, c.categories, c.threshold, c.most); !slices.Equal(got, c.want) {
			t.Errorf("%v, %v: kept %v, want %v", c.categories, c.threshold, got, c.want)
		}
	}
	if got := NMS(nil, nil, nil, 0.5, 0); len(got) != 0 {
		t.Errorf("of no boxes kept %v", got)
	}
}
