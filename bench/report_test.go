package bench

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vertebra/vertebra/gpu"
)

func TestLayers(t *testing.T) {
	dispatches := []gpu.Timing{
		{Op: "conv2d", Layer: "conv1", Program: "winograd", FLOPs: 300, Bytes: 10, Time: time.Second},
		{Op: "conv2d", Layer: "conv1", Program: "winograd", Bytes: 20, Time: 2 * time.Second},
		{Op: "conv2d", Layer: "conv1", Program: "winograd", Bytes: 30, Time: 3 * time.Second},
		{Op: "relu", Layer: "conv1", Program: "activate", FLOPs: 5, Bytes: 1, Time: time.Second},
		{Op: "conv2d", Layer: "conv2", Program: "naive", FLOPs: 7, Bytes: 2, Time: time.Second},
	}
	want := []LayerTime{
		{"conv1", "conv2d", "winograd", 3, 300, 60, 6},
		{"conv1", "relu", "activate", 1, 5, 1, 1},
		{"conv2", "conv2d", "naive", 1, 7, 2, 1},
	}
	if got := ByLayer(dispatches); !reflect.DeepEqual(got, want) {
		t.Errorf("layers %+v", got)
	}
	want = []LayerTime{
		{"conv1", "conv2d", "winograd", 1, 0, 10, 1},
		{"conv1", "conv2d", "winograd", 1, 0, 20, 2},
		{"conv1", "conv2d", "winograd", 1, 0, 30, 3},
		{"conv1", "relu", "activate", 1, 5, 1, 1},
		{"conv2", "conv2d", "naive", 1, 7, 2, 1},
	}
	if got := ByDispatch(dispatches); !reflect.DeepEqual(got, want) {
		t.Errorf("dispatches %+v", got)
	}
}

func TestOtherTicks(t *testing.T) {
	const own = "12 (a ) b) R 1 1 1 0 -1 4 100 0 0 0 40 2 9 9 20 0"
	n, ok := otherTicks("cpu  1000 1 200 5000 700 20 3 40 8 9\ncpu0 1 2 3\n", own)
	if want := int64(1000 + 1 + 200 + 20 + 3 + 40 - 40 - 2); !ok || n != want {
		t.Errorf("%d, %v, want %d", n, ok, want)
	}
	for _, c := range [][2]string{{"", own}, {"cpu 1 2 3\n", own}, {"cpu a 1 200 5000 700 20 3 40\n", own}, {"cpu 1 1 200 5000 700 20 3 40\n", "12 (a) R 1"}} {
		if _, ok := otherTicks(c[0], c[1]); ok {
			t.Errorf("%q was taken", c)
		}
	}
}

func TestDisturbed(t *testing.T) {
	for _, c := range []struct {
		kind   string
		cores  int
		others float64
		want   bool
	}{
		{"software", 16, 0.1, false}, {"software", 16, 0.2, true},
		{"discrete", 16, 14.9, false}, {"discrete", 16, 15.1, true},
		{"discrete", 1, 0.1, false}, {"discrete", 1, 0.2, true},
	} {
		if got := (Machine{Type: c.kind, Cores: c.cores}).Disturbed(c.others); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestFaster(t *testing.T) {
	of := func(name, program string, ratio float64) OpResult {
		return OpResult{Name: name, Shape: "s", Program: program, ToDefault: ratio}
	}
	got := Faster([]OpResult{
		of("a", "default", 1), of("a", "better", 0.8), of("a", "best", 0.5), of("a", "worse", 2),
		of("b", "default", 1), of("b", "nearly", 0.95),
		of("c", "not measured", 0),
	})
	if len(got) != 1 || got[0].Program != "best" {
		t.Errorf("%+v", got)
	}
	if r := pairedRatio([]float64{1, 30, 8}, []float64{2, 10, 4}); r != 2 {
		t.Errorf("median ratio %g, want 2", r)
	}
}

// report writes a report and returns its path.
func report(t *testing.T, name string, r any) string {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCompare(t *testing.T) {
	ops := func(adapter string, scale float64) Report[OpResult] {
		return Report[OpResult]{Kind: "ops", Machine: Machine{Adapter: adapter}, Results: []OpResult{
			{Name: "a", Shape: "s", Program: "default", Kernel: 1 * scale, Median: 2 * scale},
			{Name: "a", Shape: "s", Program: "another", Kernel: 100},
			{Name: "b", Shape: "s", Kernel: 1 * scale * scale * scale, Median: 3},
			{Name: adapter, Shape: "s", Kernel: 7},
		}}
	}
	a, b := report(t, "a.json", ops("one", 1)), report(t, "b.json", ops("two", 2))
	c, err := CompareFiles(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if c.A.Adapter != "one" || c.B.Adapter != "two" || !reflect.DeepEqual(c.OnlyA, []string{"one s"}) || !reflect.DeepEqual(c.OnlyB, []string{"two s"}) {
		t.Errorf("%+v", c)
	}
	want := []Quantity{
		{"kernel_seconds", []Pair{{"a s", 1, 2, 2}, {"b s", 1, 8, 8}}, 4},
		{"median_seconds", []Pair{{"a s", 2, 4, 2}, {"b s", 3, 3, 1}}, math.Sqrt2},
	}
	for i, q := range c.Quantities {
		if math.Abs(q.Mean-want[i].Mean) > 1e-9 {
			t.Errorf("%s: mean %g, want %g", q.Name, q.Mean, want[i].Mean)
		}
		q.Mean = want[i].Mean
		if !reflect.DeepEqual(q, want[i]) {
			t.Errorf("%+v, want %+v", q, want[i])
		}
	}
	two := 2.0
	models := []ModelResult{{Name: "m", Input: []int{1, 2, 2, 3}, FirstOutput: 1}, {Name: "n", Input: []int{1}, FirstOutput: 1, Median: &two}}
	m := report(t, "m.json", Report[ModelResult]{Kind: "model", Results: models})
	if c, err := CompareFiles(m, m); err != nil || len(c.Quantities) != 2 || c.Quantities[0].Pairs[0].Name != "m [1, 2, 2, 3]" || len(c.Quantities[1].Pairs) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	p := report(t, "p.json", Report[struct{}]{Kind: "peak", Peak: &Peak{GFLOPS: 4, GBS: 2}})
	if c, err := CompareFiles(p, p); err != nil || len(c.Quantities) != 2 || c.Quantities[0].Pairs[0].A != 4 {
		t.Errorf("%+v, %v", c, err)
	}
	s := report(t, "s.json", Report[ScaleResult]{Kind: "scale", Results: []ScaleResult{{Name: "s", Size: 224, Median: 1}}})
	if c, err := CompareFiles(s, s); err != nil || c.Quantities[0].Pairs[0].Name != "s 224×224" {
		t.Errorf("%+v, %v", c, err)
	}
	for _, e := range []struct{ a, b, want string }{
		{a, m, "a.json comes from bench ops, "},
		{a, "none.json", "none.json: no such file"},
		{report(t, "list.json", []int{1}), a, "list.json: not what vertebra bench prints with --json"},
		{report(t, "other.json", map[string]any{"kind": "else"}), a, `other.json: not what vertebra bench prints with --json: kind "else"`},
		{report(t, "empty.json", map[string]any{"kind": "peak"}), a, "empty.json: no peak in it"},
		{a, report(t, "bad.json", map[string]any{"kind": "ops", "results": []any{map[string]any{"name": 1}}}), "bad.json: result 1: "},
		{a, report(t, "d.json", Report[OpResult]{Kind: "ops", Results: []OpResult{{Name: "z", Kernel: 1}}}), "have no results in common: "},
	} {
		if _, err := CompareFiles(e.a, e.b); err == nil || !strings.Contains(err.Error(), e.want) {
			t.Errorf("%v, want %q", err, e.want)
		}
	}
}
