package vision_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"log"
	"os"
	"path/filepath"

	"github.com/vertebra/vertebra/internal/onnxfile"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

// ExampleOpen_onnx classifies a picture by an ONNX file. This one is written here: its
// classes are the means of red, green and blue.
func ExampleOpen_onnx() {
	dir, err := os.MkdirTemp("", "onnx")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.onnx")
	file := onnxfile.File{
		Inputs: []onnxfile.Port{{Name: "picture", Shape: []any{"batch", 3, 32, 32}}},
		Nodes: []onnxfile.Node{
			{Op: "GlobalAveragePool", Inputs: []string{"picture"}, Outputs: []string{"mean"}},
			{Op: "Flatten", Inputs: []string{"mean"}, Outputs: []string{"scores"}},
		},
		Outputs: []onnxfile.Port{{Name: "scores"}},
	}
	if err := os.WriteFile(path, file.Encode(), 0o644); err != nil {
		log.Fatal(err)
	}

	m, err := vision.Open(path, vision.Options{
		Device: "cpu",
		Labels: []string{"red", "green", "blue"},
		ONNX:   zoo.ONNXOptions{Input: zoo.ModelInput{Range: []float64{-1, 1}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	sky := image.NewRGBA(image.Rect(0, 0, 1, 1))
	sky.Set(0, 0, color.RGBA{0, 0, 255, 255})
	for r, err := range m.Classify(context.Background(), vision.Image("sky", sky)) {
		if err != nil {
			log.Fatal(err)
		}
		best := r.Top(1)[0]
		fmt.Printf("%s: %s, %.2f\n", r.Name, best.Name, best.Probability)
	}
	// Output: sky: blue, 0.79
}
