package tensor

import (
	"math"
	"testing"
)

func TestFinite(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		data []float64
		want bool
	}{
		{nil, true}, {[]float64{0, -1, math.MaxFloat32, -math.MaxFloat32}, true},
		{[]float64{1, math.NaN()}, false}, {[]float64{inf, 1}, false}, {[]float64{1, -inf}, false},
	} {
		x := New(len(c.data))
		for i, v := range c.data {
			x.Data[i] = float32(v)
		}
		if got := x.Finite(); got != c.want {
			t.Errorf("%v is finite: %v", c.data, got)
		}
	}
}
