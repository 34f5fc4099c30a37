package gpu

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unsafe"

	"github.com/rajveermalviya/go-webgpu/wgpu"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

const (
	storage = wgpu.BufferUsage_Storage | wgpu.BufferUsage_Uniform | wgpu.BufferUsage_CopySrc | wgpu.BufferUsage_CopyDst
	staging = wgpu.BufferUsage_MapRead | wgpu.BufferUsage_CopyDst

	// uniformAlign is the alignment of uniform bindings in WebGPU.
	uniformAlign = 256

	// submissionFLOPs is the work of one submission at most, unless a single
	// dispatch is larger: a submission of seconds makes a desktop reset its GPU.
	submissionFLOPs = 100e9

	// uploadBytes is how much is uploaded before the copies are waited for, so
	// that their staging memory is given back.
	uploadBytes = 64 << 20
)

// Plan is a graph compiled for a device: pipelines, buffers and the order of
// dispatches. Plans may run concurrently, and so may runs of one plan.
type Plan struct {
	d *Device
	listing
	graph *graph.Graph

	pipelines []*pipeline // of each step
	groups    []*wgpu.BindGroup
	slots     []*wgpu.Buffer
	uniforms  *wgpu.Buffer
	staging   []*wgpu.Buffer // of each output
	constants []constantKey
	stats     Stats
	closed    bool
}

// Stats counts what a plan takes.
type Stats struct {
	ActivationBytes int64 // of all slots
	ActivationBound int64 // most bytes alive at once: no plan can take less
	WeightBytes     int64 // of constants, as they are laid out on the device
	Dispatches      int
	Pipelines       int // kernels with different texts
	FLOPs           int64
}

// constantKey tells uploaded constants apart; plans share them.
type constantKey struct {
	tensor *tensor.Tensor
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
	l, err := lower(g, d.info.Limits, c)
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
	if err := p.build(); err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

// affordable refuses a plan that is larger than what the device may take,
// before anything is allocated.
func (d *Device) affordable(l *listing) error {
	total := int64(0)
	for i, b := range l.sizes {
		if b > d.info.MaxBufferSize {
			return fmt.Errorf("gpu: a value of %d bytes is over the device's largest buffer, %d", l.sizes[i], d.info.MaxBufferSize)
		}
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

func (o operand) key() constantKey { return constantKey{o.constant.Const, o.packing.Name} }

// build makes the plan's GPU objects. The caller holds the device's lock.
func (p *Plan) build() error {
	d := p.d
	for i, bytes := range p.sizes {
		b, err := newBuffer(d.device, bytes, storage)
		if err != nil {
			return fmt.Errorf("%w (slot %d)", err, i)
		}
		p.slots = append(p.slots, b)
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
	uploaded := int64(0)
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
				entry.Buffer = p.slots[p.slot[o.value]]
				if o.size == 0 {
					entry.Size = uint64(p.lives[o.value].bytes)
				}
			case o.constant != nil:
				c, err := p.constant(o, &uploaded)
				if err != nil {
					return fmt.Errorf("gpu: %s: %w", s.op, err)
				}
				entry.Buffer = c.buffer
				if o.size == 0 {
					entry.Size = uint64(c.bytes)
				}
				if pipe.kinds[j] == wgpu.BufferBindingType_Uniform {
					entry.Offset, entry.Size = uint64(s.kernel.Offset[j]), shaders.Window
				}
			default:
				entry.Buffer, entry.Size = d.zeros, d.zeros.GetSize()
			}
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
// for, and makes it if no other plan has.
func (p *Plan) constant(o operand, uploaded *int64) (*constant, error) {
	d, key := p.d, o.key()
	c := d.constants[key]
	if c == nil {
		t := o.constant.Const
		if o.packing.Pack != nil {
			t = o.packing.Pack(t)
		}
		bytes := 4 * int64(len(t.Data))
		if bytes > d.info.MaxBufferSize {
			return nil, fmt.Errorf("weight %s takes %d bytes, the device's largest buffer is %d", o.constant.Name, bytes, d.info.MaxBufferSize)
		}
		b, err := newBuffer(d.device, bytes, storage)
		if err != nil {
			return nil, err
		}
		c = &constant{buffer: b, bytes: bytes}
		d.constants[key] = c
		if err := d.queue.WriteBuffer(b, 0, raw(t.Data)); err != nil {
			return nil, err
		}
		if *uploaded += bytes; *uploaded > uploadBytes {
			d.queue.Submit()
			wait(d.device)
			*uploaded = 0
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

// raw sees numbers as the bytes they are stored in.
func raw(data []float32) []byte {
	if len(data) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), 4*len(data))
}

// Run computes the outputs of the graph for these inputs, in the graph's
// layout. It returns early between submissions when ctx ends.
func (p *Plan) Run(ctx context.Context, inputs ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	if err := p.graph.CheckInputs(inputs); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	outputs := make([]*tensor.Tensor, len(p.outputs))
	for i, o := range p.outputs {
		outputs[i] = tensor.New(o.shape...)
		outputs[i].Name = o.name
		if o.value < 0 {
			copy(outputs[i].Data, o.constant.Data)
		}
	}
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	for i, t := range inputs {
		if err := p.d.queue.WriteBuffer(p.slots[p.slot[p.inputs[i]]], 0, raw(t.Data)); err != nil {
			return nil, err
		}
	}
	for at := 0; ; {
		next, err := p.submit(at)
		if err != nil {
			return nil, err
		}
		if at = next; at >= len(p.steps) {
			break
		}
		wait(p.d.device)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	for i, o := range p.outputs {
		if o.value < 0 {
			continue
		}
		if err := read(p.staging[i], outputs[i].Data); err != nil {
			return nil, err
		}
	}
	return outputs, nil
}

// submit sends the steps from at on to the queue, as many as one submission
// may hold, and returns the next. The last submission copies the outputs.
func (p *Plan) submit(at int) (next int, err error) {
	encoder, err := p.d.device.CreateCommandEncoder(nil)
	if err != nil {
		return 0, err
	}
	defer encoder.Release()
	budget := float64(submissionFLOPs)
	if p.d.info.Limits.Kind == shaders.CPU {
		budget = math.Inf(1)
	}
	if at < len(p.steps) {
		pass := encoder.BeginComputePass(nil)
		for first := at; at < len(p.steps); at++ {
			if budget -= float64(p.steps[at].flops); budget < 0 && at > first {
				break
			}
			p.encode(pass, at)
		}
		err := pass.End()
		pass.Release()
		if err != nil {
			return 0, err
		}
	}
	if at == len(p.steps) {
		for i, o := range p.outputs {
			if o.value < 0 {
				continue
			}
			if err := encoder.CopyBufferToBuffer(p.slots[p.slot[o.value]], 0, p.staging[i], 0, 4*uint64(o.shape.Len())); err != nil {
				return 0, err
			}
		}
	}
	commands, err := encoder.Finish(nil)
	if err != nil {
		return 0, err
	}
	defer commands.Release()
	p.d.queue.Submit(commands)
	return at, nil
}

// encode adds one dispatch to a pass.
func (p *Plan) encode(pass *wgpu.ComputePassEncoder, i int) {
	grid := p.steps[i].kernel.Grid
	pass.SetPipeline(p.pipelines[i].compute)
	pass.SetBindGroup(0, p.groups[i], nil)
	pass.DispatchWorkgroups(uint32(grid[0]), uint32(grid[1]), uint32(grid[2]))
}

// Poison fills every value's memory with NaN, so that a test sees a kernel
// that reads or leaves out what it should not.
func (p *Plan) Poison() error {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.closed {
		return errClosed
	}
	for i, b := range p.slots {
		nan := make([]float32, p.sizes[i]/4)
		for j := range nan {
			nan[j] = float32(math.NaN())
		}
		if err := p.d.queue.WriteBuffer(b, 0, raw(nan)); err != nil {
			return err
		}
	}
	return nil
}

// Stats counts what the plan takes.
func (p *Plan) Stats() Stats { return p.stats }

// Close gives the plan's memory back. It is idempotent.
func (p *Plan) Close() error {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	p.release()
	return nil
}

// release gives up all GPU objects. The caller holds the device's lock.
func (p *Plan) release() {
	if p.closed {
		return
	}
	p.closed = true
	delete(p.d.plans, p)
	for _, g := range p.groups {
		g.Release()
	}
	for _, b := range append(append(p.slots, p.staging...), p.uniforms) {
		if b != nil {
			b.Release()
		}
	}
	for _, k := range p.constants {
		c := p.d.constants[k]
		if c.users--; c.users == 0 {
			c.buffer.Release()
			delete(p.d.constants, k)
		}
	}
}

// String lists the dispatches: layer, program, grid, slots read and written,
// operations and bytes; then what the plan takes.
func (p *Plan) String() string { return p.listing.String() }

// String is the plan's.
func (l *listing) String() string {
	var b strings.Builder
	var flops int64
	for i, s := range l.steps {
		fmt.Fprintf(&b, "%3d %-32s %-28s %v", i, strings.TrimSpace(s.layer+" "+s.op), s.program, s.kernel.Grid)
		for _, o := range s.bind {
			switch {
			case o.value >= 0:
				fmt.Fprintf(&b, " s%d", l.slot[o.value])
			case o.constant != nil:
				b.WriteString(" c")
			default:
				b.WriteString(" -")
			}
		}
		fmt.Fprintf(&b, "  %d FLOP %d B\n", s.flops, s.bytes)
		flops += s.flops
	}
	var total int64
	for _, s := range l.sizes {
		total += s
	}
	fmt.Fprintf(&b, "%d dispatches, %d FLOP; activations %d B in %d slots, lower bound %d B (%.3f)\n",
		len(l.steps), flops, total, len(l.sizes), l.bound, float64(total)/float64(max(1, l.bound)))
	return b.String()
}
