package vision

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// FrameOptions describe the frames of a video.
type FrameOptions struct {
	Width, Height int // of a frame, in pixels
	Tile          int // see UpscaleOptions

	// Progress, if it is not nil, is called after each frame.
	Progress func(frames int)
}

// UpscaleFrames enlarges the frames of a video, each as Upscale does. A frame has three
// bytes for each pixel: red, green and blue. next fills a frame, and returns io.EOF after
// the last. use gets the enlarged frames in their order, and may keep none of the memory.
//
// Several tiles are in flight: the device computes, while next reads a later frame and
// use writes an earlier one. Both are called by one goroutine each.
func (m *Model) UpscaleFrames(ctx context.Context, o FrameOptions, next, use func(rgb []byte) error) error {
	if o.Width < 1 || o.Height < 1 {
		return fmt.Errorf("vision: frames of %d×%d pixels", o.Width, o.Height)
	}
	if _, err := m.Factor(); err != nil {
		return err
	}
	u, x, _, err := m.upscalerFor(o.Width, o.Height, o.Tile)
	if err != nil {
		return err
	}
	blank := picture.New(o.Width, o.Height, 3)
	if err := u.check("png", blank, nil); err != nil {
		return err
	}
	_, file := m.Network.(*zoo.ONNX)
	k, err := m.plans.get(ctx, planKey(x, file, nil), m.compile(file, nil, x))
	if err != nil {
		return err
	}
	defer m.plans.release(k)
	v := &video{m: m, plan: k.plan, e: newEnlarged(ctx, u, blank, nil), progress: o.Progress}
	if file {
		v.fit = &tileFit{m, x, u.Scale}
	}
	defer v.close()
	if err := v.open(x); err != nil {
		return err
	}
	work, ctx := errgroup.WithContext(ctx)
	frames, tiles := make(chan *picture.Image, 1), make(chan flying, inFlight)
	work.Go(func() error { defer close(frames); return v.read(ctx, frames, next) })
	work.Go(func() error { defer close(tiles); return v.submit(ctx, frames, tiles) })
	work.Go(func() error { return v.collect(ctx, tiles, use) })
	return work.Wait()
}

// inFlight is the number of tiles between submit and collect.
const inFlight = 3

// video enlarges frames.
type video struct {
	m        *Model
	plan     Plan
	e        *enlarged // of a blank frame
	fit      *tileFit  // of an ONNX file, else nil
	progress func(frames int)

	all  []*place
	free chan *place // nil in plain Go
}

// place is memory on the device for a tile in flight.
type place struct {
	in  *gpu.Tensor
	out []*gpu.Tensor
}

// flying is a tile in flight. It has either a place or, in plain Go, a result.
type flying struct {
	frame    *picture.Image
	row, col int
	at       *place
	result   *tensor.Tensor
	input    *tensor.Tensor // of the first tile, if its result is to be proven
	size     [2]int         // height and width of a tile for an ONNX file
}

// open makes the places.
func (v *video) open(x tensor.Shape) error {
	p, ok := v.plan.(*gpu.Plan)
	if !ok {
		return nil
	}
	v.free = make(chan *place, inFlight)
	for range inFlight {
		in, err := p.Device().NewTensor(x...)
		if err != nil {
			return err
		}
		one := &place{in: in}
		v.all = append(v.all, one)
		if one.out, err = p.NewOutputs(); err != nil {
			return err
		}
		v.free <- one
	}
	return nil
}

func (v *video) close() {
	for _, p := range v.all {
		p.in.Close()
		for _, t := range p.out {
			t.Close()
		}
	}
}

// read reads frames, one ahead of submit.
func (v *video) read(ctx context.Context, frames chan<- *picture.Image, next func([]byte) error) error {
	for {
		frame := picture.New(v.e.m.Width, v.e.m.Height, 3)
		switch err := next(frame.Pix); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		select {
		case frames <- frame:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// submit starts the tiles of all frames, as far as there are places.
func (v *video) submit(ctx context.Context, frames <-chan *picture.Image, tiles chan<- flying) error {
	first := true
	for frame := range frames {
		e := *v.e
		e.m = frame
		for i, row := range e.rows {
			for j, col := range e.columns {
				one := flying{frame: frame, row: i, col: j}
				x := e.tile(row.start, col.start)
				if v.fit != nil {
					one.size = [2]int{x.Shape[1], x.Shape[2]}
					x = v.fit.in(x)
				} else if first {
					one.input, first = x, false
				}
				if err := v.start(ctx, &one, x); err != nil {
					return err
				}
				select {
				case tiles <- one:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
	}
	return ctx.Err()
}

// start submits a tile, or computes it in plain Go.
func (v *video) start(ctx context.Context, one *flying, x *tensor.Tensor) error {
	p, ok := v.plan.(*gpu.Plan)
	if !ok {
		out, err := v.plan.Run(ctx, x)
		if err == nil {
			one.result = out[0]
		}
		return err
	}
	select {
	case one.at = <-v.free:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := one.at.in.Write(ctx, x); err != nil {
		return err
	}
	_, err := p.Submit(ctx, one.at.out, []*gpu.Tensor{one.at.in})
	return err
}

// collect finishes rows of tiles, and gives whole frames to use.
func (v *video) collect(ctx context.Context, tiles <-chan flying, use func([]byte) error) error {
	e, r := *v.e, v.e.u.Scale
	width := e.m.Width * r
	whole := make([]byte, width*e.m.Height*r*3)
	var made []float32 // a row of tiles
	var result *tensor.Tensor
	frames := 0
	var check proven
	for one := range tiles {
		if one.at != nil {
			if result == nil {
				result = tensor.New(one.at.out[0].Shape()...)
			}
			if err := one.at.out[0].Read(ctx, result); err != nil {
				return err
			}
			v.free <- one.at
		} else {
			result = one.result
		}
		if err := v.m.CheckFinite(result); err != nil {
			return err
		}
		if one.input != nil {
			check = v.m.prove(ctx, e.u, one.input, result)
		}
		row := e.rows[one.row]
		if one.col == 0 {
			e.m = one.frame
			made = grown(made, width*e.u.Channels*(row.to-row.from)*r)
		}
		tile := result
		if v.fit != nil {
			var err error
			if tile, err = v.fit.out(result, one.size[0], one.size[1]); err != nil {
				return err
			}
		}
		e.put(made, tile, row, e.columns[one.col])
		if one.col+1 < len(e.columns) {
			continue
		}
		e.finishRows(whole[row.from*r*width*3:], row, made)
		if one.row+1 < len(e.rows) {
			continue
		}
		if err := check.wait(ctx); err != nil {
			return err
		}
		check = nil
		if err := use(whole); err != nil {
			return err
		}
		if frames++; v.progress != nil {
			v.progress(frames)
		}
	}
	return ctx.Err()
}

// grown returns a slice of length n, b's memory if it suffices.
func grown(b []float32, n int) []float32 {
	if cap(b) < n {
		return make([]float32, n)
	}
	return b[:n]
}
