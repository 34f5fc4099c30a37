package vision

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// prepared is a picture prepared for the network, or the error of reading it.
type prepared struct {
	name  string
	image *picture.Image
	input *tensor.Tensor    // [1, H, W, C]
	at    picture.Transform // from the picture to the input
	err   error
	held  share // of the memory for pictures
}

// size returns the input's height and width.
func (p *prepared) size() [2]int { return [2]int{p.input.Shape[1], p.input.Shape[2]} }

// prepare reads a picture and applies the model's preprocessing.
func (m *Model) prepare(ctx context.Context, in Input) *prepared {
	file, _, err := in.load(ctx, m.memory)
	return m.prepareFile(ctx, in, file, err, share{})
}

// Prepare decodes a picture's file and prepares it for Run as the other methods do:
// [1, H, W, C]. It also returns the height and width of the picture.
func (m *Model) Prepare(ctx context.Context, file []byte) (x *tensor.Tensor, size [2]int, err error) {
	p := m.prepare(ctx, Encoded("the picture", func() ([]byte, error) { return file, nil }))
	if p.err != nil {
		return nil, size, p.err
	}
	return p.input, [2]int{p.image.Height, p.image.Width}, nil
}

// prepareFile is prepare for a file that load has read, and for load's error.
func (m *Model) prepareFile(ctx context.Context, in Input, file []byte, err error, held share) *prepared {
	p := &prepared{name: in.Name, err: err, held: held}
	if p.err == nil {
		p.image, p.err = in.image(ctx, file)
	}
	if p.err == nil {
		sweep(held.n)
		p.input, p.at, p.err = m.Preprocess.Apply(p.image)
	}
	if p.err != nil {
		p.err = &InputError{in.Name, p.err}
		p.held.keep(0)
	} else {
		p.held.keep(int64(len(p.image.Pix)))
	}
	return p
}

// ahead reads pictures in order, as far as there is memory for them, and prepares them
// on all cores, a few ahead of the receiver. They arrive in order. Before it waits for
// memory it sends nil, and the receiver has to give back that of the pictures it has.
// It stops when ctx ends.
func (m *Model) ahead(ctx context.Context, in []Input) <-chan (<-chan *prepared) {
	line := make(chan (<-chan *prepared), runtime.GOMAXPROCS(0))
	send := func(one <-chan *prepared) bool {
		if ctx.Err() != nil {
			return false
		}
		select {
		case line <- one:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(line)
		memory := newBudget(m.memory)
		for _, i := range in {
			file, need, err := i.load(ctx, m.memory)
			var held share
			if file != nil && err == nil {
				held, err = memory.take(ctx, need, func() { send(nil) })
			}
			one := make(chan *prepared, 1)
			if !send(one) {
				return
			}
			go func() { one <- m.prepareFile(ctx, i, file, err, held) }()
		}
	}()
	return line
}

// computed is a picture with the network's outputs.
type computed struct {
	*prepared
	outputs []*tensor.Tensor // [1, …]
}

// each runs the network on pictures in batches, and yields each picture with its
// outputs, in order. If a picture cannot be read, it yields an InputError and goes
// on; it stops at any other error.
func (m *Model) each(ctx context.Context, main bool, stages []string, in []Input) iter.Seq2[computed, error] {
	return func(yield func(computed, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		batch := m.most(main, stages, len(in))
		var waiting []*prepared
		flush := func() bool {
			defer func() { waiting = nil }()
			return m.flush(ctx, main, stages, batch, waiting, yield)
		}
		good := 0
		var shape tensor.Shape
		for next := range m.ahead(ctx, in) {
			if next == nil {
				if !flush() {
					return
				}
				good = 0
				continue
			}
			var p *prepared
			select {
			case p = <-next:
			case <-ctx.Done():
			}
			if ctx.Err() != nil {
				break
			}
			if p.err == nil {
				if good > 0 && !p.input.Shape.Equal(shape) {
					if !flush() {
						return
					}
					good = 0
				}
				shape = p.input.Shape
				good++
			}
			waiting = append(waiting, p)
			if good == batch || good == 0 {
				if !flush() {
					return
				}
				good = 0
			}
		}
		if err := ctx.Err(); err != nil {
			yield(computed{}, err)
			return
		}
		flush()
	}
}

// most returns how many of count pictures go through the network at once. They are one by
// one if an ONNX file's outputs have no row for each of them.
func (m *Model) most(main bool, stages []string, count int) int {
	batch := min(m.batch, max(count, 1))
	n, ok := m.Network.(*zoo.ONNX)
	switch {
	case ok && n.Batch > 0:
		return n.Batch // the file takes no fewer
	case ok && batch > 1 && !n.Shares(main, stages):
		return 1
	}
	return batch
}

// flush runs the network on the pictures of all that could be read, which have one
// size. It yields all in order, and reports whether to go on.
func (m *Model) flush(ctx context.Context, main bool, stages []string, batch int, all []*prepared, yield func(computed, error) bool) bool {
	var good []*prepared
	for _, p := range all {
		if p.err == nil {
			good = append(good, p)
		}
	}
	outputs, rows, err := m.runBatch(ctx, main, stages, batch, good)
	if err != nil {
		yield(computed{}, err)
		return false
	}
	i := 0
	for _, p := range all {
		c := computed{prepared: p}
		if p.err == nil {
			c.outputs = of(outputs, i, rows)
			i++
			if err := m.CheckFinite(c.outputs...); err != nil {
				var wrong *NotFiniteError
				if errors.As(err, &wrong) && wrong.Weight != "" {
					yield(computed{}, err) // it is no fault of this picture
					return false
				}
				c.outputs, p.err = nil, &InputError{p.name, err}
			}
		}
		more := yield(c, p.err)
		p.held.keep(0)
		if !more {
			return false
		}
	}
	return true
}

// of returns the outputs for image i of a batch of so many rows.
func of(outputs []*tensor.Tensor, i, rows int) []*tensor.Tensor {
	var own []*tensor.Tensor
	if rows == 1 { // an output may have another first dimension then
		return outputs
	}
	for _, o := range outputs {
		size := o.Shape[1:].Len()
		one := tensor.Of(o.Data[i*size:(i+1)*size], append([]int{1}, o.Shape[1:]...)...)
		one.Name = o.Name
		own = append(own, one)
	}
	return own
}

// runBatch runs the network on up to batch pictures of one size. It uses the plan for
// a whole batch, if there is one, for fewer pictures as well. It also returns how many
// rows the outputs have.
func (m *Model) runBatch(ctx context.Context, main bool, stages []string, batch int, all []*prepared) ([]*tensor.Tensor, int, error) {
	if len(all) == 0 {
		return nil, 0, nil
	}
	one := all[0].input.Shape
	if whole := append(tensor.Shape{batch}, one[1:]...); !m.plans.has(planKey(whole, main, stages)) {
		batch = len(all)
	}
	if n, ok := m.Network.(*zoo.ONNX); ok && n.Batch > 0 {
		batch = n.Batch
	}
	x := tensor.New(append(tensor.Shape{batch}, one[1:]...)...)
	for i, p := range all {
		copy(x.Data[i*one.Len():], p.input.Data)
	}
	outputs, err := m.run(ctx, main, stages, x)
	for _, o := range outputs {
		if batch > 1 && (len(o.Shape) == 0 || o.Shape[0] != batch) {
			return nil, 0, fmt.Errorf("%s: output %s is %v for %d pictures, and cannot be shared out: the batch has to be 1", m.Name, files.Quote(o.Name), o.Shape, batch)
		}
	}
	return outputs, batch, err
}
