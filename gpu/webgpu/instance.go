package webgpu

import (
	"fmt"
	"strings"
	"sync"
)

// adapters starts the binding with the given backend, or with all native ones if it
// is empty, and lists their adapters. The caller releases each adapter, then the
// instance.
func adapters(backend string) (*instance, []*adapter, error) {
	flags := primary
	if backend != "" {
		flags = 0
		for _, b := range backends {
			if b.name == strings.ToLower(backend) {
				flags = b.flag
			}
		}
		if flags == 0 {
			return nil, nil, fmt.Errorf("gpu: backend %q is unknown; want vulkan, metal, dx12 or gl", backend)
		}
	}
	i := start(flags)
	return i, enumerate(i.wgpu, flags), nil
}

// instance is a binding's instance. One user at a time has it.
type instance struct {
	wgpu *rawInstance
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
func start(flags backendFlags) *instance {
	made := &instance{gl: flags == gl}
	if made.gl {
		display.Lock()
		defer display.Unlock()
		if n := len(display.idle); n > 0 {
			last := display.idle[n-1]
			display.idle = display.idle[:n-1]
			return last
		}
	}
	made.wgpu = create(flags)
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
