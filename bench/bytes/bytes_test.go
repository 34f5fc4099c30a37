package main

import (
	"testing"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/webgpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestMeasure counts what two kernels access: one reads and writes each number once, the
// other reads rows three times, which its workgroups remember or do not.
func TestMeasure(t *testing.T) {
	d, err := webgpu.Driver{}.Open("", func(list []driver.Info) (int, driver.Info, error) { return 0, list[0], nil })
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, c := range []struct {
		row           row
		asked, memory float64
		wide          bool
	}{
		{row{op: graph.Activate{Act: graph.ReLU}, args: []tensor.Shape{{1, 4, 4, 64}}}, 1, 1, true},
		{row{op: graph.Softmax{Axis: -1}, args: []tensor.Shape{{3, 1000 + 8}}}, 1, 1, true},
		{row{op: graph.Normalize{Axis: -1}, args: []tensor.Shape{{2, 1024}}}, 1.5, 1, false},
		{row{op: graph.Normalize{Axis: -1}, args: []tensor.Shape{{2, 8192}}}, 1.5, 1.5, false},
	} {
		got, err := measure(d, c.row)
		if err != nil {
			t.Fatal(err)
		}
		near := func(a, b float64) bool { return a >= b && a < 1.06*b }
		if !near(got.asked(), c.asked) || !near(got.memory(), c.memory) || (got.wide == got.accesses) != c.wide {
			t.Errorf("%s %v: %.2f asked, %.2f from memory, %d of %d wide", c.row.op.Name(), c.row.args, got.asked(), got.memory(), got.wide, got.accesses)
		}
	}
}
