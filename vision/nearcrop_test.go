package vision

import (
	"fmt"
	"testing"
)

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
