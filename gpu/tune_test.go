package gpu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// keeping opens a device that keeps tunings in a folder and fails on a bad file there.
func keeping(t *testing.T, folder string) *Device {
	t.Helper()
	d, err := Open(Options{Tunings: Tunings{Folder: folder, Fault: func(err error) { t.Error(err) }}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// pools is a graph with three ops that have several programs, two of them different.
func pools(t *testing.T) *graph.Graph {
	return trace(t, func(g *graph.Graph) {
		x := g.Input("x", 1, 24, 24, 8).MaxPool2d(graph.Window{Size: graph.Both(3), Stride: graph.Both(2)})
		x = x.MaxPool2d(graph.Window{Size: graph.Both(3), Stride: graph.Both(2)})
		g.Output("y", x.Mean(1, 2))
	})
}

// wrongPool is a program that pools other windows than those of the op.
func wrongPool(c shaders.Call, lim shaders.Limits) []shaders.Program {
	if _, ok := c.Op.(graph.MaxPool2d); !ok {
		return nil
	}
	p := shaders.Programs(c, lim)[0]
	p.Name = "own wrong"
	p.Kernels[0].Sizes = append(shaders.Sizes{}, p.Kernels[0].Sizes...)
	for i, s := range p.Kernels[0].Sizes {
		if s.Name == "kh" {
			p.Kernels[0].Sizes[i].Value = 1
		}
	}
	return []shaders.Program{p}
}

// TestTuneWrong expects that a wrong program is reported and not chosen, though it
// comes first.
func TestTuneWrong(t *testing.T) {
	d := keeping(t, t.TempDir())
	results, err := d.Tune(context.Background(), []*graph.Graph{pools(t)}, TuneOptions{Own: wrongPool})
	if err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for _, r := range results {
		if r.Program == "own wrong" || r.Ratio <= 0 {
			t.Errorf("%s: chose %s, ratio %v", r.Op, r.Program, r.Ratio)
		}
		for _, w := range r.Wrong {
			if w.Program != "own wrong" || !strings.Contains(w.Err.Error(), "its result is wrong") {
				t.Errorf("%s: %v", w.Program, w.Err)
			}
			wrong++
		}
	}
	if wrong != 2 {
		t.Errorf("%d wrong programs, want one for each pool", wrong)
	}
	p, err := d.CompileWith(pools(t), Choice{Own: wrongPool})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if strings.Contains(p.String(), "own wrong") {
		t.Errorf("the plan has the wrong program:\n%s", p)
	}
}

// TestTuneInterrupted ends the context after the first op. Its result is kept, and the
// next call tunes only the others.
func TestTuneInterrupted(t *testing.T) {
	folder := t.TempDir()
	d := keeping(t, folder)
	ctx, cancel := context.WithCancel(context.Background())
	done, err := d.Tune(ctx, []*graph.Graph{pools(t)}, TuneOptions{Report: func(OpTuning, TuneProgress) { cancel() }})
	if !errors.Is(err, context.Canceled) || len(done) != 1 {
		t.Fatalf("%d results, %v", len(done), err)
	}
	again := keeping(t, folder)
	var progress []TuneProgress
	rest, err := again.Tune(context.Background(), []*graph.Graph{pools(t)}, TuneOptions{Report: func(_ OpTuning, p TuneProgress) { progress = append(progress, p) }})
	if err != nil || len(rest) != 2 || len(progress) != 2 || progress[1].Done != 2 || progress[1].Ops != 2 || progress[1].Left != 0 {
		t.Fatalf("%d results, progress %+v, %v", len(rest), progress, err)
	}
	for _, r := range rest {
		if r.Op == done[0].Op {
			t.Errorf("%s is tuned twice", r.Op)
		}
	}
	if none, err := again.Tune(context.Background(), []*graph.Graph{pools(t)}, TuneOptions{}); err != nil || len(none) != 0 {
		t.Errorf("%d ops are tuned once more, %v", len(none), err)
	}
	if names, _ := filepath.Glob(filepath.Join(folder, "*", "*.json")); len(names) != 3 {
		t.Errorf("kept %v", names)
	}
}

// TestTuned writes a tuning for each op that names its last program. Plans of another
// device use them, give the same result, and do not if they are told to ignore them.
func TestTuned(t *testing.T) {
	folder := t.TempDir()
	d := keeping(t, folder)
	results, err := d.Tune(context.Background(), []*graph.Graph{pools(t)}, TuneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		r.Tuning.Program = r.Measured[len(r.Measured)-1].Program
		if err := d.tuned.keep(r.Tuning); err != nil {
			t.Fatal(err)
		}
	}
	x := tensor.New(1, 24, 24, 8)
	for i := range x.Data {
		x.Data[i] = float32(i*7919%101) / 101
	}
	e := keeping(t, folder)
	g := pools(t)
	want, err := g.Eval(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	programs := map[bool]map[string]bool{true: {}, false: {}}
	for _, untuned := range []bool{false, true} {
		p, err := e.CompileWith(g, Choice{Untuned: untuned})
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Run(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		if diff, err := tensor.Diff(got[0], want[0]); err != nil || diff.Relative > opTolerance {
			t.Errorf("untuned %v: %v, %v", untuned, diff, err)
		}
		for _, s := range p.plan.Steps {
			programs[untuned][s.Program] = true
		}
		p.Close()
	}
	for _, r := range results {
		last := r.Measured[len(r.Measured)-1].Program
		if !programs[false][last] || programs[true][last] {
			t.Errorf("%s: tuned %v, untuned %v", last, programs[false], programs[true])
		}
	}
}

// TestTuneReference tunes an op with so much work that the plain kernel is the
// reference, and expects the same verdict on a wrong program.
func TestTuneReference(t *testing.T) {
	d := keeping(t, "")
	wrong := func(c shaders.Call, lim shaders.Limits) []shaders.Program {
		p := shaders.Programs(c, lim)[0]
		p.Name = "own wrong"
		p.Kernels = append([]shaders.Kernel{}, p.Kernels...)
		p.Kernels[0].Sizes = append(shaders.Sizes{}, p.Kernels[0].Sizes...)
		for i, s := range p.Kernels[0].Sizes {
			if s.Name == "epilogue" {
				p.Kernels[0].Sizes[i].Value = 8 // ReLU, and no bias
			}
		}
		return []shaders.Program{p}
	}
	tuner := d.newTuner(TuneOptions{Own: wrong})
	g := trace(t, func(g *graph.Graph) {
		g.Output("y", graph.Apply(graph.Linear{Epilogue: graph.Epilogue{Bias: true}}, g.Input("x", 64, 256), g.Const(tensor.New(64, 256)), g.Const(tensor.New(64))))
	})
	ops := tuner.ops([]*graph.Graph{g})
	if len(ops) != 1 {
		t.Fatalf("%d ops", len(ops))
	}
	b, err := tuner.trial(context.Background(), ops[0], 1)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	for _, c := range []struct {
		name  string
		right bool
	}{{"own wrong", false}, {"linear_xpane_16x8", true}} {
		if _, err := b.first(context.Background(), c.name); (err == nil) != c.right {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	exact, err := b.graph.Eval(context.Background(), b.inputs...)
	if err != nil {
		t.Fatal(err)
	}
	if diff, err := tensor.Diff(b.want, exact[0]); err != nil || diff.Max == 0 || diff.Relative > opTolerance {
		t.Errorf("the reference is not the plain kernel's: %v, %v", diff, err)
	}
}

// TestTuneF16 expects that no program for f16 weights is called wrong, nor one listed that
// keeps them f32, and that a device without f16 has no use for the tuning.
func TestTuneF16(t *testing.T) {
	folder := t.TempDir()
	g := trace(t, func(g *graph.Graph) { // whose programs a software driver compiles quickly
		g.Output("y", graph.Apply(graph.ConvTranspose2d{Stride: graph.Both(2), Pad: graph.Both(1)}, g.Input("x", 1, 6, 6, 8), g.Const(ramp(8, 12, 3, 3))))
	})
	half, err := Open(Options{F16: true, Tunings: Tunings{Folder: folder, Fault: func(err error) { t.Error(err) }}})
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	results, err := half.Tune(context.Background(), []*graph.Graph{g}, TuneOptions{})
	if err != nil || len(results) != 1 {
		t.Fatal(results, err)
	}
	if r := results[0]; len(r.Measured) < 2 || len(r.Wrong) > 0 {
		t.Errorf("%+v", r)
	}
	for d, tuned := range map[*Device]int{half: 1, keeping(t, folder): 0} {
		p, err := d.Compile(g)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Stats().Tuned; got != tuned {
			t.Errorf("%d ops are tuned, want %d", got, tuned)
		}
		p.Close()
	}
	g = trace(t, func(g *graph.Graph) {
		g.Output("y", graph.Apply(graph.Conv2d{Pad: graph.Both(1)}, g.Input("x", 1, 6, 6, 16), g.Const(ramp(16, 16, 3, 3))))
	})
	names, _, err := plan.Programs(g, half.Info().Limits, half.Info().MaxBufferSize, Choice{F16: true})
	if err != nil || len(names) < 2 || strings.Contains(fmt.Sprint(names), "winograd43") {
		t.Errorf("%q, %v; winograd43 keeps its weights f32", names, err)
	}
}

// TestTuningsFiles expects that a device finds its own tuning and no other's, and that
// bad files are told of once and ignored.
func TestTuningsFiles(t *testing.T) {
	folder := t.TempDir()
	var faults []error
	tunings := Tunings{Folder: folder, Fault: func(err error) { faults = append(faults, err) }}
	info := Info{Name: "card", Driver: "1.0", Backend: "vulkan", Limits: shaders.Default}
	one := newTuned(tunings, info).device
	one.Op, one.Program, one.Default, one.Ratio = "op a", "fast", "slow", 0.5
	if err := tunings.write(one); err != nil {
		t.Fatal(err)
	}
	found := func(info Info, op string) string { return newTuned(tunings, info).program(op) }
	if got := found(info, "op a"); got != "fast" {
		t.Errorf("found %q", got)
	}
	driver, limits, backend, name := info, info, info, info
	driver.Driver, limits.Limits.WorkgroupSize, backend.Backend, name.Name = "1.1", 128, "gl", "other"
	for _, other := range []Info{driver, limits, backend, name} {
		if got := found(other, "op a"); got != "" {
			t.Errorf("%+v found %q", other, got)
		}
	}
	if got := found(info, "op b"); got != "" {
		t.Errorf("another op found %q", got)
	}
	old := one
	old.Kernels = "another version"
	if old.path() == one.path() {
		t.Error("kernels of two versions share a file")
	}
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	path := filepath.Join(folder, one.path())
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "{", "[]", `{"format": "other"}`, strings.Replace(string(text), "op a", "op c", 1), strings.Replace(string(text), `"fast"`, `""`, 1), strings.Repeat(" ", mostTuning+1)} {
		if err := os.WriteFile(path, []byte(bad), 0o666); err != nil {
			t.Fatal(err)
		}
		faults = nil
		k := newTuned(tunings, info)
		if got := k.program("op a") + k.program("op a"); got != "" || len(faults) != 1 || strings.Contains(faults[0].Error(), "\n") {
			t.Errorf("%.40q: found %q, faults %v", bad, got, faults)
		}
	}
}

// TestTuningsMove exports tunings and imports them elsewhere.
func TestTuningsMove(t *testing.T) {
	from, to := Tunings{Folder: t.TempDir()}, Tunings{Folder: filepath.Join(t.TempDir(), "new")}
	one := Tuning{Format: tuningFormat, Adapter: "card", Kernels: "k", Op: "a", Program: "p", Default: "q", Ratio: 0.9}
	two := one
	two.Op = "b"
	for _, tuning := range []Tuning{one, two} {
		if err := from.write(tuning); err != nil {
			t.Fatal(err)
		}
	}
	var text strings.Builder
	if n, err := from.Export(&text); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := to.Import(strings.NewReader(text.String())); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	for _, tuning := range []Tuning{one, two} {
		if got, ok, err := to.read(filepath.Join(to.Folder, tuning.path())); got != tuning || !ok || err != nil {
			t.Error(got, ok, err)
		}
	}
	for _, bad := range []string{"", "{}", `{"format": "vertebra tunings 1", "tunings": [{}]}`, strings.Replace(text.String(), `"op": "b"`, `"op": ""`, 1)} {
		other := Tunings{Folder: t.TempDir()}
		if n, err := other.Import(strings.NewReader(bad)); n != 0 || err == nil {
			t.Errorf("%.40q: imported %d, %v", bad, n, err)
		}
		if names, _ := os.ReadDir(other.Folder); len(names) > 0 {
			t.Errorf("%.40q: left %v", bad, names)
		}
	}
}
