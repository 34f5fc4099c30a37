package vision

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Device runs models: on a GPU, or in plain Go on the cores of this computer.
// Goroutines may share it.
type Device struct {
	gpu    *gpu.Device
	choice gpu.Choice
}

// DeviceOptions says which device. The zero value is the fastest GPU.
type DeviceOptions struct {
	// Name is an adapter's number in gpu.Adapters, a part of its name, "gpu" for any but
	// software devices, or "cpu" for plain Go, which is slow.
	Name string

	Backend string // "vulkan", "metal", "dx12" or "gl"; empty for any

	Limits, Kind   string // as in gpu.Options
	F16, F16Values bool   // as in gpu.Options

	// Untuned makes the device ignore what was tuned: see Tunings. TuningFault is told of
	// each tuning that is not valid and is ignored; nil for nobody.
	Untuned     bool
	TuningFault func(error)

	// Compiling is told how many kernels of how many are compiled; see gpu.Options. nil for
	// nobody.
	Compiling func(done, total int)

	// Choice says which programs the plans take, the caller's own among them. The
	// zero value means the fastest. Plain Go has no programs.
	Choice gpu.Choice
}

// OpenDevice opens a device. Without a GPU it returns an error; it uses plain Go only
// if Name is "cpu". The caller closes the device.
func OpenDevice(o DeviceOptions) (*Device, error) {
	if strings.EqualFold(o.Name, "cpu") {
		if o.Backend != "" || o.Limits != "" || o.Kind != "" || o.F16 || o.F16Values {
			return nil, errors.New("vision: plain Go has no backend, limits, kind or f16")
		}
		return &Device{}, nil
	}
	g := gpu.Options{Adapter: o.Name, Backend: o.Backend, Limits: o.Limits, Kind: o.Kind, F16: o.F16, F16Values: o.F16Values, Compiling: o.Compiling}
	if !o.Untuned {
		g.Tunings = Tunings()
		g.Tunings.Fault = o.TuningFault
	}
	d, err := gpu.Open(g)
	if err != nil {
		return nil, err
	}
	return &Device{d, o.Choice}, nil
}

// Tunings is where the results of gpu.Device.Tune are for all programs of this user: a
// folder in the user's cache. If the system names none, nothing is kept.
func Tunings() gpu.Tunings {
	cache, err := os.UserCacheDir()
	if err != nil {
		return gpu.Tunings{}
	}
	return gpu.Tunings{Folder: filepath.Join(cache, "vertebra", "tunings")}
}

// GPU returns the open GPU, or nil for plain Go.
func (d *Device) GPU() *gpu.Device { return d.gpu }

// Close closes the GPU. It is idempotent.
func (d *Device) Close() error {
	if d.gpu == nil {
		return nil
	}
	return d.gpu.Close()
}

// String describes the device in one line.
func (d *Device) String() string {
	if d.gpu == nil {
		return "no GPU: plain Go on all cores of this computer (slow)"
	}
	return d.gpu.Info().String()
}

// Compile makes a graph ready to run. The caller closes the plan. It is a
// Compiler.
func (d *Device) Compile(g *graph.Graph) (Plan, error) {
	if d.gpu == nil {
		return Evaluate(g)
	}
	p, err := d.gpu.CompileWith(g, d.choice)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Plan is a graph that is ready to run, such as a *gpu.Plan.
type Plan interface {
	Run(ctx context.Context, inputs ...*tensor.Tensor) ([]*tensor.Tensor, error)
	Close() error
}

// Compiler makes a graph ready to run, for example on a GPU. Code that runs several
// graphs takes a Compiler.
type Compiler func(*graph.Graph) (Plan, error)

// AnyPlan returns the Compiler that does what compile does. compile may return a plan of
// its own type, as the method Compile of a gpu.Device does.
func AnyPlan[P Plan](compile func(*graph.Graph) (P, error)) Compiler {
	return func(g *graph.Graph) (Plan, error) {
		p, err := compile(g)
		if err != nil {
			return nil, err // a nil P would be no nil Plan
		}
		return p, nil
	}
}

// Evaluate is the Compiler for plain Go. It needs no GPU.
func Evaluate(g *graph.Graph) (Plan, error) { return onCPU{g}, nil }

type onCPU struct{ g *graph.Graph }

func (e onCPU) Run(ctx context.Context, inputs ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	return e.g.Eval(ctx, inputs...)
}

func (onCPU) Close() error { return nil }
