package vision

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
)

// TestProof gives the results of a device that is right, and of some that are wrong, to the
// comparison with plain Go. Pictures have their contrast in each of the corners.
func TestProof(t *testing.T) {
	ctx := context.Background()
	for i, size := range [][2]int{{40, 40}, {40, 40}, {40, 40}, {40, 40}, {5, 40}, {3, 2}} {
		m := opened(t, zoo.ESPCN(2), Options{})
		u, err := m.upscaler(size[1], size[0], 0)
		if err != nil {
			t.Fatal(err)
		}
		x := tensor.New(1, size[0], size[1], 1)
		top, left := i/2%2*(size[0]/2), i%2*(size[1]/2)
		for k := range x.Data {
			if r, c := k/size[1], k%size[1]; r >= top && c >= left {
				x.Data[k] = float32(k*k%97) / 97
			}
		}
		out, err := m.Run(ctx, x)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.prove(ctx, u, x, out[0]).wait(ctx); err != nil {
			t.Errorf("%v: %v", size, err)
		}
		if m.prove(ctx, u, x, out[0]) != nil {
			t.Errorf("%v: compared twice", size)
		}
		for name, change := range map[string]func(float32) float32{
			"black": func(float32) float32 { return 0 },
			"dim":   func(v float32) float32 { return 0.98 * v },
		} {
			wrong := tensor.New(out[0].Shape...)
			for k, v := range out[0].Data {
				wrong.Data[k] = change(v)
			}
			m.proving.Store(false)
			err := m.prove(ctx, u, x, wrong).wait(ctx)
			var driver *DriverError
			if !errors.As(err, &driver) || !strings.Contains(err.Error(), m.Device().GPU().Info().Name) {
				t.Errorf("%v, %s: %v", size, name, err)
			}
		}
	}
}
