package main

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/vertebra/vertebra/bench"
)

// TestBenchModel measures with a reference file.
func TestBenchModel(t *testing.T) {
	data := "../../bench/golden/testdata/lenet5_tutorial.safetensors"
	f := openFile(t, data)
	x, err := f.Tensor("input/x")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"bench", "model", "lenet5", "--data", data, "--json", "--batch", strconv.Itoa(x.Shape[0])}
	for _, runs := range []string{"0", "1"} {
		var r bench.ModelResult
		if err := json.Unmarshal([]byte(ok(t, append(args, "--runs", runs)...)), &r); err != nil {
			t.Fatal(err)
		}
		if r.Name != "lenet5" || r.MaxAbsDiff == nil || *r.MaxAbsDiff > 1e-5 || (r.Median > 0) != (runs == "1") {
			t.Errorf("--runs %s: %+v", runs, r)
		}
	}
}
