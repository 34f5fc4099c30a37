package gpu

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/rajveermalviya/go-webgpu/wgpu"

	"github.com/vertebra/vertebra/shaders"
)

// Time dispatches a kernel that belongs to no op, as a measure of the device:
// once to warm up, then runs times, each waited for. Kernel.Bind counts buffers
// of the given sizes in bytes, which hold zeros.
func (d *Device) Time(k shaders.Kernel, sizes []int64, runs int) ([]time.Duration, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errClosed
	}
	for _, size := range sizes {
		if size < 4 || size > min(d.info.MaxBufferSize, d.info.Limits.StorageBinding) {
			return nil, fmt.Errorf("gpu: a buffer of %d bytes; the device binds %d at once", size, d.info.Limits.StorageBinding)
		}
	}
	for dim, n := range k.Grid {
		if n < 1 || n > d.info.Limits.WorkgroupsPerDim {
			return nil, fmt.Errorf("gpu: %d workgroups along dimension %d, the device allows %d", n, dim, d.info.Limits.WorkgroupsPerDim)
		}
	}
	pipe, err := d.pipeline(k.Source)
	if err != nil {
		return nil, err
	}
	var buffers []*wgpu.Buffer
	defer func() {
		for _, b := range buffers {
			b.Release()
		}
	}()
	buffer := func(size int64, usage wgpu.BufferUsage) (*wgpu.Buffer, error) {
		b, err := newBuffer(d.device, size, usage)
		if err == nil {
			buffers = append(buffers, b)
		}
		return b, err
	}
	var entries []wgpu.BindGroupEntry
	bind := func(b *wgpu.Buffer) {
		entries = append(entries, wgpu.BindGroupEntry{Binding: uint32(len(entries)), Buffer: b, Size: b.GetSize()})
	}
	for _, i := range k.Bind {
		b, err := buffer(sizes[i], storage)
		if err != nil {
			return nil, err
		}
		bind(b)
	}
	words := make([]byte, uniformAlign)
	for i, w := range k.Params {
		binary.LittleEndian.PutUint32(words[4*i:], w)
	}
	uniforms, err := buffer(uniformAlign, wgpu.BufferUsage_Uniform|wgpu.BufferUsage_CopyDst)
	if err != nil {
		return nil, err
	}
	if err := d.queue.WriteBuffer(uniforms, 0, words); err != nil {
		return nil, err
	}
	bind(uniforms)
	group, err := d.device.CreateBindGroup(&wgpu.BindGroupDescriptor{Layout: pipe.group, Entries: entries})
	if err != nil {
		return nil, err
	}
	defer group.Release()
	times := make([]time.Duration, runs+1)
	for i := range times {
		start := time.Now()
		err := d.record(func(e *wgpu.CommandEncoder) error { return pass(e, pipe, group, k.Grid) })
		if err != nil {
			return nil, err
		}
		wait(d.device)
		times[i] = time.Since(start)
	}
	return times[1:], nil
}
