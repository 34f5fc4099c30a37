package main

import (
	"encoding/json"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/bench"
)

// TestBenchModel measures with a reference file.
func TestBenchModel(t *testing.T) {
	data := "../../golden/testdata/lenet5_tutorial.safetensors"
	f := openFile(t, data)
	x, err := f.Tensor("input/x")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"bench", "model", "lenet5", "--case", data, "--json", "--quiet", "--batch", strconv.Itoa(x.Shape[0])}
	for _, runs := range []string{"0", "1"} {
		var report bench.Report[bench.ModelResult]
		text := ok(t, append(args, "--runs", runs)...)
		if err := json.Unmarshal([]byte(text), &report); err != nil || len(report.Results) != 1 {
			t.Fatalf("%v\n%s", err, text)
		}
		if strings.Contains(text, `"median_seconds": null`) != (runs == "0") {
			t.Errorf("--runs %s: %s", runs, text)
		}
		r := report.Results[0]
		if r.Name != "lenet5" || r.MaxAbsDiff == nil || *r.MaxAbsDiff > 1e-5 || (r.Median != nil && *r.Median > 0) != (runs == "1") || r.Layers != nil {
			t.Errorf("--runs %s: %+v", runs, r)
		}
		if m := report.Machine; report.Kind != "model" || m.Adapter == "" || m.Backend == "" || m.Type == "" || m.Version == "" || m.OS != runtime.GOOS || m.Arch != runtime.GOARCH || m.Cores < 1 {
			t.Errorf("measured on %+v", m)
		}
	}
}

// TestBenchProfile expects a row for each layer, and one for each dispatch when
// these are asked for.
func TestBenchProfile(t *testing.T) {
	args := []string{"bench", "model", "espcn_x2", "--size", "16", "--runs", "1", "--quiet"}
	var report bench.Report[bench.ModelResult]
	text := ok(t, append(args, "--dispatches", "--json")...)
	if err := json.Unmarshal([]byte(text), &report); err != nil || report.Peak == nil || len(report.Results) != 1 {
		t.Fatalf("%v\n%s", err, text)
	}
	all := report.Results[0]
	if len(all.Layers) != all.Dispatches {
		t.Errorf("%d rows for %d dispatches", len(all.Layers), all.Dispatches)
	}
	_, table, _ := strings.Cut(ok(t, append(args, "--profile")...), "layer ")
	lines := strings.Split(strings.TrimSpace(table), "\n")[1:]
	told := map[string]bool{}
	for _, l := range lines {
		layer := strings.Join(strings.Fields(l)[:2], " ")
		if told[layer] {
			t.Errorf("layer %s is told twice", layer)
		}
		told[layer] = true
	}
	if len(told) < 3 || len(told) >= all.Dispatches {
		t.Errorf("%d layers, %d dispatches:\n%s", len(told), all.Dispatches, table)
	}
}

// TestBenchONNX measures a file on the data beside it, whose nodes name the layers.
func TestBenchONNX(t *testing.T) {
	folder := onnxSuite + "test_gemm_all_attributes/"
	args := []string{"bench", "model", folder + "model.onnx", "--runs", "1", "--quiet"}
	var report bench.Report[bench.ModelResult]
	text := ok(t, append(args, "--input", folder+"test_data_set_0", "--dispatches", "--json")...)
	if err := json.Unmarshal([]byte(text), &report); err != nil || len(report.Results) != 1 {
		t.Fatalf("%v\n%s", err, text)
	}
	r := report.Results[0]
	if r.Name != "test_gemm_all_attributes" || r.MaxRelDiff == nil || *r.MaxRelDiff > 1e-5 || r.Median == nil || len(r.Layers) != r.Dispatches {
		t.Errorf("%s", text)
	}
	for _, l := range r.Layers {
		if l.Layer != "y" {
			t.Errorf("layer %q of a node that makes y", l.Layer)
		}
	}
	if text := ok(t, args...); !strings.Contains(text, "test_gemm_all_attributes on [4, 3]") { // random numbers
		t.Error(text)
	}
	for _, bad := range [][]string{{"--batch", "2"}, {"--input", folder}} {
		if status, _, stderr := vertebra(append(args, bad...)...); status != 1 || stderr == "" {
			t.Errorf("%v: status %d, %s", bad, status, stderr)
		}
	}
	if status, _, stderr := vertebra("bench", "model", "lenet5", "--input", folder); status != 1 || !strings.Contains(stderr, "--input is only for an ONNX file") {
		t.Errorf("status %d, %s", status, stderr)
	}
}

// TestBenchOps measures a shape with every program, and with the default.
func TestBenchOps(t *testing.T) {
	shapes := file(t, "s.json", []byte(`[{"name": "conv", "op": "conv2d", "h": 9, "w": 7, "cin": 8, "cout": 12, "kernel": [3, 3], "pad": [1, 1], "groups": 4, "bias": true}]`))
	args := []string{"bench", "ops", "--shapes", shapes, "--runs", "1", "--quiet"}
	if text := ok(t, append(args, "--all-kernels")...); !strings.Contains(text, "the default") || !strings.Contains(text, "peak: ") || strings.Count(text, "\nconv ") < 2 {
		t.Error(text)
	}
	var r bench.Report[bench.OpResult]
	if err := json.Unmarshal([]byte(ok(t, append(args, "--json")...)), &r); err != nil || r.Kind != "ops" || r.Adapter == "" || r.Peak == nil || len(r.Results) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if o := r.Results[0]; o.Name != "conv" || o.Kernel <= 0 || o.ShareFLOPS <= 0 || o.ToDefault != 1 {
		t.Errorf("%+v", o)
	}
}

func TestBenchPeak(t *testing.T) {
	text := ok(t, "bench", "peak", "--json", "--quiet")
	var r bench.Report[struct{}]
	if err := json.Unmarshal([]byte(text), &r); err != nil || r.Kind != "peak" || r.Adapter == "" || r.Peak == nil || r.Peak.GFLOPS <= 0 {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestWarnBusy(t *testing.T) {
	m, busy := bench.Machine{Type: "software", Cores: 2}, 1.25
	for _, c := range []struct {
		quiet  bool
		others *float64
		want   string
	}{
		{false, &busy, "warning: other processes kept 1.2 of 2 cores busy: the times of this run are not reliable\n"},
		{true, &busy, ""},
		{false, nil, ""},
		{false, new(float64), ""},
	} {
		var b strings.Builder
		(&settings{quiet: c.quiet}).warnBusy(&b, m, c.others)
		if b.String() != c.want {
			t.Errorf("%+v: %q", c, b.String())
		}
	}
}

func TestBenchCompare(t *testing.T) {
	one, other := 1.0, 0.5
	of := func(adapter string, seconds *float64) string {
		text, err := json.Marshal(bench.Report[bench.ModelResult]{
			Kind:    "model",
			Machine: bench.Machine{Adapter: adapter, Type: "software", Version: "v1", OS: "linux", Arch: "amd64", Cores: 2},
			Results: []bench.ModelResult{
				{Name: "m", Input: []int{1, 8, 8, 3}, FirstOutput: *seconds, Median: seconds},
				{Name: adapter, Input: []int{1}, FirstOutput: 1},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return file(t, adapter+".json", text)
	}
	a, b := of("this card", &one), of("that card", &other)
	text := ok(t, "bench", "compare", a, b)
	for _, want := range []string{"A: this card; linux/amd64, 2 cores; vertebra v1\n", "B: that card", "m [1, 8, 8, 3]    1000.00  500.00  0.50\n", "only in A: this card [1]\n", "only in B: that card [1]\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	var c bench.Comparison
	if err := json.Unmarshal([]byte(ok(t, "bench", "compare", a, b, "--json")), &c); err != nil || len(c.Quantities) != 2 || c.Quantities[1].Mean != 0.5 {
		t.Errorf("%+v, %v", c, err)
	}
	peak := file(t, "peak.json", []byte(`{"kind": "peak", "peak": {"gflops": 1}}`))
	if status, _, stderr := vertebra("bench", "compare", a, peak); status != 1 || !strings.Contains(stderr, "peak.json from bench peak: only reports of the same command can be compared") {
		t.Errorf("status %d, %s", status, stderr)
	}
}
