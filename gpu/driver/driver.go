// Package driver is the interface between package gpu and a binding of WebGPU.
// Package gpu/webgpu implements it for wgpu-native. Another binding, or the
// browser, can implement it, too.
//
// A Driver lists adapters and opens one as a Device. A Device makes buffers and
// pipelines and binds buffers to a pipeline as a Group. Submit takes Commands, and
// the device runs them in the order of submission. Wait waits for a submission;
// Read copies to the host.
//
// An object may be released while submissions use it: they keep what they need.
//
// Calls return errors for faults of the user's input: a text that is not a kernel,
// too little memory, a limit exceeded. They do not check for mistakes of the
// calling package: a range outside its buffer, an object that was released or
// belongs to another device.
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
	if i.Limits.Kind != i.Kind() {
		s += ", kernels for " + i.Limits.Kind.String()
	}
	if i.Limits.StorageBinding == shaders.Default.StorageBinding && i.Limits.WorkgroupMemory == shaders.Default.WorkgroupMemory {
		s += ", default limits"
	}
	return s + ")"
}

// Kind returns what the adapter is. Limits.Kind says which kernels it gets, which a
// caller may choose otherwise.
func (i Info) Kind() shaders.Kind {
	if i.Type == "software" {
		return shaders.CPU
	}
	return shaders.GPU
}

// Driver is a binding of WebGPU.
type Driver interface {
	// Adapters lists the adapters of the named backend, or of all native backends if
	// the name is empty. The order is the same in every call.
	Adapters(backend string) ([]Info, error)

	// Open passes this list to choose and opens the adapter with the index that
	// choose returns, as the Info that it returns: with these limits, which are at
	// most the adapter's, and this MaxBufferSize.
	Open(backend string, choose func([]Info) (number int, as Info, err error)) (Device, error)
}

// Device is an open adapter. Many goroutines may call its methods at once. Close is
// the last call.
type Device interface {
	// Info describes the open adapter.
	Info() Info

	// Buffer makes a buffer of zeros. Its size in bytes is a multiple of 4.
	Buffer(size int64, use Use) (Buffer, error)

	// Write copies data to b after all earlier submissions. The caller may change
	// data when Write returns.
	Write(b Buffer, offset int64, data []byte) error

	// Pipeline compiles a kernel's text, whose entry point is main.
	Pipeline(source string, access []shaders.Access) (Pipeline, error)

	// Group binds ranges of buffers to a pipeline's bindings, in order.
	Group(p Pipeline, ranges []Range) (Group, error)

	// Submit makes the device run commands one after the other, and returns at once.
	// It does not keep the slice.
	Submit(commands []Command) (Submission, error)

	// Stamp runs dispatches and waits for them. It returns the time of the device's
	// clock before each dispatch and after the last one, in ticks of unknown length.
	// It returns nil if the device has no clock or cannot record so many times.
	Stamp(commands []Command) ([]uint64, error)

	// Wait waits until a submission and all before it are done, but no longer than
	// atMost. It reports whether they are done.
	Wait(s Submission, atMost time.Duration) (done bool)

	// Read copies the start of b, a Readable buffer, to the host. The caller has
	// waited for all submissions that write to b.
	Read(b Buffer, to []byte) error

	// Close waits for all submissions and releases the device. The caller has
	// released all objects of the device.
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

// Group is a set of buffer ranges bound to a pipeline.
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

// Submission is the number of a submission to a device. The first is 1; 0 is before
// all of them.
type Submission uint64
