package serve

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/internal/onnxfile"
	"github.com/vertebra/vertebra/vision"
)

// TestRowsApart opens files whose first dimension is a batch, and is none: only requests to
// the first may share a run. A result with NaN is an error. They take no pictures, and say so
// without their paths.
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
		for x, want := range map[float64]string{1: "", math.Inf(1): "", math.NaN(): name + `.onnx: the result y has NaN`} {
			in := &Value{Name: "x", Datatype: "FP32", Shape: []int{1, 4, 3}}
			for range 12 {
				in.Raw = binary.LittleEndian.AppendUint32(in.Raw, math.Float32bits(float32(x)))
			}
			if _, err := n.Run(t.Context(), []*Value{in}); err == nil != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s of %v: %v", name, x, err)
			}
		}
		if _, _, err := n.Picture(t.Context(), nil); err == nil || strings.Contains(err.Error(), filepath.Dir(path)) {
			t.Errorf("%s: a picture: %v", name, err)
		}
		if err := n.(*fileNetwork).Close(); err != nil {
			t.Error(err)
		}
	}
}
