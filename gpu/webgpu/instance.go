package webgpu

import (
	"fmt"
	"strings"
	"sync"

	"github.com/rajveermalviya/go-webgpu/wgpu"
)

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

// adapters starts the binding with the given backend, or with all native ones if it
// is empty, and lists their adapters. The caller releases each adapter, then the
// instance.
func adapters(backend string) (*instance, []*wgpu.Adapter, error) {
	flags := wgpu.InstanceBackend_Primary
	if backend != "" {
		flags = wgpu.InstanceBackend_None
		for _, b := range backends {
			if b.name == strings.ToLower(backend) {
				flags = b.flag
			}
		}
		if flags == wgpu.InstanceBackend_None {
			return nil, nil, fmt.Errorf("gpu: backend %q is unknown; want vulkan, metal, dx12 or gl", backend)
		}
	}
	wgpu.SetLogLevel(wgpu.LogLevel_Off) // the calls return errors
	i := start(flags)
	return i, i.wgpu.EnumerateAdapters(&wgpu.InstanceEnumerateAdapterOptons{Backends: flags}), nil
}

// instance is a binding's instance. One user at a time has it.
type instance struct {
	wgpu *wgpu.Instance
	gl   bool
}

// display has the instances of GL without a user. All instances of GL use the process's
// one EGL display, and the release of one closes it under the others: their next call
// ends the process. They are therefore never released, and the next user takes one.
var display struct {
	sync.Mutex
	idle []*instance
}

// start returns an instance with these backends.
func start(flags wgpu.InstanceBackend) *instance {
	made := &instance{gl: flags == wgpu.InstanceBackend_GL}
	if made.gl {
		display.Lock()
		defer display.Unlock()
		if n := len(display.idle); n > 0 {
			last := display.idle[n-1]
			display.idle = display.idle[:n-1]
			return last
		}
	}
	made.wgpu = wgpu.CreateInstance(&wgpu.InstanceDescriptor{Backends: flags})
	return made
}

// release is the user's last call.
func (i *instance) release() {
	if !i.gl {
		i.wgpu.Release()
		return
	}
	display.Lock()
	defer display.Unlock()
	display.idle = append(display.idle, i)
}
