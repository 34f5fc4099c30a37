package gpu

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// uniformAlign is the alignment of uniform bindings in WebGPU.
const uniformAlign = 256

// Compile makes a plan with the fastest program for each op, as Tune found, or the
// best guess.
func (d *Device) Compile(g *graph.Graph) (*Plan, error) { return d.CompileWith(g, Choice{}) }

// Choice decides what Compile otherwise decides by itself.
type Choice = plan.Choice

// Candidate is a choice of one program for each op of a graph.
type Candidate = plan.Candidate

// Candidates yields choices that together use every program of every op of a
// graph: see plan.Candidates.
func Candidates(base Choice) iter.Seq[*Candidate] { return plan.Candidates(base) }

// CompileWith makes a plan with some choices made by the caller.
func (d *Device) CompileWith(g *graph.Graph, c Choice) (*Plan, error) {
	c.F16, c.F16Values = c.F16 || d.f16, c.F16Values || d.values
	tuned := 0
	if c.Tuned == nil && !c.Untuned {
		c.Tuned = func(key string) string {
			name := d.tuned.program(key)
			if name != "" {
				tuned++
			}
			return name
		}
	}
	l, err := plan.New(g, d.info.Limits, d.info.MaxBufferSize, c)
	if err != nil {
		return nil, err
	}
	if err := d.affordable(l); err != nil {
		return nil, err
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	p := &Plan{
		d: d, plan: l, graph: g,
		constants: map[plan.ConstantKey]*constant{},
		hosted:    map[int]*hosted{},
		turn:      make(chan struct{}, 1),
		pace:      newPace(l.Steps, d.info.Kind()),
	}
	p.stats.Tuned = tuned
	fresh := d.fresh(l.Steps)
	warm, warms := d.warm(l.Steps, fresh)
	if warms { // that takes longer
		fresh = nil
	}
	err = p.build(fresh)
	warm()
	if err != nil {
		p.release()
		return nil, err
	}
	d.mu.Lock()
	d.plans[p] = true
	d.mu.Unlock()
	return p, nil
}

// affordable returns an error if the plan needs more memory than the device may
// take. It allocates nothing.
func (d *Device) affordable(l *plan.Plan) error {
	total := int64(0)
	for _, b := range l.Sizes {
		total += b
	}
	total += l.WeightBytes()
	if d.memory > 0 && total > d.memory {
		err := fmt.Errorf("gpu: the plan takes %d bytes, but only %d are allowed", total, d.memory)
		return &MemoryError{Bytes: total, Limit: d.memory, Err: err}
	}
	return nil
}

// build makes the plan's GPU objects. It counts the kernels that it compiles.
func (p *Plan) build(fresh *fresh) error {
	d := p.d
	for i, bytes := range p.plan.Sizes {
		b, err := d.driver.Buffer(bytes, driver.Storage)
		if err != nil {
			err = fmt.Errorf("%w: buffer %d for values takes %d bytes", err, i, bytes)
			return &MemoryError{Bytes: bytes, Err: err}
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
	pipes, different := map[string]*pipeline{}, map[*pipeline]bool{} // pipes is by the kernel's name
	for i, s := range p.plan.Steps {
		p.stats.FLOPs += s.FLOPs
		if s.Eval != nil {
			h, err := p.host(s)
			if err != nil {
				return fmt.Errorf("gpu: %s: %w", s.Op, err)
			}
			p.hosted[i] = h
			p.dispatches, p.pipelines = append(p.dispatches, driver.Command{}), append(p.pipelines, nil)
			p.stats.Evals++
			continue
		}
		pipe := pipes[s.Name]
		if pipe == nil || s.Kernel.Files != nil {
			var err error
			if pipe, err = d.pipeline(s.Kernel); err != nil {
				return fmt.Errorf("gpu: %s: %s: %s: %w", s.Op, s.Program, s.Name, err)
			}
			pipes[s.Name] = pipe
			fresh.ready(s.Name)
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
		group, err := d.driver.Group(pipe.compiled, ranges)
		if err != nil {
			return fmt.Errorf("gpu: %s: %s: %w", s.Op, s.Program, err)
		}
		p.dispatches = append(p.dispatches, driver.Command{Pipeline: pipe.compiled, Group: group, Grid: s.Kernel.Grid})
		p.pipelines = append(p.pipelines, pipe)
		different[pipe] = true
	}
	p.stats.Dispatches, p.stats.Pipelines = len(p.plan.Steps)-p.stats.Evals, len(different)
	return nil
}

// rangeOf returns the device's range for a range of the plan.
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
			return fmt.Errorf("gpu: %s: %s: the sizes take %d words, but only %d fit", s.Op, s.Program, len(sizes), uniformAlign/4)
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
