package gpu

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/tensor"
)

// constant is the device's copy of a constant. The first plan that needs it makes
// it.
type constant struct {
	once   sync.Once
	buffer driver.Buffer
	bytes  int64
	err    error
	users  int // number of plans, guarded by the device's lock
}

// constant returns the device's copy of a constant in the layout that b asks for.
// If no other plan has made the copy, it makes it with memory from s.
func (p *Plan) constant(b plan.Binding, s *tensor.Scratch, uploaded *int64) (*constant, error) {
	d, key := p.d, b.ConstantKey()
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
	t := b.Constant.Stored(s)
	if pack := b.Layout.Pack; !b.Half || pack != nil && !b.Layout.Moves {
		t = t.Floats(s)
	}
	if b.Layout.Pack != nil {
		t = b.Layout.Pack(t, s)
	}
	bytes := (b.Width()*int64(len(t.Data)+len(t.Halves)) + 3) / 4 * 4
	if bytes > d.info.MaxBufferSize {
		return fmt.Errorf("weight %s takes %d bytes, but the device's largest buffer has %d", b.Constant.Name, bytes, d.info.MaxBufferSize)
	}
	buffer, err := d.driver.Buffer(bytes, driver.Storage)
	if err != nil {
		return err
	}
	data := raw(t.Data)
	if b.Half {
		data = halves(t)
	}
	if err := d.upload(context.Background(), buffer, 0, data, uploaded); err != nil {
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
func (d *Device) drop(key plan.ConstantKey, c *constant) {
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

// uploadBytes is the most that upload leaves in the queue. It then waits for the
// copies, which frees their staging memory.
const uploadBytes = 8 << 20

// upload writes data to b from offset on, piece by piece. The queue holds a copy
// of each piece until it is submitted, and ends the process if it has no memory
// for one. pending counts the bytes that the queue holds.
func (d *Device) upload(ctx context.Context, b driver.Buffer, offset int64, all []byte, pending *int64) error {
	for at := int64(0); at < int64(len(all)); {
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

// halves returns the numbers of t as f16, with a zero behind an odd number of them.
func halves(t *tensor.Tensor) []byte {
	all := t.Halves
	if len(t.Data) > 0 {
		all = make([]uint16, len(t.Data), len(t.Data)+1)
		for i, x := range t.Data {
			all[i] = tensor.Half(x)
		}
	}
	if len(all)%2 == 1 {
		all = append(slices.Clip(all), 0) // of a tensor that may be a part of another
	}
	if len(all) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&all[0])), 2*len(all))
}

// raw returns the memory of data as bytes.
func raw(data []float32) []byte {
	if len(data) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), 4*len(data))
}
