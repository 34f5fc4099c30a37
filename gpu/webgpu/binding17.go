//go:build !wgpu29

package webgpu

// #include "shim.h"
import "C"

import (
	"unsafe"

	"github.com/rajveermalviya/go-webgpu/wgpu"

	"github.com/vertebra/vertebra/gpu/driver"
)

// Binding names the Go module and the library behind this package.
const Binding = "github.com/rajveermalviya/go-webgpu with wgpu-native 0.17"

type (
	adapter      = wgpu.Adapter
	backendFlags = wgpu.InstanceBackend
	rawInstance  = wgpu.Instance
	rawLimits    = wgpu.Limits
)

const (
	primary = wgpu.InstanceBackend_Primary
	gl      = wgpu.InstanceBackend_GL
)

var backends = []struct {
	name string
	kind wgpu.BackendType
	flag wgpu.InstanceBackend
}{
	{"vulkan", wgpu.BackendType_Vulkan, wgpu.InstanceBackend_Vulkan},
	{"metal", wgpu.BackendType_Metal, wgpu.InstanceBackend_Metal},
	{"dx12", wgpu.BackendType_D3D12, wgpu.InstanceBackend_DX12},
	{"gl", wgpu.BackendType_OpenGL, gl},
}

func create(flags wgpu.InstanceBackend) *wgpu.Instance {
	wgpu.SetLogLevel(wgpu.LogLevel_Off) // the calls return errors
	return wgpu.CreateInstance(&wgpu.InstanceDescriptor{Backends: flags})
}

func enumerate(i *wgpu.Instance, flags wgpu.InstanceBackend) []*wgpu.Adapter {
	return i.EnumerateAdapters(&wgpu.InstanceEnumerateAdapterOptons{Backends: flags})
}

func limitsOf(a *wgpu.Adapter) wgpu.Limits { return a.GetLimits().Limits }

// hasF16 reports whether kernels may have the type f16, which this version does not know.
func hasF16(*wgpu.Adapter) bool { return false }

// properties returns what an Info says of an adapter beside limits.
func properties(a *wgpu.Adapter) driver.Info {
	p := a.GetProperties()
	info := driver.Info{
		Name: p.Name, Driver: p.DriverDescription, Type: "unknown", Backend: "unknown",
		Timestamps: a.HasFeature(wgpu.FeatureName_TimestampQuery),
	}
	switch p.AdapterType {
	case wgpu.AdapterType_DiscreteGPU:
		info.Type = "discrete"
	case wgpu.AdapterType_IntegratedGPU:
		info.Type = "integrated"
	case wgpu.AdapterType_CPU:
		info.Type = "software"
	}
	for _, b := range backends {
		if b.kind == p.BackendType || b.flag == gl && p.BackendType == wgpu.BackendType_OpenGLES {
			info.Backend = b.name
		}
	}
	return info
}

// open opens the adapter as d.info says.
func (d *device) open(a *wgpu.Adapter) error {
	desc := wgpu.DeviceDescriptor{RequiredLimits: &wgpu.RequiredLimits{Limits: limits(limitsOf(a), d.info)}}
	if d.info.Timestamps {
		desc.RequiredFeatures = []wgpu.FeatureName{wgpu.FeatureName_TimestampQuery}
	}
	opened, err := a.RequestDevice(&desc)
	if err != nil {
		return err
	}
	if got := int64(opened.GetLimits().Limits.MaxBufferSize); got > 0 {
		d.info.MaxBufferSize = min(d.info.MaxBufferSize, got)
	}
	// The first word of a wgpu.Device is its C handle.
	if err := failure(C.vt_open(*(*unsafe.Pointer)(unsafe.Pointer(opened)), &d.native)); err != nil {
		opened.Release()
		return err
	}
	return nil
}
