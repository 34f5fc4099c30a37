package ui

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
)

// State says what a page needs first.
type State struct {
	Version string   `json:"version"`
	System  string   `json:"system"`
	Device  string   `json:"device"` // empty until it is first needed
	Folders []Folder `json:"folders"`
	Upload  int64    `json:"upload"` // most bytes of a picture
}

func (s *Server) state(http.ResponseWriter, *http.Request) (any, error) {
	return State{s.options.Version, runtime.GOOS + "/" + runtime.GOARCH, s.engine.describe(), s.folders.all(), s.options.Upload}, nil
}

// Devices lists adapters.
type Devices struct {
	Adapters []Adapter `json:"adapters"`
	Device   string    `json:"device"` // that is open, or empty
	Chosen   string    `json:"chosen"` // as it was asked for; empty means by itself
	Backend  string    `json:"backend"`
	Why      string    `json:"why"`
	Error    string    `json:"error,omitempty"` // why there is no adapter
}

// Adapter is a GPU, or a program that behaves like one.
type Adapter struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // "discrete", "integrated", "software" or "unknown"
	Backend string `json:"backend"`
	Driver  string `json:"driver"`
	Binding int64  `json:"binding_bytes"` // the largest
	Memory  int    `json:"workgroup_bytes"`
	InUse   bool   `json:"in_use"`
}

func (s *Server) devices(http.ResponseWriter, *http.Request) (any, error) {
	d, release, err := s.engine.onDevice()
	out := Devices{Adapters: []Adapter{}}
	if err != nil {
		out.Error = line(err)
	} else {
		defer release()
		out.Device = d.String()
	}
	s.engine.mu.Lock()
	out.Chosen, out.Backend = s.engine.options.Device.Name, s.engine.options.Device.Backend
	s.engine.mu.Unlock()
	infos, err := gpu.Adapters("")
	if err != nil && out.Error == "" {
		out.Error = line(err)
	}
	used := false
	for _, i := range infos {
		a := Adapter{i.Name, i.Type, i.Backend, i.Driver, i.Limits.StorageBinding, i.Limits.WorkgroupMemory, false}
		if d != nil && d.GPU() != nil && !used && d.GPU().Info().Name == i.Name && d.GPU().Info().Backend == i.Backend {
			a.InUse, used = true, true
		}
		out.Adapters = append(out.Adapters, a)
	}
	switch {
	case out.Error != "":
	case out.Chosen != "":
		out.Why = fmt.Sprintf("It was asked for as %q.", out.Chosen)
	default:
		out.Why = "Of the adapters it comes first: discrete before integrated before software, GL last."
	}
	return out, nil
}

// chooseDevice takes another device for all that follows.
func (s *Server) chooseDevice(w http.ResponseWriter, r *http.Request) (any, error) {
	var q struct{ Name, Backend string }
	if err := read(w, r, &q); err != nil {
		return nil, err
	}
	if busy := s.jobs.busy(); len(busy) > 0 {
		return nil, &statusError{http.StatusConflict, fmt.Sprintf("the device is in use by a job (%s): wait for it, or cancel it", busy[0])}
	}
	if err := s.indexes.close(); err != nil {
		return nil, err
	}
	if err := s.cutouts.close(); err != nil {
		return nil, err
	}
	o := s.options.Device
	o.Compiling = s.jobs.compiling
	o.Name, o.Backend = q.Name, q.Backend
	if err := s.engine.change(o); err != nil {
		return nil, err
	}
	return s.devices(w, r)
}

// Verified is the result of verify, and grows while the job runs.
type Verified struct {
	Device string  `json:"device"`
	Passed int     `json:"passed"`
	Failed int     `json:"failed"`
	Cases  []Check `json:"cases"`
}

// Check is a reference case and how it went.
type Check struct {
	Name  string  `json:"name"`
	Pass  bool    `json:"pass"`
	Error float64 `json:"error"` // the largest difference over the largest wanted value
	Where string  `json:"where,omitempty"`
}

// verify runs the built-in reference cases.
func (s *Server) verify(ctx context.Context, t *task, _ Request) (any, error) {
	d, release, err := s.engine.onDevice()
	if err != nil {
		return nil, err
	}
	defer release()
	cases, err := golden.Builtin()
	if err != nil {
		return nil, err
	}
	out := Verified{Device: d.String()}
	for i, c := range cases {
		t.note("%s", c.Name)
		t.progress(int64(i), int64(len(cases)), "cases")
		check := one(ctx, d, c)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if check.Pass {
			out.Passed++
		} else {
			out.Failed++
		}
		out.Cases = append(out.Cases, check)
		t.partial(out)
	}
	t.progress(int64(len(cases)), int64(len(cases)), "cases")
	return out, nil
}

// one runs a case.
func one(ctx context.Context, d *vision.Device, c golden.Case) (k Check) {
	k = Check{Name: c.Name}
	defer func() {
		if r := recover(); r != nil {
			k.Pass, k.Where = false, fmt.Sprintf("panic: %v", r)
		}
	}()
	got, err := outputs(ctx, d, c)
	if err == nil && len(got) != len(c.Want) {
		err = fmt.Errorf("%d outputs, want %d", len(got), len(c.Want))
	}
	if err != nil {
		k.Where = line(err)
		return k
	}
	k.Pass = true
	for i := range c.Want {
		diff, err := c.Diff(i, got[i])
		switch {
		case err != nil:
			k.Pass, k.Where = false, line(err)
		case !(diff.Relative <= c.Tolerance):
			k.Pass = false
			k.Where = fmt.Sprintf("%s%v: %v, want %v", c.Want[i].Name, diff.Index, diff.Got, diff.Want)
		}
		if diff.Relative <= 1e30 { // JSON has no infinity
			k.Error = max(k.Error, diff.Relative)
		}
	}
	return k
}

// outputs computes a case.
func outputs(ctx context.Context, d *vision.Device, c golden.Case) ([]*tensor.Tensor, error) {
	switch {
	case c.Host != nil:
		return c.Host()
	case c.Run != nil:
		return c.Run(ctx, d.Compile)
	}
	p, err := d.Compile(c.Graph)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return p.Run(ctx, c.Inputs...)
}

// Measured is the result of measure: the rates of the device, and those of some ops.
type Measured struct {
	Machine bench.Machine `json:"machine"`
	Peak    bench.Peak    `json:"peak"`
	Ops     []Rate        `json:"ops"`
	Seconds float64       `json:"seconds"`
}

// Rate is how fast an op is.
type Rate struct {
	Name      string  `json:"name"`
	Intensity float64 `json:"intensity"` // operations for each byte
	GFLOPS    float64 `json:"gflops"`
}

// mostShapes is the number of ops that measure runs.
const mostShapes = 12

// measure measures the device and some ops of ResNet-50 and ViT-B/16.
func (s *Server) measure(ctx context.Context, t *task, _ Request) (any, error) {
	d, release, err := s.engine.onDevice()
	if err != nil {
		return nil, err
	}
	defer release()
	if d.GPU() == nil {
		return nil, wrong("plain Go has no kernels to measure: choose an adapter")
	}
	shapes, err := bench.Shapes()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	t.note("multiply-adds and copies")
	out := Measured{Machine: bench.Describe(d.GPU()), Ops: []Rate{}}
	if out.Peak, err = bench.MeasurePeak(ctx, d.GPU()); err != nil {
		return nil, err
	}
	step := max(len(shapes)/mostShapes, 1)
	for i := 0; i < len(shapes); i += step {
		t.note("%s", shapes[i].Name)
		t.progress(int64(i), int64(len(shapes)), "ops")
		all, err := bench.Op(ctx, d.GPU(), shapes[i], bench.OpOptions{Runs: 3, Kernel: true, Peak: &out.Peak})
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			if r.Bytes > 0 && r.GFLOPS > 0 {
				out.Ops = append(out.Ops, Rate{r.Name, float64(r.FLOPs) / float64(r.Bytes), r.GFLOPS})
			}
		}
		t.partial(out)
	}
	out.Seconds = time.Since(start).Seconds()
	return out, nil
}
