package bench

import (
	"fmt"
	"math"
	"testing"
)

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		most float64
		want string
	}{
		{12880, "[0 5000 10000 15000]"},
		{200, "[0 50 100 150 200]"},
		{173, "[0 50 100 150 200]"},
		{1.01, "[0 0.5 1 1.5]"},
		{0.9, "[0 0.2 0.4 0.6 0.8 1]"},
		{0.5, "[0 0.1 0.2 0.3 0.4 0.5]"},
		{7e9, "[0 2e+09 4e+09 6e+09 8e+09]"},
		{0, "[0 1]"},
		{math.Inf(1), "[0 1]"},
		{math.NaN(), "[0 1]"},
	} {
		if got := fmt.Sprint(ticks(c.most)); got != c.want {
			t.Errorf("up to %g: %s, want %s", c.most, got, c.want)
		}
	}
	for most := 1e-6; most < 1e12; most *= 1.037 {
		if got := ticks(most); len(got) < 4 || len(got) > 6 || got[len(got)-1] < most || got[len(got)-2] >= most {
			t.Errorf("up to %g: %v", most, got)
		}
	}
}
