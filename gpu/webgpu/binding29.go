//go:build wgpu29

package webgpu

// #include "shim.h"
import "C"

import (
	"unsafe"

	"github.com/oliverbestmann/webgpu/wgpu"

	"github.com/vertebra/vertebra/gpu/driver"
)

// Binding names the Go module and the library behind this package.
const Binding = "github.com/oliverbestmann/webgpu with wgpu-native 29"

type (
	adapter      = wgpu.Adapter
	backendFlags = wgpu.InstanceBackend
	rawInstance  = wgpu.Instance
	rawLimits    = wgpu.Limits
)

// The backends in wgpu-native's wgpu.h. The binding has no names for them.
const (
	vulkan  wgpu.InstanceBackend = 1 << 0
	gl      wgpu.InstanceBackend = 1 << 1
	metal   wgpu.InstanceBackend = 1 << 2
	dx12    wgpu.InstanceBackend = 1 << 3
	primary                      = vulkan | metal | dx12
)

var backends = []struct {
	name string
	kind wgpu.BackendType
	flag wgpu.InstanceBackend
}{
	{"vulkan", wgpu.BackendTypeVulkan, vulkan},
	{"metal", wgpu.BackendTypeMetal, metal},
	{"dx12", wgpu.BackendTypeD3D12, dx12},
	{"gl", wgpu.BackendTypeOpenGL, gl},
}

func create(flags wgpu.InstanceBackend) *wgpu.Instance {
	wgpu.SetLogLevel(wgpu.LogLevelOff) // the calls return errors
	return wgpu.CreateInstance(&wgpu.InstanceDescriptor{Backends: flags})
}

func enumerate(i *wgpu.Instance, flags wgpu.InstanceBackend) []*wgpu.Adapter {
	return i.EnumerateAdapters(&wgpu.InstanceEnumerateAdapterOptons{Backends: flags})
}

func limitsOf(a *wgpu.Adapter) wgpu.Limits { return a.GetLimits() }

// hasF16 reports whether kernels may have the type f16.
func hasF16(a *wgpu.Adapter) bool { return a.HasFeature(wgpu.FeatureNameShaderF16) }

// properties returns what an Info says of an adapter beside limits.
func properties(a *wgpu.Adapter) driver.Info {
	p := a.GetInfo()
	info := driver.Info{
		Name: p.Device, Driver: p.Description, Type: "unknown", Backend: "unknown",
		Timestamps: a.HasFeature(wgpu.FeatureNameTimestampQuery) && a.HasFeature(wgpu.NativeFeatureTimestampQueryInsideEncoders),
	}
	switch p.AdapterType {
	case wgpu.AdapterTypeDiscreteGPU:
		info.Type = "discrete"
	case wgpu.AdapterTypeIntegratedGPU:
		info.Type = "integrated"
	case wgpu.AdapterTypeCPU:
		info.Type = "software"
	}
	for _, b := range backends {
		if b.kind == p.BackendType || b.flag == gl && p.BackendType == wgpu.BackendTypeOpenGLES {
			info.Backend = b.name
		}
	}
	return info
}

// open opens the adapter as d.info says. The first word of a wgpu.Adapter is its C
// handle.
func (d *device) open(a *wgpu.Adapter) error {
	l := limits(limitsOf(a), d.info)
	want := C.vt_limits{
		groups:            C.uint32_t(l.MaxBindGroups),
		storage_buffers:   C.uint32_t(l.MaxStorageBuffersPerShaderStage),
		uniform_buffers:   C.uint32_t(l.MaxUniformBuffersPerShaderStage),
		uniform_binding:   C.uint64_t(l.MaxUniformBufferBindingSize),
		storage_binding:   C.uint64_t(l.MaxStorageBufferBindingSize),
		uniform_alignment: C.uint32_t(l.MinUniformBufferOffsetAlignment),
		storage_alignment: C.uint32_t(l.MinStorageBufferOffsetAlignment),
		buffer_size:       C.uint64_t(l.MaxBufferSize),
		workgroup_memory:  C.uint32_t(l.MaxComputeWorkgroupStorageSize),
		workgroup_size:    C.uint32_t(l.MaxComputeInvocationsPerWorkgroup),
		workgroup_x:       C.uint32_t(l.MaxComputeWorkgroupSizeX),
		workgroup_y:       C.uint32_t(l.MaxComputeWorkgroupSizeY),
		workgroup_z:       C.uint32_t(l.MaxComputeWorkgroupSizeZ),
		workgroups:        C.uint32_t(l.MaxComputeWorkgroupsPerDimension),
	}
	return failure(C.vt_open29(*(*unsafe.Pointer)(unsafe.Pointer(a)), &want, C.bool(d.info.Timestamps), C.bool(d.info.Limits.F16), &d.native))
}
