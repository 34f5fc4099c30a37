// Package gpu runs graphs on a GPU through WebGPU. Open a Device, Compile a
// graph into a Plan, Run the plan as often as you like. It is the only package
// that imports the WebGPU binding, and nothing that comes from outside reaches
// a call of the binding that would end the process: sizes, states and limits
// are checked before.
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

	"github.com/rajveermalviya/go-webgpu/wgpu"

	"github.com/vertebra/vertebra/shaders"
)

// Options says which adapter to open. The zero value opens the fastest real
// one: discrete before integrated before software, native backends before GL.
type Options struct {
	Backend string // "vulkan", "metal", "dx12", "gl"; empty for any
	Adapter string // a number of Adapters' list, or part of a name; empty for any
	Memory  int64  // bytes a plan may allocate; 0 for what the adapter allows
}

// Info describes an adapter.
type Info struct {
	Name    string
	Driver  string
	Backend string // "vulkan", "metal", "dx12", "gl"
	Type    string // "discrete", "integrated", "software", "unknown"
	Limits  shaders.Limits

	MaxBufferSize int64 // bytes
	Timestamps    bool  // whether Profile uses the GPU's clock
}

// String names the adapter in one line.
func (i Info) String() string {
	s := fmt.Sprintf("%s (%s, %s", i.Name, i.Type, i.Backend)
	if i.Driver != "" {
		s += ", " + i.Driver
	}
	return s + ")"
}

// Device is an open adapter. It is safe for use by many goroutines: its queue
// has one user at a time.
type Device struct {
	info   Info
	self   Options // which open the same adapter
	memory int64

	mu        sync.Mutex // guards all below, and the binding
	closed    bool
	instance  *wgpu.Instance
	device    *wgpu.Device
	queue     *wgpu.Queue
	zeros     *wgpu.Buffer // stands in for absent args
	pipelines map[string]*pipeline
	constants map[constantKey]*constant
	plans     map[*Plan]bool
}

var backends = []struct {
	name string
	kind wgpu.BackendType
	flag wgpu.InstanceBackend
}{
	{"vulkan", wgpu.BackendType_Vulkan, wgpu.InstanceBackend_Vulkan},
	{"metal", wgpu.BackendType_Metal, wgpu.InstanceBackend_Metal},
	{"dx12", wgpu.BackendType_D3D12, wgpu.InstanceBackend_DX12},
	{"gl", wgpu.BackendType_OpenGL, wgpu.InstanceBackend_GL},
}

// adapter is a candidate for Open.
type adapter struct {
	*wgpu.Adapter
	info Info
}

// rank orders adapters, the best lowest.
func (a adapter) rank() int {
	r := map[string]int{"discrete": 0, "integrated": 1, "unknown": 2, "software": 3}[a.info.Type]
	if a.info.Backend == "gl" {
		r += 10
	}
	return r
}

// adapters starts the binding with the backends asked for and lists what they
// offer. The caller releases the instance and each adapter.
func adapters(backend string) (*wgpu.Instance, []adapter, error) {
	flags := wgpu.InstanceBackend_Primary
	if backend != "" {
		flags = wgpu.InstanceBackend_None
		for _, b := range backends {
			if b.name == strings.ToLower(backend) {
				flags = b.flag
			}
		}
		if flags == wgpu.InstanceBackend_None {
			return nil, nil, fmt.Errorf("gpu: backend %q is none of vulkan, metal, dx12, gl", backend)
		}
	}
	wgpu.SetLogLevel(wgpu.LogLevel_Off) // errors come back from the calls
	instance := wgpu.CreateInstance(&wgpu.InstanceDescriptor{Backends: flags})
	var list []adapter
	for _, a := range instance.EnumerateAdapters(&wgpu.InstanceEnumerateAdapterOptons{Backends: flags}) {
		list = append(list, adapter{a, describe(a)})
	}
	return instance, list, nil
}

func describe(a *wgpu.Adapter) Info {
	p := a.GetProperties()
	l := a.GetLimits().Limits
	info := Info{Name: p.Name, Driver: p.DriverDescription, Type: "unknown", Backend: "unknown"}
	switch p.AdapterType {
	case wgpu.AdapterType_DiscreteGPU:
		info.Type = "discrete"
	case wgpu.AdapterType_IntegratedGPU:
		info.Type = "integrated"
	case wgpu.AdapterType_CPU:
		info.Type = "software"
	}
	for _, b := range backends {
		if b.kind == p.BackendType || b.name == "gl" && p.BackendType == wgpu.BackendType_OpenGLES {
			info.Backend = b.name
		}
	}
	info.Limits = shaders.Limits{
		StorageBinding:   int64(l.MaxStorageBufferBindingSize),
		StorageBuffers:   int(l.MaxStorageBuffersPerShaderStage),
		WorkgroupMemory:  int(l.MaxComputeWorkgroupStorageSize),
		WorkgroupSize:    int(min(l.MaxComputeInvocationsPerWorkgroup, l.MaxComputeWorkgroupSizeX)),
		WorkgroupsPerDim: int(l.MaxComputeWorkgroupsPerDimension),
	}
	if info.Type == "software" {
		info.Limits.Kind = shaders.CPU
	}
	info.MaxBufferSize = int64(min(l.MaxBufferSize, 1<<62))
	info.Timestamps = a.HasFeature(wgpu.FeatureName_TimestampQuery)
	return info
}

// Adapters describes what Open can choose from, in the order that numbers in
// Options.Adapter mean.
func Adapters(backend string) ([]Info, error) {
	instance, list, err := adapters(backend)
	if err != nil {
		return nil, err
	}
	defer instance.Release()
	var infos []Info
	for _, a := range list {
		infos = append(infos, a.info)
		a.Release()
	}
	return infos, nil
}

// choose returns the index of the adapter that o asks for.
func choose(list []adapter, o Options) (int, error) {
	best := -1
	number, err := strconv.Atoi(o.Adapter)
	for i, a := range list {
		switch {
		case o.Adapter != "" && err == nil && i != number:
		case o.Adapter != "" && err != nil && !strings.Contains(strings.ToLower(a.info.Name), strings.ToLower(o.Adapter)):
		case best < 0 || a.rank() < list[best].rank():
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
		names[i] = fmt.Sprintf("%d: %v", i, a.info)
	}
	return 0, fmt.Errorf("gpu: no adapter %q; the adapters are %s", o.Adapter, strings.Join(names, "; "))
}

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
	return fmt.Errorf("gpu: no adapter found; looked for %s", what)
}

// Open opens the adapter that o describes. The caller closes the device.
func Open(o Options) (*Device, error) {
	instance, list, err := adapters(o.Backend)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, a := range list {
			a.Release()
		}
	}()
	i, err := choose(list, o)
	if err != nil {
		instance.Release()
		return nil, err
	}
	d := &Device{
		info:      list[i].info,
		self:      Options{Backend: o.Backend, Adapter: strconv.Itoa(i)},
		memory:    cmp.Or(o.Memory, systemMemory(list[i].info)),
		instance:  instance,
		pipelines: map[string]*pipeline{},
		constants: map[constantKey]*constant{},
		plans:     map[*Plan]bool{},
	}
	desc := wgpu.DeviceDescriptor{RequiredLimits: &wgpu.RequiredLimits{Limits: list[i].GetLimits().Limits}}
	if d.info.Timestamps {
		desc.RequiredFeatures = []wgpu.FeatureName{wgpu.FeatureName_TimestampQuery}
	}
	if d.device, err = list[i].RequestDevice(&desc); err != nil {
		instance.Release()
		return nil, fmt.Errorf("gpu: %v: %w", d.info, err)
	}
	if got := int64(d.device.GetLimits().Limits.MaxBufferSize); got > 0 {
		d.info.MaxBufferSize = min(d.info.MaxBufferSize, got)
	}
	d.queue = d.device.GetQueue()
	d.zeros, err = newBuffer(d.device, 256, storage)
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

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

// Close releases the device and its plans. It is idempotent.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	for p := range d.plans {
		p.release()
	}
	for _, p := range d.pipelines {
		p.release()
	}
	if d.zeros != nil {
		d.zeros.Release()
	}
	d.queue.Release()
	wait(d.device)
	d.device.Release()
	d.instance.Release()
	trim()
	return nil
}
