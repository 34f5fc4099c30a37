// Package webgpu implements package driver with wgpu-native. It is the only package
// that imports a binding of it, and the only one with C code.
//
// There are two bindings, and a build links one of them, because both bring a C
// library with the same names. The default is
// github.com/rajveermalviya/go-webgpu with wgpu-native 0.17. The build tag wgpu29
// chooses github.com/oliverbestmann/webgpu with wgpu-native 29. Files named 17 and 29
// belong to one of them.
//
// Programs use package gpu instead. Start here with Driver: Adapters lists the
// adapters, and Open opens one.
//
// The bindings list adapters. The C code in shim.c makes nearly all other calls,
// because the bindings' are not safe here:
//
//   - MapAsync, OnSubmittedWorkDone and the device-lost callback of the binding for
//     0.17 pass the address of a Go variable to C and return. A garbage collection
//     before the callback ends the process. The shim's callbacks use only C memory.
//   - The bindings read errors from error scopes. With 0.17 all threads share the
//     device's stack of scopes. The shim opens no scopes: wgpu-native then reports an
//     error on the thread that made the call.
//   - The binding for 0.17 ends the process if there is too little memory. The shim
//     returns an error.
//   - The binding for 29 opens devices whose errors outside of scopes end the process,
//     and that have room for no buffers on Direct3D 12. The shim opens the device.
//
// Many threads may use wgpu-native's objects at once. While wgpu-native 0.17 compiles a
// pipeline, it holds a lock that submissions need. A run may therefore wait while
// one kernel is compiled, but not while a whole graph is.
//
// The following end the process, and callers must prevent them: a submission that
// uses a destroyed or mapped buffer, access to the memory of a buffer that is not
// mapped, the release of NULL, a lost device.
package webgpu

import (
	"fmt"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/shaders"
)

// Driver implements driver.Driver.
type Driver struct{}

// describe describes an adapter.
func describe(a *adapter) driver.Info {
	info := properties(a)
	l := limitsOf(a)
	info.Limits = shaders.Limits{
		StorageBinding:   int64(l.MaxStorageBufferBindingSize),
		StorageBuffers:   int(l.MaxStorageBuffersPerShaderStage),
		WorkgroupMemory:  int(l.MaxComputeWorkgroupStorageSize),
		WorkgroupSize:    int(min(l.MaxComputeInvocationsPerWorkgroup, l.MaxComputeWorkgroupSizeX)),
		WorkgroupsPerDim: int(l.MaxComputeWorkgroupsPerDimension),
		F16:              hasF16(a),
		ReadsApart:       info.Backend == "dx12",
	}
	if info.Type == "software" {
		info.Limits.Kind = shaders.CPU
	}
	info.MaxBufferSize = int64(min(l.MaxBufferSize, 1<<62))
	return info
}

// limits returns the limits to request: those of as, and what WebGPU guarantees of
// those that a driver.Info lacks, so that no kernel can need more. l are the adapter's.
func limits(l rawLimits, as driver.Info) rawLimits {
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
	d := &device{info: as, instance: instance}
	if err := d.open(list[i]); err != nil {
		instance.release()
		return nil, fmt.Errorf("gpu: %v: %w", d.info, err)
	}
	return d, nil
}
