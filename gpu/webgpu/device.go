package webgpu

import (
	"encoding/binary"
	"time"

	"github.com/rajveermalviya/go-webgpu/wgpu"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/shaders"
)

const (
	storage  = wgpu.BufferUsage_Storage | wgpu.BufferUsage_Uniform | wgpu.BufferUsage_CopySrc | wgpu.BufferUsage_CopyDst
	readable = wgpu.BufferUsage_MapRead | wgpu.BufferUsage_CopyDst
)

type device struct {
	info      driver.Info
	instance  *wgpu.Instance
	device    *wgpu.Device
	queue     *wgpu.Queue
	submitted driver.Submission
}

func (d *device) Info() driver.Info { return d.info }

// Close releases in reverse order, for the queue and each buffer hold the
// device.
func (d *device) Close() {
	wait(d.device)
	d.queue.Release()
	d.device.Release()
	d.instance.Release()
	trim()
}

func (d *device) Buffer(size int64, use driver.Use) (driver.Buffer, error) {
	usage := storage
	if use == driver.Readable {
		usage = readable
	}
	b, err := newBuffer(d.device, size, usage)
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (d *device) Write(b driver.Buffer, offset int64, data []byte) error {
	return d.queue.WriteBuffer(b.(*wgpu.Buffer), uint64(offset), data)
}

func (d *device) Read(b driver.Buffer, to []byte) error { return read(b.(*wgpu.Buffer), to) }

func (d *device) Wait(driver.Submission, time.Duration) bool {
	wait(d.device)
	return true
}

// pipeline is a compiled kernel text with the layout of its bindings.
type pipeline struct {
	compute *wgpu.ComputePipeline
	layout  *wgpu.PipelineLayout
	group   *wgpu.BindGroupLayout
	module  *wgpu.ShaderModule
}

func (p *pipeline) Release() {
	if p.compute != nil {
		p.compute.Release()
	}
	if p.layout != nil {
		p.layout.Release()
	}
	if p.group != nil {
		p.group.Release()
	}
	if p.module != nil {
		p.module.Release()
	}
}

func (d *device) Pipeline(source string, access []shaders.Access) (driver.Pipeline, error) {
	entries := make([]wgpu.BindGroupLayoutEntry, len(access))
	for i, a := range access {
		kind := wgpu.BufferBindingType_ReadOnlyStorage
		switch a {
		case shaders.ReadWrite:
			kind = wgpu.BufferBindingType_Storage
		case shaders.Uniform:
			kind = wgpu.BufferBindingType_Uniform
		}
		entries[i] = wgpu.BindGroupLayoutEntry{
			Binding:    uint32(i),
			Visibility: wgpu.ShaderStage_Compute,
			Buffer:     wgpu.BufferBindingLayout{Type: kind},
		}
	}
	p, err := &pipeline{}, error(nil)
	if p.module, err = d.device.CreateShaderModule(&wgpu.ShaderModuleDescriptor{
		WGSLDescriptor: &wgpu.ShaderModuleWGSLDescriptor{Code: source},
	}); err == nil {
		p.group, err = d.device.CreateBindGroupLayout(&wgpu.BindGroupLayoutDescriptor{Entries: entries})
	}
	if err == nil {
		p.layout, err = d.device.CreatePipelineLayout(&wgpu.PipelineLayoutDescriptor{
			BindGroupLayouts: []*wgpu.BindGroupLayout{p.group},
		})
	}
	if err == nil {
		p.compute, err = d.device.CreateComputePipeline(&wgpu.ComputePipelineDescriptor{
			Layout:  p.layout,
			Compute: wgpu.ProgrammableStageDescriptor{Module: p.module, EntryPoint: "main"},
		})
	}
	if err != nil {
		p.Release()
		return nil, err
	}
	return p, nil
}

func (d *device) Group(p driver.Pipeline, ranges []driver.Range) (driver.Group, error) {
	entries := make([]wgpu.BindGroupEntry, len(ranges))
	for i, r := range ranges {
		entries[i] = wgpu.BindGroupEntry{
			Binding: uint32(i),
			Buffer:  r.Buffer.(*wgpu.Buffer),
			Offset:  uint64(r.Offset),
			Size:    uint64(r.Size),
		}
	}
	g, err := d.device.CreateBindGroup(&wgpu.BindGroupDescriptor{Layout: p.(*pipeline).group, Entries: entries})
	if err != nil {
		return nil, err
	}
	return g, nil
}

func (d *device) Submit(commands []driver.Command) (driver.Submission, error) {
	err := d.record(func(e *wgpu.CommandEncoder) error {
		for len(commands) > 0 {
			c := commands[0]
			if c.Pipeline != nil {
				n := 1
				for n < len(commands) && commands[n].Pipeline != nil {
					n++
				}
				if err := pass(e, commands[:n]); err != nil {
					return err
				}
				commands = commands[n:]
				continue
			}
			if err := e.CopyBufferToBuffer(c.From.Buffer.(*wgpu.Buffer), uint64(c.From.Offset),
				c.To.Buffer.(*wgpu.Buffer), uint64(c.To.Offset), uint64(c.From.Size)); err != nil {
				return err
			}
			commands = commands[1:]
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	d.submitted++
	return d.submitted, nil
}

// record submits what f encodes.
func (d *device) record(f func(*wgpu.CommandEncoder) error) error {
	encoder, err := d.device.CreateCommandEncoder(nil)
	if err != nil {
		return err
	}
	defer encoder.Release()
	if err := f(encoder); err != nil {
		return err
	}
	commands, err := encoder.Finish(nil)
	if err != nil {
		return err
	}
	defer commands.Release()
	d.queue.Submit(commands)
	return nil
}

// pass encodes dispatches as a compute pass.
func pass(e *wgpu.CommandEncoder, dispatches []driver.Command) error {
	pass := e.BeginComputePass(nil)
	defer pass.Release()
	for _, c := range dispatches {
		pass.SetPipeline(c.Pipeline.(*pipeline).compute)
		pass.SetBindGroup(0, c.Group.(*wgpu.BindGroup), nil)
		pass.DispatchWorkgroups(uint32(c.Grid[0]), uint32(c.Grid[1]), uint32(c.Grid[2]))
	}
	return pass.End()
}

func (d *device) Stamp(commands []driver.Command) ([]uint64, error) {
	n := len(commands) + 1
	if !d.info.Timestamps || n > wgpu.QuerySetMaxQueries {
		return nil, nil
	}
	set, err := d.device.CreateQuerySet(&wgpu.QuerySetDescriptor{Type: wgpu.QueryType_Timestamp, Count: uint32(n)})
	if err != nil {
		return nil, err
	}
	defer set.Release()
	resolve, err := newBuffer(d.device, 8*int64(n), wgpu.BufferUsage_QueryResolve|wgpu.BufferUsage_CopySrc)
	if err != nil {
		return nil, err
	}
	defer resolve.Release()
	back, err := newBuffer(d.device, 8*int64(n), readable)
	if err != nil {
		return nil, err
	}
	defer back.Release()
	err = d.record(func(e *wgpu.CommandEncoder) error {
		for i := range commands {
			if err := e.WriteTimestamp(set, uint32(i)); err != nil {
				return err
			}
			if err := pass(e, commands[i:i+1]); err != nil {
				return err
			}
		}
		if err := e.WriteTimestamp(set, uint32(n-1)); err != nil {
			return err
		}
		if err := e.ResolveQuerySet(set, 0, uint32(n), resolve, 0); err != nil {
			return err
		}
		return e.CopyBufferToBuffer(resolve, 0, back, 0, 8*uint64(n))
	})
	if err != nil {
		return nil, err
	}
	words := make([]byte, 8*n)
	if err := read(back, words); err != nil {
		return nil, err
	}
	ticks := make([]uint64, n)
	for i := range ticks {
		ticks[i] = binary.LittleEndian.Uint64(words[8*i:])
	}
	return ticks, nil
}
