// Package webgpu implements package driver with wgpu-native 0.17, which the binding
// github.com/rajveermalviya/go-webgpu links. It is the only package that imports
// the binding, and the only one with C code.
//
// Programs use package gpu instead. Start here with Driver: Adapters lists the
// adapters, and Open opens one.
//
// The binding lists and opens adapters. The C code in shim.c makes all other calls,
// because the binding's are not safe here:
//
//   - Its MapAsync, its OnSubmittedWorkDone and its device-lost callback pass the
//     address of a Go variable to C and return. A garbage collection before the
//     callback ends the process. The shim's callbacks use only C memory.
//   - It reads errors from error scopes, but all threads share the device's stack of
//     scopes. The shim opens no scopes: wgpu-native then reports an error on the
//     thread that made the call.
//   - It ends the process if there is too little memory. The shim returns an error.
//
// Many threads may use wgpu-native's objects at once. While wgpu-native compiles a
// pipeline, it holds a lock that submissions need. A run may therefore wait while
// one kernel is compiled, but not while a whole graph is.
//
// The following end the process, and callers must prevent them: a submission that
// uses a destroyed or mapped buffer, access to the memory of a buffer that is not
// mapped, the release of NULL, a lost device.
package webgpu

import (
	"errors"
	"fmt"

	"github.com/rajveermalviya/go-webgpu/wgpu"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/shaders"
)

// Driver implements driver.Driver.
type Driver struct{}

func describe(a *wgpu.Adapter) driver.Info {
	p := a.GetProperties()
	l := a.GetLimits().Limits
	info := driver.Info{Name: p.Name, Driver: p.DriverDescription, Type: "unknown", Backend: "unknown"}
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

// limits returns the limits to request: those of as, and what WebGPU guarantees of
// those that a driver.Info lacks, so that no kernel can need more. l are the adapter's.
func limits(l wgpu.Limits, as driver.Info) wgpu.Limits {
	l.MaxStorageBufferBindingSize = uint64(as.Limits.StorageBinding)
	l.MaxStorageBuffersPerShaderStage = uint32(as.Limits.StorageBuffers)
	l.MaxComputeWorkgroupStorageSize = uint32(as.Limits.WorkgroupMemory)
	l.MaxComputeInvocationsPerWorkgroup = uint32(as.Limits.WorkgroupSize)
	l.MaxComputeWorkgroupSizeX = uint32(as.Limits.WorkgroupSize)
	l.MaxComputeWorkgroupsPerDimension = uint32(as.Limits.WorkgroupsPerDim)
	l.MaxBufferSize = uint64(as.MaxBufferSize)

	l.MaxComputeWorkgroupSizeY = min(l.MaxComputeWorkgroupSizeY, 256)
	l.MaxComputeWorkgroupSizeZ = min(l.MaxComputeWorkgroupSizeZ, 64)
	l.MaxUniformBufferBindingSize = min(l.MaxUniformBufferBindingSize, shaders.Pane)
	l.MaxUniformBuffersPerShaderStage = min(l.MaxUniformBuffersPerShaderStage, 12)
	l.MaxBindGroups = min(l.MaxBindGroups, 4)
	l.MinStorageBufferOffsetAlignment = max(l.MinStorageBufferOffsetAlignment, 256)
	l.MinUniformBufferOffsetAlignment = max(l.MinUniformBufferOffsetAlignment, 256)
	return l
}

// Adapters implements driver.Driver.
func (Driver) Adapters(backend string) ([]driver.Info, error) {
	instance, list, err := adapters(backend)
	if err != nil {
		return nil, err
	}
	defer instance.release()
	var infos []driver.Info
	for _, a := range list {
		infos = append(infos, describe(a))
		a.Release()
	}
	return infos, nil
}

// Open implements driver.Driver.
func (Driver) Open(backend string, choose func([]driver.Info) (int, driver.Info, error)) (driver.Device, error) {
	instance, list, err := adapters(backend)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, a := range list {
			a.Release()
		}
	}()
	infos := make([]driver.Info, len(list))
	for i, a := range list {
		infos[i] = describe(a)
	}
	i, as, err := choose(infos)
	if err != nil {
		instance.release()
		return nil, err
	}
	a := list[i]
	d := &device{info: as, instance: instance}
	desc := wgpu.DeviceDescriptor{RequiredLimits: &wgpu.RequiredLimits{Limits: limits(a.GetLimits().Limits, as)}}
	if d.info.Timestamps {
		desc.RequiredFeatures = []wgpu.FeatureName{wgpu.FeatureName_TimestampQuery}
	}
	if d.device, err = a.RequestDevice(&desc); err != nil {
		instance.release()
		return nil, fmt.Errorf("gpu: %v: %w", d.info, err)
	}
	if got := int64(d.device.GetLimits().Limits.MaxBufferSize); got > 0 {
		d.info.MaxBufferSize = min(d.info.MaxBufferSize, got)
	}
	if d.native = open(d.device); d.native == nil {
		d.device.Release()
		instance.release()
		return nil, errors.New("gpu: out of memory")
	}
	return d, nil
}
