package gpu

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// compile compiles a graph with one input x and one output.
func compile(t testing.TB, d *Device, f func(x *graph.Value) *graph.Value, shape ...int) *Plan {
	t.Helper()
	p, err := d.Compile(trace(t, func(g *graph.Graph) { g.Output("y", f(g.Input("x", shape...))) }))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// upload uploads x.
func upload(t testing.TB, d *Device, x *tensor.Tensor) *Tensor {
	t.Helper()
	r, err := d.Upload(x)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSubmit passes results from plan to plan on the device and expects them to run
// in the order of the calls.
func TestSubmit(t *testing.T) {
	d, ctx := open(t), context.Background()
	double := compile(t, d, func(x *graph.Value) *graph.Value { return x.Add(x) }, 3, 5)
	squares := compile(t, d, func(x *graph.Value) *graph.Value { return x.Mul(x).Reshape(15) }, 3, 5)
	x := upload(t, d, ramp(3, 5))
	mid, err := double.NewOutputs()
	if err != nil {
		t.Fatal(err)
	}
	first, err := squares.NewOutputs()
	if err != nil {
		t.Fatal(err)
	}
	second, err := squares.NewOutputs()
	if err != nil {
		t.Fatal(err)
	}
	submit := func(p *Plan, outputs []*Tensor, inputs ...*Tensor) Pending {
		t.Helper()
		r, err := p.Submit(ctx, outputs, inputs)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	submit(double, mid, x)
	submit(squares, first, mid[0])
	if err := x.Write(ctx, tensor.Of([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, 3, 5)); err != nil {
		t.Fatal(err)
	}
	submit(double, []*Tensor{x}, x) // its own input
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = upload(t, d, ramp(3, 5))
	submit(double, []*Tensor{x}, x)
	submit(double, []*Tensor{x}, x)
	last := submit(squares, second, x)
	if err := last.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	for by, ys := range map[float32][]*Tensor{2: first, 4: second} {
		got := tensor.New(15)
		if err := ys[0].Read(ctx, got); err != nil {
			t.Fatal(err)
		}
		for i, r := range ramp(15).Data {
			if want := by * r * by * r; got.Data[i] != want {
				t.Errorf("element %d times %v, squared, is %v, want %v", i, by, got.Data[i], want)
			}
		}
	}
	if !ys(first).Equal(tensor.Shape{15}) {
		t.Errorf("an output of %v", first[0].Shape())
	}
}

func ys(t []*Tensor) tensor.Shape { return t[0].Shape() }

// TestFullQueue submits more runs than the queue holds, without waiting.
func TestFullQueue(t *testing.T) {
	d, ctx := open(t), context.Background()
	p := compile(t, d, func(x *graph.Value) *graph.Value { return x.Add(x) }, 4)
	x := []*Tensor{upload(t, d, tensor.Of([]float32{1, -1, 0.5, 0}, 4))}
	for range 100 {
		if _, err := p.Submit(ctx, x, x); err != nil {
			t.Fatal(err)
		}
		if n := len(d.queue.waiting); n > mostQueued {
			t.Fatalf("%d submissions in the queue", n)
		}
	}
	got := tensor.New(4)
	if err := x[0].Read(ctx, got); err != nil || !slices.Equal(got.Data, []float32{0x1p100, -0x1p100, 0x1p99, 0}) {
		t.Errorf("%v, %v", got.Data, err)
	}
	if n, s := len(d.queue.waiting), d.queue.seconds; n > 0 || s != 0 {
		t.Errorf("%d submissions of %v s are left in the queue", n, s)
	}
}

// TestConstantOutput runs a graph with an output that is a constant.
func TestConstantOutput(t *testing.T) {
	d, ctx := open(t), context.Background()
	p, err := d.Compile(trace(t, func(g *graph.Graph) {
		g.Output("y", g.Input("x", 4).ReLU())
		g.Output("c", g.Const(tensor.Of([]float32{1, 2, 3}, 3)))
	}))
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := p.NewOutputs()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.RunInto(ctx, outputs, []*Tensor{upload(t, d, ramp(4))}); err != nil {
		t.Fatal(err)
	}
	got := tensor.New(3)
	if err := outputs[1].Read(ctx, got); err != nil || !slices.Equal(got.Data, []float32{1, 2, 3}) {
		t.Errorf("%v, %v", got.Data, err)
	}
}

// TestWrongTensors submits tensors that a plan cannot take.
func TestWrongTensors(t *testing.T) {
	d, other, ctx := open(t), open(t), context.Background()
	p := compile(t, d, func(x *graph.Value) *graph.Value { return x.ReLU() }, 2, 3)
	two, err := d.Compile(trace(t, func(g *graph.Graph) {
		x := g.Input("x", 2, 3)
		g.Output("y", x.ReLU())
		g.Output("z", x.GELU())
	}))
	if err != nil {
		t.Fatal(err)
	}
	x, y := upload(t, d, ramp(2, 3)), upload(t, d, ramp(2, 3))
	closed := upload(t, d, ramp(2, 3))
	for range 2 {
		if err := closed.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		p               *Plan
		outputs, inputs []*Tensor
		want            string
	}{
		{p, []*Tensor{y}, nil, "0 inputs and 1 outputs given, want 1 and 1"},
		{p, nil, []*Tensor{x}, "1 inputs and 0 outputs given, want 1 and 1"},
		{p, []*Tensor{y}, []*Tensor{nil}, "input x: the tensor is nil"},
		{p, []*Tensor{y}, []*Tensor{upload(t, other, ramp(2, 3))}, "input x: the tensor is on another device"},
		{p, []*Tensor{y}, []*Tensor{upload(t, d, ramp(3, 2))}, "input x: the tensor has shape [3, 2], want [2, 3]"},
		{p, []*Tensor{upload(t, d, ramp(6))}, []*Tensor{x}, "output y: the tensor has shape [6], want [2, 3]"},
		{p, []*Tensor{y}, []*Tensor{closed}, "input x: the tensor is closed"},
		{p, []*Tensor{closed}, []*Tensor{x}, "output y: the tensor is closed"},
		{two, []*Tensor{y, y}, []*Tensor{x}, "outputs y and z are the same tensor"},
	} {
		if err := c.p.RunInto(ctx, c.outputs, c.inputs); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	for want, err := range map[string]error{
		"write: the tensor is closed":                                   closed.Write(ctx, ramp(2, 3)),
		"read: the tensor is closed":                                    closed.Read(ctx, ramp(2, 3)),
		"write: the tensor has shape [3, 2], want [2, 3]":               x.Write(ctx, ramp(3, 2)),
		"read: the tensor is nil":                                       x.Read(ctx, nil),
		"read: the tensor has 0 elements, want 6":                       x.Read(ctx, tensor.Declare(2, 3)),
		"a tensor of shape [1073741824, 1073741824, 3] is not possible": second(d.NewTensor(1<<30, 1<<30, 3)),
		"shape [3, -1] is not possible: dimension 1 is negative":        second(d.NewTensor(3, -1)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	ended, end := context.WithCancel(ctx)
	end()
	if err := p.RunInto(ended, []*Tensor{y}, []*Tensor{x}); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	if err := x.Read(ended, ramp(2, 3)); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	if err := p.RunInto(ctx, []*Tensor{y}, []*Tensor{x}); err != nil {
		t.Errorf("after all that: %v", err)
	}
	pending, err := p.Submit(ctx, []*Tensor{y}, []*Tensor{x})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		pending.Wait(ctx), p.RunInto(ctx, []*Tensor{y}, []*Tensor{x}), x.Write(ctx, ramp(2, 3)), x.Read(ctx, ramp(2, 3)), second(d.NewTensor(1)),
	} {
		if err == nil || !strings.Contains(err.Error(), "the device is closed") {
			t.Errorf("a closed device: %v", err)
		}
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
}

func second(_ *Tensor, err error) error { return err }

// TestSubmitCancel ends a run's context after each of its submissions and expects
// unchanged outputs.
func TestSubmitCancel(t *testing.T) {
	d := open(t)
	p, err := d.Compile(chain(t))
	if err != nil {
		t.Fatal(err)
	}
	held := ramp(8, 64)
	x, y := upload(t, d, ramp(8, 64)), upload(t, d, held)
	cancel, submissions, last := func() {}, 0, 1
	plain := d.driver
	hook(d, hooked{submit: func() {
		p.pace.rate = 1
		if submissions++; submissions == last {
			cancel()
		}
	}})
	p.pace.rate = 1
	got := tensor.New(8, 64)
	for ; last < len(p.dispatches); last++ {
		ctx, end := context.WithCancel(context.Background())
		defer end()
		cancel, submissions = end, 0
		if _, err := p.Submit(ctx, []*Tensor{y}, []*Tensor{x}); !errors.Is(err, context.Canceled) || submissions != last {
			t.Errorf("ended at submission %d: %v after %d", last, err, submissions)
		}
	}
	d.driver = plain
	if err := y.Read(context.Background(), got); err != nil || !slices.Equal(got.Data, held.Data) {
		t.Errorf("an output of runs that ended has changed (%v)", err)
	}
	want, err := p.Run(context.Background(), held)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.RunInto(context.Background(), []*Tensor{y}, []*Tensor{x}); err != nil {
		t.Fatal(err)
	}
	if err := y.Read(context.Background(), got); err != nil || !slices.Equal(got.Data, want[0].Data) {
		t.Errorf("a run after runs that ended gives another result (%v)", err)
	}
}

// TestTensorsAtOnce starts goroutines that write, submit, read and close. Each has
// its own tensors, and all read a shared one.
func TestTensorsAtOnce(t *testing.T) {
	d, ctx := open(t), context.Background()
	p, err := d.Compile(trace(t, func(g *graph.Graph) {
		g.Output("y", g.Input("x", 7, 9).Add(g.Input("common", 7, 9)).ReLU())
	}))
	if err != nil {
		t.Fatal(err)
	}
	common := upload(t, d, ramp(7, 9))
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for range 20 {
				x, err := d.NewTensor(7, 9)
				if err != nil {
					t.Error(err)
					return
				}
				y, err := p.NewOutputs()
				if err != nil {
					t.Error(err)
					return
				}
				in, out := tensor.New(7, 9), tensor.New(7, 9)
				for i := range in.Data {
					in.Data[i] = float32(n)
				}
				_, submit := p.Submit(ctx, y, []*Tensor{x, common})
				for _, err := range []error{x.Write(ctx, in), submit, p.RunInto(ctx, y, []*Tensor{x, common}), x.Close(), y[0].Read(ctx, out), y[0].Close()} {
					if err != nil {
						t.Error(err)
					}
				}
				for i, c := range ramp(7, 9).Data {
					if want := max(c+float32(n), 0); out.Data[i] != want {
						t.Errorf("%v plus %d is %v", c, n, out.Data[i])
						return
					}
				}
			}
		})
	}
	all.Wait()
	if len(d.tensors) != 1 {
		t.Errorf("%d tensors are left", len(d.tensors))
	}
}

// TestNoAllocation chains two plans on the device and reads the result. It expects
// no allocations in Go.
func TestNoAllocation(t *testing.T) {
	d, ctx := open(t), context.Background()
	a := compile(t, d, func(x *graph.Value) *graph.Value { return x.ReLU() }, 3, 5)
	b := compile(t, d, func(x *graph.Value) *graph.Value { return x.Mul(x) }, 3, 5)
	in, out := ramp(3, 5), tensor.New(3, 5)
	x := upload(t, d, in)
	mid, err := a.NewOutputs()
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.NewOutputs()
	if err != nil {
		t.Fatal(err)
	}
	inputs := []*Tensor{x}
	allocations := testing.AllocsPerRun(100, func() {
		if err := x.Write(ctx, in); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Submit(ctx, mid, inputs); err != nil {
			t.Fatal(err)
		}
		if err := b.RunInto(ctx, y, mid); err != nil {
			t.Fatal(err)
		}
		if err := y[0].Read(ctx, out); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 0 {
		t.Errorf("%v allocations a run", allocations)
	}
}
