package gpu

import (
	"context"
	"fmt"
	"sync"
	"unsafe"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// constantKey tells uploaded constants apart; plans share them.
type constantKey struct {
	tensor *tensor.Tensor
	cut    graph.Cut
	scale  *graph.Scale
	layout string
}

func keyOf(b plan.Binding) constantKey {
	return constantKey{b.Constant.Const, b.Constant.Cut, b.Constant.Scale, b.Layout.Name}
}

// constant is the device's copy of one. Who needs it first makes it.
type constant struct {
	once   sync.Once
	buffer driver.Buffer
	bytes  int64
	err    error
	users  int // plans, guarded by the device's lock
}

// constant returns the device's copy of a constant in the layout that b asks
// for, and makes it if no other plan has, which takes memory of s meanwhile.
func (p *Plan) constant(b plan.Binding, s *tensor.Scratch, uploaded *int64) (*constant, error) {
	d, key := p.d, keyOf(b)
	if c := p.constants[key]; c != nil {
		return c, nil
	}
	d.mu.Lock()
	c := d.constants[key]
	if c == nil {
		c = &constant{}
		d.constants[key] = c
	}
	c.users++
	d.mu.Unlock()
	c.once.Do(func() { c.err = d.fill(c, b, s, uploaded) })
	if c.err != nil {
		d.drop(key, c)
		return nil, c.err
	}
	p.constants[key] = c
	p.stats.WeightBytes += c.bytes
	return c, nil
}

// fill makes the device's copy of a constant.
func (d *Device) fill(c *constant, b plan.Binding, s *tensor.Scratch, uploaded *int64) error {
	defer s.Reset()
	t := b.Constant.Tensor(s)
	if b.Layout.Pack != nil {
		t = b.Layout.Pack(t, s)
	}
	bytes := 4 * int64(len(t.Data))
	if bytes > d.info.MaxBufferSize {
		return fmt.Errorf("weight %s takes %d bytes, the device's largest buffer is %d", b.Constant.Name, bytes, d.info.MaxBufferSize)
	}
	buffer, err := d.driver.Buffer(bytes, driver.Storage)
	if err != nil {
		return err
	}
	if err := d.upload(context.Background(), buffer, 0, t.Data, uploaded); err != nil {
		buffer.Release()
		return err
	}
	c.buffer, c.bytes = buffer, bytes
	if unload := b.Constant.Const.Unload; unload != nil {
		unload()
	}
	return nil
}

// drop ends a plan's use of a constant.
func (d *Device) drop(key constantKey, c *constant) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.users--; c.users > 0 {
		return
	}
	if c.buffer != nil {
		c.buffer.Release()
	}
	delete(d.constants, key)
}

// uploadBytes is how much is uploaded before the copies are waited for, so that
// their staging memory is given back.
const uploadBytes = 8 << 20

// upload writes data to b from offset on, piece by piece: the queue holds a copy
// of each until it is submitted, and ends the process if it has no memory for
// one. pending counts the bytes that it holds.
func (d *Device) upload(ctx context.Context, b driver.Buffer, offset int64, data []float32, pending *int64) error {
	for at, all := int64(0), raw(data); at < int64(len(all)); {
		n := min(int64(len(all))-at, uploadBytes)
		if err := d.driver.Write(b, offset+at, all[at:at+n]); err != nil {
			return err
		}
		at += n
		if *pending += n; *pending >= uploadBytes {
			if err := d.run(ctx); err != nil {
				return err
			}
			*pending = 0
		}
	}
	return nil
}

// raw sees numbers as the bytes they are stored in.
func raw(data []float32) []byte {
	if len(data) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), 4*len(data))
}
