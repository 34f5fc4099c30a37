package gpu

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"unsafe"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// constantKey identifies an uploaded constant. Plans share constants.
type constantKey struct {
	tensor *tensor.Tensor
	cut    graph.Cut
	scale  *graph.Scale
	layout string
	half   bool
}

func keyOf(b plan.Binding) constantKey {
	return constantKey{b.Constant.Const, b.Constant.Cut, b.Constant.Scale, b.Layout.Name, b.Half}
}

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
	bytes := (width(b)*int64(len(t.Data)) + 3) / 4 * 4
	if bytes > d.info.MaxBufferSize {
		return fmt.Errorf("weight %s takes %d bytes, but the device's largest buffer has %d", b.Constant.Name, bytes, d.info.MaxBufferSize)
	}
	buffer, err := d.driver.Buffer(bytes, driver.Storage)
	if err != nil {
		return err
	}
	data := raw(t.Data)
	if b.Half {
		data = halves(t.Data)
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

// width returns the bytes of a number of a constant.
func width(b plan.Binding) int64 {
	if b.Half {
		return 2
	}
	return 4
}

// halves returns data as f16, with a zero behind an odd number of them.
func halves(data []float32) []byte {
	out := make([]byte, (len(data)+1)/2*4)
	for i, x := range data {
		binary.LittleEndian.PutUint16(out[2*i:], tensor.Half(x))
	}
	return out
}

// raw returns the memory of data as bytes.
func raw(data []float32) []byte {
	if len(data) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), 4*len(data))
}
