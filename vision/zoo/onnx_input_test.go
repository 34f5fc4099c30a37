package zoo

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/internal/onnxfile"
	"github.com/vertebra/vertebra/onnx"
)

// TestONNXShapes binds the batch of inputs that leave it open, and of those that do not.
func TestONNXShapes(t *testing.T) {
	for _, c := range []struct {
		inFile any
		batch  int
		want   any // an int, or a part of the error
	}{
		{"N", 2, 2}, {4, 4, 4},
		{4, 2, "input x takes 4 pictures at once, and the batch is 2"},
		{4, 1, "and the batch is 1"}, {4, 8, "and the batch is 8"},
	} {
		path := filepath.Join(t.TempDir(), "model.onnx")
		f := onnxfile.File{
			Inputs:  []onnxfile.Port{{Name: "x", Shape: []any{c.inFile, 3, 4, 8}}},
			Nodes:   []onnxfile.Node{{Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}},
			Outputs: []onnxfile.Port{{Name: "y"}},
		}
		if err := os.WriteFile(path, f.Encode(), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		shapes, err := ONNXShapes(m, ONNXOptions{}, [2]int{}, c.batch)
		if text, wrong := c.want.(string); wrong {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%v for %v: %v, %v", c.batch, c.inFile, shapes, err)
			}
		} else if err != nil || !reflect.DeepEqual(shapes["x"], []int{c.want.(int), 3, 4, 8}) {
			t.Errorf("%v for %v: %v, %v", c.batch, c.inFile, shapes, err)
		}
	}
}
