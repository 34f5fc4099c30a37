package vision

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/vertebra/vertebra/onnx/cases"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
)

// TestONNXReal runs real files, if VERTEBRA_ONNX names the folder with them, on the data
// beside them, as models of a task.
func TestONNXReal(t *testing.T) {
	root := os.Getenv("VERTEBRA_ONNX")
	if root == "" {
		return
	}
	for name, c := range map[string]struct {
		task      zoo.Task
		size      [2]int
		tolerance float64
	}{
		"squeezenet_fp16_imagenet":    {zoo.Classify, [2]int{}, 1e-2},
		"super_resolution_x3":         {zoo.SuperResolve, [2]int{}, 1e-4},
		"ppocr_v2_cls":                {zoo.Classify, [2]int{48, 192}, 1e-4},
		"selfie_segmentation_144x256": {zoo.Segment, [2]int{}, 1e-4},
	} {
		dir := filepath.Join(root, "real", name)
		sets, err := cases.Sets(dir)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Size: c.size, ONNX: zoo.ONNXOptions{Task: c.task, Input: zoo.ModelInput{Range: []float64{0, 1}}}}
		m, err := Open(filepath.Join(dir, "model.onnx"), o)
		if err != nil {
			t.Fatal(err)
		}
		n := m.Network.(*zoo.ONNX)
		for _, s := range sets {
			x, err := s.Inputs[0].Tensor()
			if err != nil {
				t.Fatal(err)
			}
			if x.Shape[3] != m.Channels {
				x = x.ToNHWC()
			}
			got, err := m.Run(context.Background(), x)
			if err != nil {
				t.Fatalf("%s/%s: %v", name, s.Name, err)
			}
			form, err := n.Main(x.Shape)
			if err != nil {
				t.Fatal(err)
			}
			want, err := s.Outputs[0].Tensor()
			if err != nil {
				t.Fatal(err)
			}
			d, err := tensor.Diff(form.AsFile(got[0]), want)
			if err != nil || !(d.Relative <= c.tolerance) || math.IsNaN(d.Relative) {
				t.Errorf("%s/%s: %+v, %v", name, s.Name, d, err)
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}
