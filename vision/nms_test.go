package vision

import (
	"fmt"
	"slices"
	"testing"
)

func TestNMS(t *testing.T) {
	boxes := [][4]float32{{0, 0, 10, 10}, {1, 0, 11, 10}, {20, 0, 30, 10}, {0, 0, 10, 10}}
	scores := []float32{0.5, 0.9, 0.1, 0.5}
	for _, c := range []struct {
		categories []int
		threshold  float64
		want       []int
	}{
		{nil, 0.5, []int{1, 2}},
		{nil, 0.9, []int{1, 0, 2}},
		{[]int{0, 1, 0, 0}, 0.5, []int{1, 0, 2}},
	} {
		if got := NMS(boxes, scores, c.categories, c.threshold); !slices.Equal(got, c.want) {
			t.Errorf("%v, %v: kept %v, want %v", c.categories, c.threshold, got, c.want)
		}
	}
	if got := NMS(nil, nil, nil, 0.5); len(got) != 0 {
		t.Errorf("of no boxes kept %v", got)
	}
}

func TestNearCropEdge(t *testing.T) {
	crop, picture := [4]int{100, 0, 300, 200}, [4]int{0, 0, 400, 200}
	for box, want := range map[[4]float32]bool{
		{150, 50, 250, 150}: false,
		{115, 50, 250, 150}: true,
		{150, 5, 250, 195}:  false, // the picture's own edges
		{150, 50, 281, 150}: true,
	} {
		if got := NearCropEdge(box, crop, picture); got != want {
			t.Error(fmt.Sprint(box, got))
		}
	}
}
