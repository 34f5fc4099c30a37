package gpu

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// hooked is a driver.Device that calls a function before each call of the same name.
type hooked struct {
	driver.Device
	pipeline, submit, read func()
}

// hook puts functions before the driver's calls.
func hook(d *Device, h hooked) {
	h.Device = d.driver
	d.driver = h
}

func (h hooked) Pipeline(source string, access []shaders.Access) (driver.Pipeline, error) {
	if h.pipeline != nil {
		h.pipeline()
	}
	return h.Device.Pipeline(source, access)
}

func (h hooked) Submit(commands []driver.Command) (driver.Submission, error) {
	if h.submit != nil {
		h.submit()
	}
	return h.Device.Submit(commands)
}

func (h hooked) Read(b driver.Buffer, to []byte) error {
	if h.read != nil {
		h.read()
	}
	return h.Device.Read(b, to)
}

// TestOthersGoOn runs a plan while another plan is compiled and while results are
// read back. Neither of these ends before the run has ended.
func TestOthersGoOn(t *testing.T) {
	d := open(t)
	g := trace(t, func(g *graph.Graph) { g.Output("y", g.Input("x", 4).ReLU()) })
	other := trace(t, func(g *graph.Graph) { g.Output("y", g.Input("x", 4).GELU()) })
	x := ramp(4)
	p, err := d.Compile(g)
	if err != nil {
		t.Fatal(err)
	}
	run := func() {
		if _, err := p.Run(context.Background(), x); err != nil {
			t.Error(err)
		}
	}
	plain := d.driver
	var once sync.Once
	hook(d, hooked{pipeline: func() { once.Do(run) }})
	q, err := d.Compile(other)
	if err != nil {
		t.Fatal(err)
	}
	d.driver = plain
	once = sync.Once{}
	inside := false
	hook(d, hooked{read: func() {
		if !inside {
			inside = true
			run()
		}
	}})
	if _, err := q.Run(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	if !inside {
		t.Error("nothing was read back")
	}
}

// TestEverythingAtOnce compiles, runs and closes plans of the same and of different
// graphs on one device from many goroutines. Other calls fail meanwhile. Each call
// must get its own results or its own error.
func TestEverythingAtOnce(t *testing.T) {
	d := open(t)
	ctx := context.Background()
	weight := ramp(24, 16)
	var all sync.WaitGroup
	for n := range 8 {
		g := trace(t, func(g *graph.Graph) {
			x := graph.Apply(graph.Linear{}, g.Input("x", 3, 16), g.Const(weight))
			for range n % 4 {
				x = x.ReLU().Add(x)
			}
			g.Output("y", x)
		})
		x := ramp(3, 16)
		want, err := g.Eval(ctx, x)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			for range 20 {
				p, err := d.Compile(g)
				if err != nil {
					t.Error(err)
					return
				}
				var runs sync.WaitGroup
				for range 3 {
					runs.Go(func() {
						for range 5 {
							got, err := p.Run(ctx, x)
							if err != nil {
								t.Error(err)
								return
							}
							if diff, err := tensor.Diff(got[0], want[0]); err != nil || !(diff.Relative <= 1e-5) {
								t.Errorf("plan %d: %v, %v", n, diff, err)
							}
						}
					})
				}
				runs.Wait()
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for i := range 50 {
				name := fmt.Sprintf("unknown_%d_%d", n, i)
				_, err := d.driver.Pipeline("fn main() { "+name+"(); }", nil)
				if err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("a text that calls %s: %v", name, err)
				}
				if _, err := d.driver.Buffer(1<<60, driver.Storage); err == nil {
					t.Error("a buffer over all limits was made")
				}
			}
		})
	}
	all.Wait()
	if len(d.constants) > 0 || len(d.plans) > 0 {
		t.Errorf("%d constants and %d plans are left", len(d.constants), len(d.plans))
	}
}

// TestClosed uses a closed plan and a closed device, and expects that Close waits for
// the device's runs.
func TestClosed(t *testing.T) {
	d := open(t)
	g := trace(t, func(g *graph.Graph) { g.Output("y", g.Input("x", 4).ReLU()) })
	ctx, x := context.Background(), ramp(4)
	p, err := d.Compile(g)
	if err != nil {
		t.Fatal(err)
	}
	q, err := d.Compile(g)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, run := p.Run(ctx, x)
	_, profile := p.Profile(ctx, x)
	for _, err := range []error{run, profile, p.Poison()} {
		if err == nil || err.Error() != "gpu: the plan is closed" {
			t.Errorf("a closed plan: %v", err)
		}
	}
	if _, err := q.Run(ctx, x); err != nil {
		t.Errorf("another plan: %v", err)
	}
	held, err := d.NewTensor(4)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				if _, err := q.Run(ctx, x); err != nil {
					if err.Error() != "gpu: the device is closed" {
						t.Errorf("a closed device: %v", err)
					}
					return
				}
			}
		})
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	_, compile := d.Compile(g)
	_, profile = q.Profile(ctx, x)
	for _, err := range []error{compile, profile, q.Poison(), held.Write(ctx, x), held.Read(ctx, x)} {
		if err == nil || err.Error() != "gpu: the device is closed" {
			t.Errorf("a closed device: %v", err)
		}
	}
}
