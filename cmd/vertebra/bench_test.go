package main

import (
	"encoding/json"
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
	args := []string{"bench", "model", "lenet5", "--data", data, "--json", "--batch", strconv.Itoa(x.Shape[0])}
	for _, runs := range []string{"0", "1"} {
		var r bench.ModelResult
		text := ok(t, append(args, "--runs", runs)...)
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, `"warm_median_ms": null`) != (runs == "0") {
			t.Errorf("--runs %s: %s", runs, text)
		}
		if r.Name != "lenet5" || r.MaxAbsDiff == nil || *r.MaxAbsDiff > 1e-5 || (r.Median != nil && *r.Median > 0) != (runs == "1") {
			t.Errorf("--runs %s: %+v", runs, r)
		}
	}
}
