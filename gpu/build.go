package gpu

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"unsafe"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
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
	buffer driver.Buffer
	bytes  int64
	users  int
}

// Compile makes a plan with the device's best guess for each op.
func (d *Device) Compile(g *graph.Graph) (*Plan, error) { return d.CompileWith(g, Choice{}) }

// Choice decides what Compile otherwise decides by itself.
type Choice = plan.Choice

// Candidate is a choice of one program for each op of a graph.
type Candidate = plan.Candidate

// Candidates yields choices that together take each program of each op of what
// is compiled with them: see plan.Candidates.
func Candidates(base Choice) iter.Seq[*Candidate] { return plan.Candidates(base) }

// CompileWith makes a plan with some choices made by the caller.
func (d *Device) CompileWith(g *graph.Graph, c Choice) (*Plan, error) {
	l, err := plan.New(g, d.info.Limits, d.info.MaxBufferSize, c)
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
	p := &Plan{d: d, plan: l, graph: g}
	d.plans[p] = true
	warm := d.warm(l.Steps)
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
func (d *Device) affordable(l *plan.Plan) error {
	total := int64(0)
	for _, b := range l.Sizes {
		total += b
	}
	seen := map[constantKey]bool{}
	for _, s := range l.Steps {
		for _, b := range s.Bindings {
			if b.Constant != nil && !seen[keyOf(b)] {
				seen[keyOf(b)] = true
				total += 4 * int64(b.Constant.Shape.Len())
			}
		}
	}
	if d.memory > 0 && total > d.memory {
		return fmt.Errorf("gpu: the plan takes %d bytes, %d are allowed", total, d.memory)
	}
	return nil
}

func keyOf(b plan.Binding) constantKey {
	return constantKey{b.Constant.Const, b.Constant.Cut, b.Constant.Scale, b.Packing.Name}
}

// build makes the plan's GPU objects. The caller holds the device's lock.
func (p *Plan) build() error {
	d := p.d
	for i, bytes := range p.plan.Sizes {
		b, err := d.driver.Buffer(bytes, driver.Storage)
		if err != nil {
			return fmt.Errorf("%w (for values, number %d)", err, i)
		}
		p.buffers = append(p.buffers, b)
		p.stats.ActivationBytes += bytes
	}
	p.stats.ActivationBound = p.plan.Bound
	for _, o := range p.plan.Outputs {
		var b driver.Buffer
		if o.Constant == nil {
			var err error
			if b, err = d.driver.Buffer(o.At.Size, driver.Readable); err != nil {
				return err
			}
			p.copies = append(p.copies, driver.Command{From: p.rangeOf(o.At), To: driver.Range{Buffer: b, Size: o.At.Size}})
		}
		p.staging = append(p.staging, b)
	}
	if err := p.buildUniforms(); err != nil {
		return err
	}
	uploaded, scratch := int64(0), &tensor.Scratch{}
	pipes := map[string]driver.Pipeline{} // by the kernel's name
	for i, s := range p.plan.Steps {
		pipe := pipes[s.Name]
		if pipe == nil {
			var err error
			if pipe, err = d.pipeline(s.Kernel); err != nil {
				return fmt.Errorf("gpu: %s: %s: %s: %w", s.Op, s.Program, s.Name, err)
			}
			pipes[s.Name] = pipe
		}
		ranges := make([]driver.Range, len(s.Bindings)+1)
		for j, b := range s.Bindings {
			switch {
			case b.Buffer >= 0:
				ranges[j] = p.rangeOf(b.Range)
			case b.Constant != nil:
				c, err := p.constant(b, scratch, &uploaded)
				if err != nil {
					return fmt.Errorf("gpu: %s: %w", s.Op, err)
				}
				ranges[j] = driver.Range{Buffer: c.buffer, Offset: b.Offset, Size: cmp.Or(b.Size, c.bytes-b.Offset)}
			default:
				ranges[j] = driver.Range{Buffer: d.zeros, Size: zeroBytes}
			}
		}
		ranges[len(s.Bindings)] = driver.Range{Buffer: p.uniforms, Offset: int64(uniformAlign * i), Size: uniformAlign}
		group, err := d.driver.Group(pipe, ranges)
		if err != nil {
			return fmt.Errorf("gpu: %s: %s: %w", s.Op, s.Program, err)
		}
		p.dispatches = append(p.dispatches, driver.Command{Pipeline: pipe, Group: group, Grid: s.Kernel.Grid})
		p.stats.FLOPs += s.FLOPs
	}
	p.stats.Dispatches, p.stats.Pipelines = len(p.plan.Steps), len(pipes)
	return nil
}

// rangeOf is a range of the plan's buffers.
func (p *Plan) rangeOf(r plan.Range) driver.Range {
	return driver.Range{Buffer: p.buffers[r.Buffer], Offset: r.Offset, Size: r.Size}
}

// buildUniforms uploads the sizes of all steps, in one buffer.
func (p *Plan) buildUniforms() error {
	words := make([]byte, uniformAlign*max(1, len(p.plan.Steps)))
	for i, s := range p.plan.Steps {
		sizes, err := s.Kernel.Sizes.Words()
		if err != nil {
			return fmt.Errorf("gpu: %s: %s: %w", s.Op, s.Program, err)
		}
		if 4*len(sizes) > uniformAlign {
			return fmt.Errorf("gpu: %s: %s: %d words of sizes", s.Op, s.Program, len(sizes))
		}
		for j, w := range sizes {
			binary.LittleEndian.PutUint32(words[uniformAlign*i+4*j:], w)
		}
	}
	var err error
	if p.uniforms, err = p.d.driver.Buffer(int64(len(words)), driver.Storage); err != nil {
		return err
	}
	return p.d.driver.Write(p.uniforms, 0, words)
}

// constant returns the device's copy of a constant in the layout that b asks
// for, and makes it if no other plan has, which takes memory of s meanwhile.
func (p *Plan) constant(b plan.Binding, s *tensor.Scratch, uploaded *int64) (*constant, error) {
	d, key := p.d, keyOf(b)
	c := d.constants[key]
	if c == nil {
		defer s.Reset()
		t := b.Constant.Tensor(s)
		if b.Packing.Pack != nil {
			t = b.Packing.Pack(t, s)
		}
		bytes := 4 * int64(len(t.Data))
		if bytes > d.info.MaxBufferSize {
			return nil, fmt.Errorf("weight %s takes %d bytes, the device's largest buffer is %d", b.Constant.Name, bytes, d.info.MaxBufferSize)
		}
		buffer, err := d.driver.Buffer(bytes, driver.Storage)
		if err != nil {
			return nil, err
		}
		if err := d.upload(buffer, 0, t.Data, uploaded); err != nil {
			buffer.Release()
			return nil, err
		}
		c = &constant{buffer: buffer, bytes: bytes}
		d.constants[key] = c
		if unload := b.Constant.Const.Unload; unload != nil {
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
func (d *Device) upload(b driver.Buffer, offset int64, data []float32, pending *int64) error {
	for at, all := int64(0), raw(data); at < int64(len(all)); {
		n := min(int64(len(all))-at, uploadBytes)
		if err := d.driver.Write(b, offset+at, all[at:at+n]); err != nil {
			return err
		}
		at += n
		if *pending += n; *pending >= uploadBytes {
			if err := d.run(); err != nil {
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
