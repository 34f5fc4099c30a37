// Package gpu runs graphs on a GPU through WebGPU: Open a Device, Compile a graph
// into a Plan, Run the plan as often as you like. Close the plan and the device at
// the end.
//
// Run takes arrays of the host and makes new ones. What goes from plan to plan or
// from frame to frame stays on the device instead: Upload and Plan.NewOutputs make
// Tensors, Plan.Submit runs a plan on them without waiting, Tensor.Read brings one
// back. Nothing is allocated on that way.
//
// All of it may be used by many goroutines. A context that ends is noticed within
// a moment, on a software device, too.
//
// Package plan decides what is dispatched and where values are; package driver
// is all that is asked of WebGPU, and package webgpu does it. Nothing that comes
// from outside reaches a call of the driver that would end the process: sizes,
// states and limits are checked before.
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
	"github.com/vertebra/vertebra/gpu/webgpu"
	"github.com/vertebra/vertebra/shaders"
)

// binding is the driver that devices are opened with.
type binding = webgpu.Driver

// Options says which adapter to open. The zero value opens the fastest real
// one: discrete before integrated before software, native backends before GL.
type Options struct {
	Backend string // "vulkan", "metal", "dx12", "gl"; empty for any
	Adapter string // a number of Adapters' list, or part of a name; empty for any
	Memory  int64  // bytes a plan may allocate; 0 for what the adapter allows
}

// Info describes an adapter.
type Info = driver.Info

// Device is an open adapter. It is safe for use by many goroutines, of which
// none keeps the others from theirs: graphs are compiled, uploaded and read back
// while plans run, and plans take turns by the submission.
type Device struct {
	info   Info
	self   Options // which open the same adapter
	memory int64
	driver driver.Device
	zeros  driver.Buffer // stands in for absent args

	open   sync.RWMutex // read-locked by all that uses the driver, locked to close it
	closed bool         // guarded by open

	queue queue

	mu        sync.Mutex // guards all below, and is never held while something takes long
	pipelines map[string]*pipeline
	constants map[constantKey]*constant
	plans     map[*Plan]bool
	tensors   map[*Tensor]bool
}

// rank orders adapters, the best lowest.
func rank(i Info) int {
	r := map[string]int{"discrete": 0, "integrated": 1, "unknown": 2, "software": 3}[i.Type]
	if i.Backend == "gl" {
		r += 10
	}
	return r
}

// Adapters describes what Open can choose from, in the order that numbers in
// Options.Adapter mean.
func Adapters(backend string) ([]Info, error) { return binding{}.Adapters(backend) }

// choose returns the index of the adapter that o asks for.
func choose(list []Info, o Options) (int, error) {
	best := -1
	number, err := strconv.Atoi(o.Adapter)
	for i, a := range list {
		switch {
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
	return 0, fmt.Errorf("gpu: no adapter %q; the adapters are %s", o.Adapter, strings.Join(names, "; "))
}

// ErrNoAdapter is in the error of Open where the system has no adapter.
var ErrNoAdapter = errors.New("no adapter found")

// noAdapter says what was looked for and what to install.
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
	number := 0
	opened, err := binding{}.Open(o.Backend, func(list []Info) (int, error) {
		i, err := choose(list, o)
		number = i
		return i, err
	})
	if err != nil {
		return nil, err
	}
	d := &Device{
		info:      opened.Info(),
		self:      Options{Backend: o.Backend, Adapter: strconv.Itoa(number)},
		memory:    cmp.Or(o.Memory, systemMemory(opened.Info())),
		driver:    opened,
		queue:     queue{gate: make(chan struct{}, 1)},
		pipelines: map[string]*pipeline{},
		constants: map[constantKey]*constant{},
		plans:     map[*Plan]bool{},
		tensors:   map[*Tensor]bool{},
	}
	if d.zeros, err = opened.Buffer(zeroBytes, driver.Storage); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// zeroBytes is how much of zeros an absent arg sees.
const zeroBytes = 256

// systemMemory is what a software adapter, whose memory is the system's, can
// take without the system ending the process; 0 where that cannot be told.
func systemMemory(info Info) int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil || info.Limits.Kind != shaders.CPU {
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

// Close releases the device, its plans and its tensors, when what runs has ended.
// It is idempotent.
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
