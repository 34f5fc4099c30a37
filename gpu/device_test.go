package gpu

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// open opens the default device. The test fails if there is none.
func open(t testing.TB) *Device {
	t.Helper()
	d, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// trace is graph.Trace for graphs without errors.
func trace(t testing.TB, f func(g *graph.Graph)) *graph.Graph {
	t.Helper()
	g, err := graph.Trace(f)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func ramp(shape ...int) *tensor.Tensor {
	x := tensor.New(shape...)
	for i := range x.Data {
		x.Data[i] = float32(i%17) - 8
	}
	return x
}

func TestOpenNamesWhatIsThere(t *testing.T) {
	if _, err := Open(Options{Adapter: "no such card"}); err == nil || !strings.Contains(err.Error(), "the adapters are 0: ") {
		t.Errorf("unknown adapter: %v", err)
	}
	if _, err := Open(Options{Memory: -1}); err == nil || !strings.Contains(err.Error(), "-1 bytes") {
		t.Errorf("memory of -1: %v", err)
	}
	if _, err := Open(Options{Backend: "cuda"}); err == nil || !strings.Contains(err.Error(), "want vulkan") {
		t.Errorf("unknown backend: %v", err)
	}
}

// TestReadBackUnderCollection reads back while the garbage collector runs without
// pause. This ends the process if C code keeps a Go address.
func TestReadBackUnderCollection(t *testing.T) {
	const reads = 10000
	d := open(t)
	g := trace(t, func(g *graph.Graph) { g.Output("y", g.Input("x", 4).ReLU()) })
	p, err := d.Compile(g)
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	for i := range reads {
		y, err := p.Run(context.Background(), tensor.Of([]float32{-1, float32(i), 2, 3}, 4))
		if err != nil || y[0].Data[0] != 0 || y[0].Data[1] != float32(i) {
			t.Fatalf("run %d: %v, %v", i, y, err)
		}
	}
	close(stop)
	wg.Wait()
}

// resident returns the process's resident set in bytes, or 0 if it is unknown.
func resident() int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.Atoi(strings.Fields(string(b))[1])
	return pages * os.Getpagesize()
}

// TestCloseReleasesEverything opens, compiles, runs and closes again and again. The
// resident set must not grow. "make race" has more cycles.
func TestCloseReleasesEverything(t *testing.T) {
	g := trace(t, func(g *graph.Graph) {
		x := g.Input("x", 1, 64, 64, 16)
		g.Output("y", x.ReLU().Add(x).PixelShuffle(2))
	})
	x := ramp(1, 64, 64, 16)
	cycle := func() {
		d, err := Open(Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		p, err := d.Compile(g)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Run(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	cycles := 60
	if sweep {
		cycles = 400
	}
	for range 20 {
		cycle()
	}
	before := resident()
	for range cycles {
		cycle()
	}
	runtime.GC()
	if grown := resident() - before; grown > 12<<20 {
		t.Errorf("%d cycles grew the resident set by %d KiB", cycles, grown>>10)
	}
}

func TestConcurrentPlans(t *testing.T) {
	d := open(t)
	var wg sync.WaitGroup
	for n := 1; n <= 8; n++ {
		wg.Go(func() {
			g, err := graph.Trace(func(g *graph.Graph) {
				x := g.Input("x", n, 32)
				g.Output("y", x.Add(x).ReLU())
			})
			if err != nil {
				t.Error(err)
				return
			}
			p, err := d.Compile(g)
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Close()
			var runs sync.WaitGroup
			for range 4 {
				runs.Go(func() {
					x := ramp(n, 32)
					want, _ := g.Eval(context.Background(), x)
					for range 20 {
						got, err := p.Run(context.Background(), x)
						if err != nil {
							t.Error(err)
							return
						}
						if diff, err := tensor.Diff(got[0], want[0]); err != nil || diff.Max > 0 {
							t.Errorf("plan %d: %v, %v", n, diff, err)
						}
					}
				})
			}
			runs.Wait()
		})
	}
	wg.Wait()
}

func TestBadCallsAreErrors(t *testing.T) {
	d, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := trace(t, func(g *graph.Graph) { g.Output("y", g.Input("x", 2, 3).ReLU()) })
	p, err := d.Compile(g)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := p.Run(ctx); err == nil || !strings.Contains(err.Error(), "0 inputs given, want 1") {
		t.Errorf("no input: %v", err)
	}
	if _, err := p.Run(ctx, tensor.New(3, 2)); err == nil || !strings.Contains(err.Error(), "is [3, 2], want [2, 3]") {
		t.Errorf("wrong shape: %v", err)
	}
	if _, err := p.Run(ctx, tensor.Declare(2, 3)); err == nil || !strings.Contains(err.Error(), "0 elements") {
		t.Errorf("no data: %v", err)
	}
	bare := trace(t, func(g *graph.Graph) { g.Output("y", g.Const(tensor.Declare(2, 3)).Reshape(6)) })
	if _, err := d.Compile(bare); err == nil || !strings.Contains(err.Error(), "output y") || !strings.Contains(err.Error(), "no data") {
		t.Errorf("an output that is a weight without data: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := p.Run(ended, tensor.New(2, 3)); err != context.Canceled {
		t.Errorf("ended context: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("plan closed after its device: %v", err)
	}
	if _, err := p.Run(ctx, tensor.New(2, 3)); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("run after close: %v", err)
	}
	if _, err := d.Compile(g); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("compile after close: %v", err)
	}
}

// TestLargeValues uses values over the storage-binding limit. An op is split by rows
// if it allows this. If not, the error names op, size and limit.
func TestLargeValues(t *testing.T) {
	d := open(t)
	n := int(d.info.Limits.StorageBinding/4/1024) + 5
	if int64(n)*4096 > d.info.MaxBufferSize {
		t.Logf("the largest buffer has %d bytes, so no value exceeds the binding limit of %d", d.info.MaxBufferSize, d.info.Limits.StorageBinding)
		return
	}
	w := tensor.New(1024, 2)
	for i := range w.Data {
		w.Data[i] = float32(i % 7)
	}
	g := trace(t, func(g *graph.Graph) {
		x := graph.Apply(graph.Linear{}, g.Input("x", n, 2), g.Const(w)).Stage("y")
		g.Output("y", x)
		g.Output("z", x.ReLU())
	})
	p, err := d.Compile(g)
	if err != nil {
		t.Fatal(err)
	}
	x := ramp(n, 2)
	got, err := p.Run(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	for i, y := range got[0].Data {
		m, j := i/1024, i%1024
		if want := x.Data[2*m]*w.Data[2*j] + x.Data[2*m+1]*w.Data[2*j+1]; y != want || got[1].Data[i] != max(want, 0) {
			t.Fatalf("element %d is %v, %v, want %v", i, y, got[1].Data[i], want)
		}
	}
	p.Close()
	g = trace(t, func(g *graph.Graph) { g.Output("y", g.Input("x", 1, n, 32, 32).Roll(1, 3)) })
	if _, err = d.Compile(g); err == nil || !strings.Contains(err.Error(), "roll 1[+3]") || !strings.Contains(err.Error(), "cannot be split") {
		t.Errorf("an op that cannot be split: %v", err)
	}
	most := int(d.info.MaxBufferSize / 4)
	g = trace(t, func(g *graph.Graph) { g.Output("y", g.Input("x", most, 1).Add(g.Input("b", 2)).ReLU()) })
	if _, err = d.Compile(g); err == nil || !strings.Contains(err.Error(), "add") || !strings.Contains(err.Error(), fmt.Sprint(8*most)) || !strings.Contains(err.Error(), fmt.Sprint(d.info.MaxBufferSize)) {
		t.Errorf("a value over the largest buffer: %v", err)
	}
	if _, err = d.Compile(nil); err == nil {
		t.Error("no graph was compiled")
	}
}

// TestLargeWeight uses a weight over the storage-binding limit, with one row of
// outputs and with several.
func TestLargeWeight(t *testing.T) {
	d := open(t)
	const k = 4096
	n := int(d.info.Limits.StorageBinding/4/k) + 70
	w := ramp(n, k)
	for _, m := range []int{1, 3} {
		g := trace(t, func(g *graph.Graph) {
			x := g.Input("x", m, k)
			g.Output("y", graph.Apply(graph.Linear{Epilogue: graph.Epilogue{Bias: true}}, x, g.Const(w), g.Const(ramp(n))))
		})
		p, err := d.Compile(g)
		if err != nil {
			t.Fatal(err)
		}
		x := ramp(m, k)
		got, err := p.Run(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		want, err := g.Eval(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		if diff, err := tensor.Diff(got[0], want[0]); err != nil || diff.Relative > 1e-5 {
			t.Errorf("%d rows: %v, %v\n%v", m, diff, err, p)
		}
		p.Close()
	}
}
