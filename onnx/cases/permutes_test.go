package cases

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/onnx"
)

// TestPermutes counts the Permutes that are left in the trained networks of the folder that
// VERTEBRA_ONNX names: one for a picture that comes in with several channels first, and none
// in the networks themselves.
func TestPermutes(t *testing.T) {
	root := os.Getenv("VERTEBRA_ONNX")
	if root == "" { // the patterns of package passes count them in small graphs
		return
	}
	for name, want := range map[string]int{
		"real/yolox_nano_416": 1, "real/ppocr_v4_det_ch": 1, "real/yunet_2026may": 1, "real/ppocr_v4_rec_ch": 1, "real/ultraface_rfb_320": 1,
		"real/cifar10_cnn": 1, "real/squeezenet_fp16_imagenet": 1, "real/blazeface_front_128": 0, "real/mlsd_tiny_320": 0,
		"real/selfie_segmentation_144x256": 0, "real/super_resolution_x3": 0, "real/mnist_8_cntk": 0,
	} {
		folder := filepath.Join(root, name)
		m, err := onnx.Open(filepath.Join(folder, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		sets, err := Sets(folder)
		if err != nil {
			t.Fatal(err)
		}
		inputs, err := sets[0].Named(m)
		if err != nil {
			t.Fatal(err)
		}
		n, err := onnx.ImportFor(m, onnx.Options{}, inputs)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, v := range n.Graph.Fuse().Nodes {
			if _, ok := v.Op.(graph.Permute); ok {
				got++
			}
		}
		if got != want {
			t.Errorf("%s: %d Permutes, want %d", name, got, want)
		}
	}
}
