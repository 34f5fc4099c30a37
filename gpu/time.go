package gpu

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/shaders"
)

// Time measures the device with a kernel that belongs to no op. It dispatches the
// kernel once to warm up and then runs times, and waits for each dispatch. A
// binding's Arg is an index into buffers of zeros of the given sizes in bytes.
func (d *Device) Time(k shaders.Kernel, sizes []int64, runs int) ([]time.Duration, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	for _, size := range sizes {
		if size < 4 || size > min(d.info.MaxBufferSize, d.info.Limits.StorageBinding) {
			return nil, fmt.Errorf("gpu: a buffer of %d bytes is not possible: the device binds 4 to %d bytes at once", size, d.info.Limits.StorageBinding)
		}
	}
	for dim, n := range k.Grid {
		if n < 1 || n > d.info.Limits.WorkgroupsPerDim {
			return nil, fmt.Errorf("gpu: %d workgroups along dimension %d, but the device allows 1 to %d", n, dim, d.info.Limits.WorkgroupsPerDim)
		}
	}
	pipe, err := d.pipeline(k)
	if err != nil {
		return nil, err
	}
	var ranges []driver.Range
	defer func() {
		for _, r := range ranges {
			r.Buffer.Release()
		}
	}()
	bind := func(size int64) error {
		b, err := d.driver.Buffer(size, driver.Storage)
		if err == nil {
			ranges = append(ranges, driver.Range{Buffer: b, Size: size})
		}
		return err
	}
	for _, b := range k.Bindings {
		if err := bind(sizes[b.Arg]); err != nil {
			return nil, err
		}
	}
	if err := bind(uniformAlign); err != nil {
		return nil, err
	}
	lengths, err := k.Sizes.Words()
	if err != nil {
		return nil, err
	}
	words := make([]byte, uniformAlign)
	for i, w := range lengths {
		binary.LittleEndian.PutUint32(words[4*i:], w)
	}
	if err := d.driver.Write(ranges[len(k.Bindings)].Buffer, 0, words); err != nil {
		return nil, err
	}
	group, err := d.driver.Group(pipe.compiled, ranges)
	if err != nil {
		return nil, err
	}
	defer group.Release()
	times := make([]time.Duration, runs+1)
	for i := range times {
		start := time.Now()
		if err := d.run(context.Background(), driver.Command{Pipeline: pipe.compiled, Group: group, Grid: k.Grid}); err != nil {
			return nil, err
		}
		times[i] = time.Since(start)
	}
	return times[1:], nil
}
