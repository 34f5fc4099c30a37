package gpu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/rajveermalviya/go-webgpu/wgpu"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

const (
	// uniformAlign is the alignment of uniform bindings in WebGPU.
	uniformAlign = 256

	// uploadBytes is how much is uploaded before the copies are waited for, so
	// that their staging memory is given back.
	uploadBytes = 8 << 20
)

// constantKey tells uploaded constants apart; plans share them.
type constantKey struct {
	tensor *tensor.Tensor
	cut    graph.Cut
	scale  *graph.Scale
	layout string
}

type constant struct {
	buffer *wgpu.Buffer
	bytes  int64
	users  int
}

// Compile makes a plan with the device's best guess for each op.
func (d *Device) Compile(g *graph.Graph) (*Plan, error) { return d.CompileWith(g, Choice{}) }

// CompileWith makes a plan with some choices made by the caller.
func (d *Device) CompileWith(g *graph.Graph, c Choice) (*Plan, error) {
	if g == nil || len(g.Outputs) == 0 {
		return nil, errors.New("gpu: a graph without outputs")
	}
	l, err := lower(g, d.info.Limits, d.info.MaxBufferSize, c)
	if err != nil {
		return nil, err
	}
	if err := d.affordable(l); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errClosed
	}
	p := &Plan{d: d, listing: *l, graph: g}
	d.plans[p] = true
	warm := d.warm(l.steps)
	err = p.build()
	warm()
	if err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

// affordable refuses a plan that is larger than what the device may take,
// before anything is allocated.
func (d *Device) affordable(l *listing) error {
	total := int64(0)
	for _, b := range l.sizes {
		total += b
	}
	seen := map[constantKey]bool{}
	for _, s := range l.steps {
		for _, o := range s.bind {
			if o.constant != nil && !seen[o.key()] {
				seen[o.key()] = true
				total += 4 * int64(o.constant.Shape.Len())
			}
		}
	}
	if d.memory > 0 && total > d.memory {
		return fmt.Errorf("gpu: the plan takes %d bytes, %d are allowed", total, d.memory)
	}
	return nil
}

func (o operand) key() constantKey {
	return constantKey{o.constant.Const, o.constant.Cut, o.constant.Scale, o.packing.Name}
}

// build makes the plan's GPU objects. The caller holds the device's lock.
func (p *Plan) build() error {
	d := p.d
	for i, bytes := range p.sizes {
		b, err := newBuffer(d.device, bytes, storage)
		if err != nil {
			return fmt.Errorf("%w (for values, number %d)", err, i)
		}
		p.buffers = append(p.buffers, b)
		p.stats.ActivationBytes += bytes
	}
	p.stats.ActivationBound = p.bound
	for _, o := range p.outputs {
		var b *wgpu.Buffer
		if o.value >= 0 {
			var err error
			if b, err = newBuffer(d.device, 4*int64(o.shape.Len()), staging); err != nil {
				return err
			}
		}
		p.staging = append(p.staging, b)
	}
	if err := p.buildUniforms(); err != nil {
		return err
	}
	uploaded, scratch := int64(0), &tensor.Scratch{}
	sources := map[string]bool{}
	for i, s := range p.steps {
		pipe, err := d.pipeline(s.kernel.Source)
		if err != nil {
			return fmt.Errorf("gpu: %s: %s: %w", s.op, s.program, err)
		}
		p.pipelines = append(p.pipelines, pipe)
		sources[s.kernel.Source] = true
		entries := make([]wgpu.BindGroupEntry, len(s.bind)+1)
		for j, o := range s.bind {
			entry := wgpu.BindGroupEntry{Binding: uint32(j), Offset: uint64(o.offset), Size: uint64(o.size)}
			switch {
			case o.value >= 0:
				at := p.slots[o.value]
				entry.Buffer = p.buffers[at.buffer]
				entry.Offset += uint64(at.offset)
				if o.size == 0 {
					entry.Size = uint64(p.lives[o.value].bytes)
				}
			case o.constant != nil:
				c, err := p.constant(o, scratch, &uploaded)
				if err != nil {
					return fmt.Errorf("gpu: %s: %w", s.op, err)
				}
				entry.Buffer = c.buffer
				if o.size == 0 {
					entry.Size = uint64(c.bytes)
				}
			default:
				entry.Buffer, entry.Size = d.zeros, d.zeros.GetSize()
			}
			narrow(&entry, s.kernel, j, pipe.kinds[j])
			entries[j] = entry
		}
		entries[len(s.bind)] = wgpu.BindGroupEntry{
			Binding: uint32(len(s.bind)),
			Buffer:  p.uniforms,
			Offset:  uint64(uniformAlign * i),
			Size:    uniformAlign,
		}
		group, err := d.device.CreateBindGroup(&wgpu.BindGroupDescriptor{Layout: pipe.group, Entries: entries})
		if err != nil {
			return fmt.Errorf("gpu: %s: %s: %w", s.op, s.program, err)
		}
		p.groups = append(p.groups, group)
		p.stats.FLOPs += s.flops
	}
	p.stats.Dispatches, p.stats.Pipelines = len(p.steps), len(sources)
	return nil
}

// narrow applies a kernel's offset and size to an entry for all of a value.
func narrow(entry *wgpu.BindGroupEntry, k shaders.Kernel, i int, kind wgpu.BufferBindingType) {
	if k.Offset != nil {
		entry.Offset += uint64(k.Offset[i])
		entry.Size -= min(entry.Size, uint64(k.Offset[i]))
	}
	switch {
	case k.Size != nil && k.Size[i] > 0:
		entry.Size = uint64(k.Size[i])
	case kind == wgpu.BufferBindingType_Uniform:
		entry.Size = shaders.Window
	}
}

// buildUniforms uploads the sizes of all steps, in one buffer.
func (p *Plan) buildUniforms() error {
	words := make([]byte, uniformAlign*max(1, len(p.steps)))
	for i, s := range p.steps {
		if 4*len(s.kernel.Params) > uniformAlign {
			return fmt.Errorf("gpu: %s: %d words of sizes", s.program, len(s.kernel.Params))
		}
		for j, w := range s.kernel.Params {
			binary.LittleEndian.PutUint32(words[uniformAlign*i+4*j:], w)
		}
	}
	var err error
	if p.uniforms, err = newBuffer(p.d.device, int64(len(words)), wgpu.BufferUsage_Uniform|wgpu.BufferUsage_CopyDst); err != nil {
		return err
	}
	return p.d.queue.WriteBuffer(p.uniforms, 0, words)
}

// constant returns the device's copy of a constant in the layout that o asks
// for, and makes it if no other plan has, which takes memory of s meanwhile.
func (p *Plan) constant(o operand, s *tensor.Scratch, uploaded *int64) (*constant, error) {
	d, key := p.d, o.key()
	c := d.constants[key]
	if c == nil {
		defer s.Reset()
		t := o.constant.Tensor(s)
		if o.packing.Pack != nil {
			t = o.packing.Pack(t, s)
		}
		bytes := 4 * int64(len(t.Data))
		if bytes > d.info.MaxBufferSize {
			return nil, fmt.Errorf("weight %s takes %d bytes, the device's largest buffer is %d", o.constant.Name, bytes, d.info.MaxBufferSize)
		}
		b, err := newBuffer(d.device, bytes, storage)
		if err != nil {
			return nil, err
		}
		if err := d.upload(b, 0, t.Data, uploaded); err != nil {
			b.Release()
			return nil, err
		}
		c = &constant{buffer: b, bytes: bytes}
		d.constants[key] = c
		if unload := o.constant.Const.Unload; unload != nil {
			unload()
		}
	}
	for _, k := range p.constants {
		if k == key {
			return c, nil
		}
	}
	c.users++
	p.constants = append(p.constants, key)
	p.stats.WeightBytes += c.bytes
	return c, nil
}

// upload writes data to b from offset on, piece by piece: the queue holds a copy of each until
// it is submitted, and ends the process if it has no memory for one. pending
// counts the bytes that it holds.
func (d *Device) upload(b *wgpu.Buffer, offset int64, data []float32, pending *int64) error {
	for at, all := int64(0), raw(data); at < int64(len(all)); {
		n := min(int64(len(all))-at, uploadBytes)
		if err := d.queue.WriteBuffer(b, uint64(offset+at), all[at:at+n]); err != nil {
			return err
		}
		at += n
		if *pending += n; *pending >= uploadBytes {
			d.queue.Submit()
			wait(d.device)
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
