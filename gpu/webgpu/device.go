package webgpu

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"errors"
	"sync"
	"time"
	"unsafe"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/shaders"
)

// device is an open adapter. All of wgpu-native's calls may run on many threads at
// once, but submissions take turns because they are numbered.
type device struct {
	info     driver.Info
	instance *instance
	native   *C.vt_device

	mu       sync.Mutex     // for submissions
	commands []C.vt_command // of one submission
}

// failure makes an error from the text that a C call returned.
func failure(text *C.char) error {
	if text == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(text))
	return errors.New("wgpu: " + C.GoString(text))
}

func (d *device) Info() driver.Info { return d.info }

// Close releases in reverse order, because the queue and each buffer refer to the
// device.
func (d *device) Close() {
	C.vt_close(d.native)
	d.instance.release()
	C.vt_trim()
}

// buffer is memory of the device.
type buffer struct{ native unsafe.Pointer }

func (b *buffer) Release() { C.wgpuBufferRelease(b.native) }

// Buffer implements driver.Device. It returns an error if there is too little memory,
// whereas the binding's call ends the process.
func (d *device) Buffer(size int64, use driver.Use) (driver.Buffer, error) {
	b := &buffer{}
	if err := failure(C.vt_buffer(d.native, C.uint64_t(size), use == driver.Readable, &b.native)); err != nil {
		return nil, err
	}
	return b, nil
}

func (d *device) Write(b driver.Buffer, offset int64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	return failure(C.vt_write(d.native, b.(*buffer).native, C.uint64_t(offset), unsafe.Pointer(&data[0]), C.size_t(len(data))))
}

func (d *device) Read(b driver.Buffer, to []byte) error {
	if len(to) == 0 {
		return nil
	}
	return failure(C.vt_read(d.native, b.(*buffer).native, C.size_t(len(to)), unsafe.Pointer(&to[0])))
}

// pipeline is a compiled kernel text with the layout of its bindings.
type pipeline struct{ native C.vt_pipeline }

func (p *pipeline) Release() { C.vt_pipeline_release(&p.native) }

func (d *device) Pipeline(source string, access []shaders.Access) (driver.Pipeline, error) {
	classes := make([]C.vt_access, len(access)+1)
	for i, a := range access {
		switch a {
		case shaders.Read:
			classes[i] = C.VT_READ
		case shaders.ReadWrite:
			classes[i] = C.VT_READ_WRITE
		case shaders.Uniform:
			classes[i] = C.VT_UNIFORM
		}
	}
	text := C.CString(source)
	defer C.free(unsafe.Pointer(text))
	p := &pipeline{}
	if err := failure(C.vt_compile(d.native, text, &classes[0], C.size_t(len(access)), &p.native)); err != nil {
		return nil, err
	}
	return p, nil
}

// parse returns an error if wgpu-native does not take the text.
func (d *device) parse(source string) error {
	text := C.CString(source)
	defer C.free(unsafe.Pointer(text))
	return failure(C.vt_parse(d.native, text))
}

// group is a set of buffer ranges bound to a pipeline.
type group struct{ native unsafe.Pointer }

func (g *group) Release() { C.wgpuBindGroupRelease(g.native) }

func (d *device) Group(p driver.Pipeline, ranges []driver.Range) (driver.Group, error) {
	entries := make([]C.vt_range, len(ranges)+1)
	for i, r := range ranges {
		entries[i] = native(r)
	}
	g := &group{}
	if err := failure(C.vt_group(d.native, p.(*pipeline).native.group, &entries[0], C.size_t(len(ranges)), &g.native)); err != nil {
		return nil, err
	}
	return g, nil
}

func native(r driver.Range) C.vt_range {
	return C.vt_range{buffer: r.Buffer.(*buffer).native, offset: C.uint64_t(r.Offset), size: C.uint64_t(r.Size)}
}

// encode turns commands into the shim's. The result is valid until the next call. The
// caller holds the lock.
func (d *device) encode(commands []driver.Command) []C.vt_command {
	d.commands = d.commands[:0]
	for _, c := range commands {
		n := C.vt_command{}
		if c.Pipeline != nil {
			n.pipeline, n.group = c.Pipeline.(*pipeline).native.compute, c.Group.(*group).native
			for i, g := range c.Grid {
				n.grid[i] = C.uint32_t(g)
			}
		} else {
			n.from, n.to = native(c.From), native(c.To)
		}
		d.commands = append(d.commands, n)
	}
	return d.commands
}

func (d *device) Submit(commands []driver.Command) (driver.Submission, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.encode(commands)
	if err := failure(C.vt_submit(d.native, unsafe.SliceData(c), C.size_t(len(c)))); err != nil {
		return 0, err
	}
	return driver.Submission(C.vt_submitted(d.native)), nil
}

func (d *device) Wait(s driver.Submission, atMost time.Duration) bool {
	return bool(C.vt_wait(d.native, C.uint64_t(s), C.int64_t(atMost.Microseconds())))
}

// mostTimes is the size of WebGPU's largest set of queries.
const mostTimes = 4096

func (d *device) Stamp(commands []driver.Command) ([]uint64, error) {
	if !d.info.Timestamps || len(commands)+1 > mostTimes {
		return nil, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.encode(commands)
	ticks := make([]uint64, len(c)+1)
	if err := failure(C.vt_stamp(d.native, unsafe.SliceData(c), C.size_t(len(c)), (*C.uint64_t)(&ticks[0]))); err != nil {
		return nil, err
	}
	return ticks, nil
}
