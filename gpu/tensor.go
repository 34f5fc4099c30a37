package gpu

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/tensor"
)

// Tensor is an array in a device's memory: an input or an output of Submit and
// RunInto, such as a result that one plan hands to the next.
//
// Write, Read and plans access a tensor in the order of the calls. Many goroutines
// may use it. The caller that makes a tensor closes it. Device.Close closes tensors
// that are still open.
type Tensor struct {
	d      *Device
	shape  tensor.Shape
	memory driver.Range

	mu     sync.Mutex // guards closed and users
	closed bool
	users  int // of memory: the owner until Close, and calls under way

	reading chan struct{} // holds a token while a goroutine reads and uses the fields below
	back    driver.Buffer // the host reads it; made by the first Read
	copies  [1]driver.Command
}

// NewTensor makes a tensor of zeros.
func (d *Device) NewTensor(shape ...int) (*Tensor, error) {
	bytes := int64(4)
	for i, n := range shape {
		if n < 0 {
			return nil, fmt.Errorf("gpu: a tensor of shape %v is not possible: dimension %d is negative", tensor.Shape(shape), i)
		}
		if n > 0 && bytes > d.info.MaxBufferSize/int64(n) {
			return nil, fmt.Errorf("gpu: a tensor of shape %v is not possible: the device's largest buffer has %d bytes", tensor.Shape(shape), d.info.MaxBufferSize)
		}
		bytes *= int64(n)
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	b, err := d.driver.Buffer(bytes, driver.Storage)
	if err != nil {
		return nil, fmt.Errorf("gpu: a tensor of shape %v: %w", tensor.Shape(shape), err)
	}
	t := &Tensor{
		d:       d,
		shape:   tensor.Shape(shape).Clone(),
		memory:  driver.Range{Buffer: b, Size: bytes},
		users:   1,
		reading: make(chan struct{}, 1),
	}
	d.mu.Lock()
	d.tensors[t] = true
	d.mu.Unlock()
	return t, nil
}

// Upload makes a tensor with the contents of x.
func (d *Device) Upload(x *tensor.Tensor) (*Tensor, error) {
	t, err := d.NewTensor(x.Shape...)
	if err != nil {
		return nil, err
	}
	if err := t.Write(context.Background(), x); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Shape returns the tensor's shape, which the caller must not change.
func (t *Tensor) Shape() tensor.Shape { return t.shape }

// Write copies x, of the same shape, to the tensor after all earlier submissions.
// It waits for the device only if x is large.
func (t *Tensor) Write(ctx context.Context, x *tensor.Tensor) error {
	if err := t.fits(x); err != nil {
		return fmt.Errorf("gpu: write: %w", err)
	}
	if err := t.enter("write"); err != nil {
		return err
	}
	defer t.leave()
	pending := int64(0)
	return t.d.upload(ctx, t.memory.Buffer, 0, raw(x.Data), &pending)
}

// Read waits for all earlier submissions and copies the tensor to x, of the same
// shape. If ctx ends first, it returns ctx's error and leaves x as it is.
func (t *Tensor) Read(ctx context.Context, x *tensor.Tensor) error {
	if err := t.fits(x); err != nil {
		return fmt.Errorf("gpu: read: %w", err)
	}
	select {
	case t.reading <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t.reading }()
	if err := t.enter("read"); err != nil {
		return err
	}
	defer t.leave()
	if t.memory.Size == 0 {
		return ctx.Err()
	}
	if t.back == nil {
		b, err := t.d.driver.Buffer(t.memory.Size, driver.Readable)
		if err != nil {
			return fmt.Errorf("gpu: read: %w", err)
		}
		t.back = b
		t.copies[0] = driver.Command{From: t.memory, To: driver.Range{Buffer: b, Size: t.memory.Size}}
	}
	if err := t.d.run(ctx, t.copies[:]...); err != nil {
		return err
	}
	return t.d.driver.Read(t.back, raw(x.Data))
}

// fits returns an error if x cannot be copied from or to the tensor.
func (t *Tensor) fits(x *tensor.Tensor) error {
	switch {
	case x == nil:
		return errors.New("the tensor is nil")
	case !x.Shape.Equal(t.shape):
		return fmt.Errorf("the tensor has shape %v, want %v", x.Shape, t.shape)
	case len(x.Data) != t.shape.Len():
		return fmt.Errorf("the tensor has %d elements, want %d", len(x.Data), t.shape.Len())
	}
	return nil
}

var errTensorClosed = errors.New("the tensor is closed")

// enter keeps the device open and the tensor's memory allocated until leave. Its
// error names the call.
func (t *Tensor) enter(call string) error {
	if err := t.d.enter(); err != nil {
		return err
	}
	if err := t.hold(); err != nil {
		t.d.leave()
		return fmt.Errorf("gpu: %s: %w", call, err)
	}
	return nil
}

func (t *Tensor) leave() {
	t.drop()
	t.d.leave()
}

// hold keeps the tensor's memory allocated until drop. The caller has entered the
// device.
func (t *Tensor) hold() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return errTensorClosed
	}
	t.users++
	return nil
}

func (t *Tensor) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users--; t.users == 0 {
		t.release()
	}
}

// Close releases the tensor's memory once no call uses it. It is idempotent.
func (t *Tensor) Close() error {
	if t.d.enter() != nil { // the device is closed, and with it the tensor
		return nil
	}
	defer t.d.leave()
	t.mu.Lock()
	was := t.closed
	t.closed = true
	t.mu.Unlock()
	if was {
		return nil
	}
	t.d.mu.Lock()
	delete(t.d.tensors, t)
	t.d.mu.Unlock()
	t.drop()
	return nil
}

// release releases the memory, which nobody uses.
func (t *Tensor) release() {
	t.memory.Buffer.Release()
	if t.back != nil {
		t.back.Release()
	}
}
