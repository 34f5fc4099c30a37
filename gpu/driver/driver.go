// Package driver is the seam between package gpu and a binding of WebGPU: all
// that gpu asks of one. Package gpu/webgpu implements it; another binding, or
// the browser, takes its place by implementing it, too.
//
// A Driver lists adapters and opens one as a Device. A Device makes buffers and
// pipelines, binds buffers to a pipeline as a Group, and takes Commands in
// Submit, which it runs in the order of their submissions. Wait waits for a
// submission; Read copies to the host.
//
// Objects may be released while submissions use them, which keep what they need.
//
// What comes back as an error is up to the caller: a text that is no kernel, a
// lack of memory, more than a limit. What is out of order is not checked: a
// range outside its buffer, an object that was released or that belongs to
// another device.
package driver

import (
	"fmt"
	"time"

	"github.com/vertebra/vertebra/shaders"
)

// Info describes an adapter.
type Info struct {
	Name    string
	Driver  string
	Backend string // "vulkan", "metal", "dx12", "gl"
	Type    string // "discrete", "integrated", "software", "unknown"
	Limits  shaders.Limits

	MaxBufferSize int64 // bytes
	Timestamps    bool  // whether Device.Stamp works
}

// String names the adapter in one line.
func (i Info) String() string {
	s := fmt.Sprintf("%s (%s, %s", i.Name, i.Type, i.Backend)
	if i.Driver != "" {
		s += ", " + i.Driver
	}
	return s + ")"
}

// Driver is a binding of WebGPU.
type Driver interface {
	// Adapters lists what the backends offer that have this name, or all native
	// ones if it is empty. The order stays the same.
	Adapters(backend string) ([]Info, error)

	// Open opens the adapter whose number in this list choose returns.
	Open(backend string, choose func([]Info) (number int, err error)) (Device, error)
}

// Device is an open adapter. Each method may be called by many goroutines at
// once, but for Close, after which none is called.
type Device interface {
	// Info describes the adapter as it was opened.
	Info() Info

	// Buffer makes a buffer of zeros, of size bytes, a multiple of 4.
	Buffer(size int64, use Use) (Buffer, error)

	// Write copies data to b, after what has been submitted. It has the data when
	// it returns.
	Write(b Buffer, offset int64, data []byte) error

	// Pipeline compiles a kernel's text, whose entry point is main.
	Pipeline(source string, access []shaders.Access) (Pipeline, error)

	// Group binds ranges of buffers to a pipeline's bindings, in order.
	Group(p Pipeline, ranges []Range) (Group, error)

	// Submit has the device run commands, one after the other, and returns at
	// once. It does not keep the slice.
	Submit(commands []Command) (Submission, error)

	// Stamp runs dispatches and waits for them. It returns the device's clock
	// before each and after the last, in ticks of unknown length, or nil if it has
	// no clock or not as many ticks.
	Stamp(commands []Command) ([]uint64, error)

	// Wait waits for a submission, and thus all before it, but no longer than
	// atMost. It reports whether it is done.
	Wait(s Submission, atMost time.Duration) (done bool)

	// Read copies the start of b, which is of use Readable, to the host. All
	// submissions that write it are done.
	Read(b Buffer, to []byte) error

	// Close waits for all that was submitted and releases the device. All that was
	// made of it has been released.
	Close()
}

// Use is what a buffer is for.
type Use uint8

// The uses of a buffer.
const (
	Storage  Use = iota // bound to kernels, read or written; copied from and to
	Readable            // copied to, and read by the host
)

// Buffer is memory of a device.
type Buffer interface{ Release() }

// Pipeline is a compiled kernel.
type Pipeline interface{ Release() }

// Group is what a pipeline is bound to.
type Group interface{ Release() }

// Range is a range of a buffer, in bytes.
type Range struct {
	Buffer       Buffer
	Offset, Size int64
}

// Command is a dispatch or, without a pipeline, a copy.
type Command struct {
	Pipeline Pipeline
	Group    Group
	Grid     [3]int // workgroups

	From, To Range // of the same size, a multiple of 4
}

// Submission numbers what was submitted to a device, from 1 on. Zero is before
// all of them.
type Submission uint64
