// Package gpu runs graphs on a GPU through WebGPU: Open a Device, Compile a graph
// into a Plan, Run the plan as often as you like. Close the plan and the device at
// the end.
//
// Run takes arrays from the host and makes new ones. Data can also stay on the
// device, from plan to plan or from frame to frame: Upload and Plan.NewOutputs
// make Tensors, Plan.Submit runs a plan on them without waiting, and Tensor.Read
// copies one back. These runs allocate nothing.
//
// Many goroutines may use all of this at once. Every call notices within a moment
// that its context has ended, on a software device, too.
//
// Package plan chooses the dispatches and places the values in memory. Package
// driver is the interface to WebGPU, and package webgpu implements it. Some calls
// of WebGPU end the process when they are given wrong arguments. This package
// checks sizes, states and limits before such calls.
package gpu

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/gpu/webgpu"
	"github.com/vertebra/vertebra/shaders"
)

// binding is the driver that opens devices.
type binding = webgpu.Driver

// Binding names the Go module and the library that reach the device.
const Binding = webgpu.Binding

// MemoryError is the error for a plan that needs more memory than the device gives.
type MemoryError = plan.MemoryError

// Options says which adapter to open. The zero value opens the one that is likely
// the fastest: discrete before integrated before software, native backends before
// GL.
type Options struct {
	Backend string // "vulkan", "metal", "dx12", "gl"; empty for any
	Adapter string // an index into the list of Adapters, part of a name, or "gpu" for any but software devices; empty for any
	Memory  int64  // bytes a plan may allocate; 0 for as much as the adapter allows

	// Limits is "default" for a device that allows no more than WebGPU guarantees, and
	// empty for one that allows what its adapter does. Kind is "gpu" or "cpu" for the
	// kernels that suit such a device, and empty for those that suit the adapter. Both
	// show on one device what happens on others.
	Limits, Kind string

	// F16 stores weights as f16 in the device's memory, which takes half of it. Sums stay
	// f32. See Choice.F16, which does the same for one plan.
	F16 bool

	// F16Values stores values between ops as f16, too: see Choice.F16Values.
	F16Values bool

	Tunings Tunings // what Tune finds and Compile uses

	// Compiling, if it is not nil, is told of each kernel that Compile has made ready and
	// that was not before: how many of how many. It may be called by several goroutines.
	Compiling func(done, total int)
}

// Info describes an adapter.
type Info = driver.Info

// Device is an open adapter. Many goroutines may use it at once, and none blocks
// the others for long: a device compiles, uploads and reads back while plans run,
// and plans take turns after each submission.
type Device struct {
	info      Info
	self      Options // open the same adapter
	memory    int64
	compiling func(done, total int) // may be nil
	f16       bool                  // store weights as f16
	values    bool                  // store values as f16
	driver    driver.Device
	zeros     driver.Buffer // stands in for absent args
	tuned     *tuned

	open   sync.RWMutex // read-locked to use the driver, locked to close it
	closed bool         // guarded by open

	queue queue

	mu        sync.Mutex // guards all below, and is never held for long
	pipelines map[string]*pipeline
	constants map[plan.ConstantKey]*constant
	plans     map[*Plan]bool
	tensors   map[*Tensor]bool
}

// F16 reports whether the device stores weights or values as f16.
func (d *Device) F16() bool { return d.f16 || d.values }

// rank orders adapters: the best has the lowest rank.
func rank(i Info) int {
	r := map[string]int{"discrete": 0, "integrated": 1, "unknown": 2, "software": 3}[i.Type]
	if i.Backend == "gl" {
		r += 10
	}
	return r
}

// Adapters lists the adapters that Open can choose from. A number in
// Options.Adapter is an index into this list.
func Adapters(backend string) ([]Info, error) { return binding{}.Adapters(backend) }

// choose returns the index of the adapter that o asks for.
func choose(list []Info, o Options) (int, error) {
	best := -1
	number, err := strconv.Atoi(o.Adapter)
	hardware := strings.EqualFold(o.Adapter, "gpu")
	for i, a := range list {
		switch {
		case hardware && a.Type == "software":
		case hardware:
			if best < 0 || rank(a) < rank(list[best]) {
				best = i
			}
		case o.Adapter != "" && err == nil && i != number:
		case o.Adapter != "" && err != nil && !strings.Contains(strings.ToLower(a.Name), strings.ToLower(o.Adapter)):
		case best < 0 || rank(a) < rank(list[best]):
			best = i
		}
	}
	if best >= 0 {
		return best, nil
	}
	if len(list) == 0 {
		return 0, noAdapter(o.Backend)
	}
	names := make([]string, len(list))
	for i, a := range list {
		names[i] = fmt.Sprintf("%d: %v", i, a)
	}
	if hardware {
		return 0, fmt.Errorf("gpu: no driver for a GPU, only for software devices: %s", strings.Join(names, "; "))
	}
	return 0, fmt.Errorf("gpu: no adapter %q; the adapters are %s", o.Adapter, strings.Join(names, "; "))
}

// as returns what a device offers that is opened with these options.
func (o Options) as(info Info) (Info, error) {
	switch strings.ToLower(o.Limits) {
	case "":
	case "default":
		own, least := &info.Limits, shaders.Default
		own.StorageBinding = min(own.StorageBinding, least.StorageBinding)
		own.StorageBuffers = min(own.StorageBuffers, least.StorageBuffers)
		own.WorkgroupMemory = min(own.WorkgroupMemory, least.WorkgroupMemory)
		own.WorkgroupSize = min(own.WorkgroupSize, least.WorkgroupSize)
		own.WorkgroupsPerDim = min(own.WorkgroupsPerDim, least.WorkgroupsPerDim)
		own.F16 = false
		info.MaxBufferSize = min(info.MaxBufferSize, defaultBuffer)
	default:
		return info, fmt.Errorf("gpu: limits %q are unknown; want default", o.Limits)
	}
	switch strings.ToLower(o.Kind) {
	case "":
	case "gpu":
		info.Limits.Kind = shaders.GPU
	case "cpu":
		info.Limits.Kind = shaders.CPU
	default:
		return info, fmt.Errorf("gpu: kind %q is unknown; want gpu or cpu", o.Kind)
	}
	return info, nil
}

// defaultBuffer is the largest buffer that WebGPU guarantees.
const defaultBuffer = 256 << 20

// ErrNoAdapter is wrapped in Open's error if the system has no adapter.
var ErrNoAdapter = errors.New("no adapter found")

// noAdapter returns an error that says where Open looked and what to install.
func noAdapter(backend string) error {
	what := map[string]string{
		"linux":   "Vulkan; install a driver for your card (mesa-vulkan-drivers on Debian and Ubuntu has Intel's, AMD's and a software one; NVIDIA's comes with its own driver)",
		"darwin":  "Metal; macOS 10.13 or newer on a Mac with a Metal GPU is needed",
		"windows": "Direct3D 12 and Vulkan; install your card vendor's current driver",
	}[runtime.GOOS]
	if what == "" {
		what = "Vulkan"
	}
	if backend != "" {
		what = backend + " alone, as asked; by default " + what
	}
	return fmt.Errorf("gpu: %w; looked for %s", ErrNoAdapter, what)
}

// Open opens the adapter that o describes. The caller closes the device.
func Open(o Options) (*Device, error) {
	if o.Memory < 0 {
		return nil, fmt.Errorf("gpu: a plan may allocate %d bytes, want 0 or more", o.Memory)
	}
	number := 0
	opened, err := binding{}.Open(o.Backend, func(list []Info) (int, Info, error) {
		i, err := choose(list, o)
		if err != nil {
			return 0, Info{}, err
		}
		number = i
		as, err := o.as(list[i])
		return i, as, err
	})
	if err != nil {
		return nil, err
	}
	d := &Device{
		info:      opened.Info(),
		self:      Options{Backend: o.Backend, Adapter: strconv.Itoa(number), Limits: o.Limits, Kind: o.Kind},
		compiling: o.Compiling,
		memory:    cmp.Or(o.Memory, systemMemory(opened.Info())),
		f16:       o.F16,
		values:    o.F16Values,
		driver:    opened,
		tuned:     newTuned(o.Tunings, opened.Info()),
		queue:     queue{gate: make(chan struct{}, 1)},
		pipelines: map[string]*pipeline{},
		constants: map[plan.ConstantKey]*constant{},
		plans:     map[*Plan]bool{},
		tensors:   map[*Tensor]bool{},
	}
	if d.zeros, err = opened.Buffer(zeroBytes, driver.Storage); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// zeroBytes is the size of the buffer of zeros that an absent arg sees.
const zeroBytes = 256

// systemMemory returns how much memory a software adapter can take before the
// system ends the process, or 0 if that is unknown. Such an adapter uses the
// system's memory.
func systemMemory(info Info) int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil || info.Kind() != shaders.CPU {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10 / 10 * 9
		}
	}
	return 0
}

// Info describes the adapter.
func (d *Device) Info() Info { return d.info }

var errClosed = errors.New("gpu: the device is closed")

// enter keeps the device from being closed until leave.
func (d *Device) enter() error {
	d.open.RLock()
	if d.closed {
		d.open.RUnlock()
		return errClosed
	}
	return nil
}

func (d *Device) leave() { d.open.RUnlock() }

// Close waits for calls that are under way, and then releases the device, its
// plans and its tensors. It is idempotent.
func (d *Device) Close() error {
	d.open.Lock()
	defer d.open.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	for p := range d.plans {
		p.release()
	}
	for t := range d.tensors {
		t.release()
	}
	for _, p := range d.pipelines {
		p.compiled.Release()
	}
	if d.zeros != nil {
		d.zeros.Release()
	}
	d.driver.Close()
	return nil
}
