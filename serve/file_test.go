package serve

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vertebra/vertebra/internal/onnxfile"
	"github.com/vertebra/vertebra/vision"
)

// TestRowsApart opens files whose first dimension is a batch, and is none: only requests to
// the first may share a run.
func TestRowsApart(t *testing.T) {
	d, err := vision.OpenDevice(vision.DeviceOptions{Name: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for name, alone := range map[string]bool{"Relu": false, "CumSum": true} {
		inputs := []string{"x"}
		f := onnxfile.File{Inputs: []onnxfile.Port{{Name: "x", Shape: []any{"n", 4, 3}}}, Outputs: []onnxfile.Port{{Name: "y"}}}
		if alone {
			inputs = append(inputs, "axis")
			f.Weights = []onnxfile.Weight{{Name: "axis", Shape: []int{1}, Ints: []int{0}}}
		}
		f.Nodes = []onnxfile.Node{{Op: name, Inputs: inputs, Outputs: []string{"y"}}}
		path := filepath.Join(t.TempDir(), name+".onnx")
		if err := os.WriteFile(path, f.Encode(), 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := NewONNX(path, d, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := n.(*fileNetwork).Alone(); got != alone {
			t.Errorf("%s: alone is %v", name, got)
		}
		if err := n.(*fileNetwork).Close(); err != nil {
			t.Error(err)
		}
	}
}
