package gpu

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// enlarger compiles ESPCN for grey pictures of height h and width w.
func enlarger(b *testing.B, d *Device, scale, h, w int) *Plan {
	b.Helper()
	net := models.NewESPCN(models.ESPCNConfig{Scale: scale})
	weights.Random(net, 1)
	g, err := models.Trace(net, 1, h, w, 1)
	if err != nil {
		b.Fatal(err)
	}
	p, err := d.Compile(g)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Close() })
	return p
}

// outputs makes tensors for a plan's results.
func outputs(b *testing.B, p *Plan) []*Tensor {
	b.Helper()
	t, err := p.NewOutputs()
	if err != nil {
		b.Fatal(err)
	}
	return t
}

// BenchmarkChain enlarges a picture by two and then again by two. Between the plans
// it stays on the device or goes through the host.
func BenchmarkChain(b *testing.B) {
	d, ctx := open(b), context.Background()
	const h, w = 48, 64
	first, second := enlarger(b, d, 2, h, w), enlarger(b, d, 2, 2*h, 2*w)
	picture := ramp(1, h, w, 1)
	b.Run("host", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mid, err := first.Run(ctx, picture)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := second.Run(ctx, mid...); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("device", func(b *testing.B) {
		x, err := d.Upload(picture)
		if err != nil {
			b.Fatal(err)
		}
		inputs, mid, y, out := []*Tensor{x}, outputs(b, first), outputs(b, second), tensor.New(1, 4*h, 4*w, 1)
		b.ReportAllocs()
		for b.Loop() {
			if err := x.Write(ctx, picture); err != nil {
				b.Fatal(err)
			}
			if _, err := first.Submit(ctx, mid, inputs); err != nil {
				b.Fatal(err)
			}
			if _, err := second.Submit(ctx, y, mid); err != nil {
				b.Fatal(err)
			}
			if err := y[0].Read(ctx, out); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFrames enlarges 100 frames by three: with Run; with Submit and the same
// tensors for all frames; and in two lanes, one of which writes and reads its frame
// while the other computes.
func BenchmarkFrames(b *testing.B) {
	d, ctx := open(b), context.Background()
	const frames, h, w = 100, 48, 64
	p := enlarger(b, d, 3, h, w)
	frame := ramp(1, h, w, 1)
	b.Run("run", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for range frames {
				if _, err := p.Run(ctx, frame); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	// lane enlarges n frames in its own tensors.
	lane := func(n int, x *Tensor, y []*Tensor, out *tensor.Tensor) error {
		inputs := []*Tensor{x}
		for range n {
			if err := x.Write(ctx, frame); err != nil {
				return err
			}
			if _, err := p.Submit(ctx, y, inputs); err != nil {
				return err
			}
			if err := y[0].Read(ctx, out); err != nil {
				return err
			}
		}
		return nil
	}
	for _, lanes := range []int{1, 2} {
		b.Run(fmt.Sprint("submit/lanes=", lanes), func(b *testing.B) {
			var x []*Tensor
			var y [][]*Tensor
			var out []*tensor.Tensor
			for range lanes {
				t, err := d.Upload(frame)
				if err != nil {
					b.Fatal(err)
				}
				x, y, out = append(x, t), append(y, outputs(b, p)), append(out, tensor.New(1, 3*h, 3*w, 1))
			}
			b.ReportAllocs()
			for b.Loop() {
				var all sync.WaitGroup
				for i := range lanes {
					all.Go(func() {
						if err := lane(frames/lanes, x[i], y[i], out[i]); err != nil {
							b.Error(err)
						}
					})
				}
				all.Wait()
			}
		})
	}
}
