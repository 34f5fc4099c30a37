package bench

import (
	"embed"
	"fmt"
	"math/rand/v2"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// Shape is an op of a network with the sizes of its arguments. Files of shapes are
// JSON; shapes/README.md describes them.
type Shape struct {
	Name  string
	Count int    // uses in the network
	Op    string // "conv2d" or "linear"

	// For conv2d: [Batch, H, W, Cin] to Cout channels.
	Batch       int // 0 means 1
	H, W        int
	Cin, Cout   int
	Kernel      graph.Pair
	Stride, Pad graph.Pair // a Stride of 0 means 1
	Groups      int        // 0 means 1

	// For linear: [M, K] to [M, N].
	M, K, N int

	Bias bool

	// Data is a safetensors file with input/x, weight/weight, weight/bias and
	// output/y in PyTorch's layouts. If it is empty, numbers are random.
	Data string
}

//go:embed shapes/*.json
var shapeFiles embed.FS

// Shapes lists the convolutions of ResNet-50 and the linear layers of ViT-B/16
// on one picture of 224×224.
func Shapes() ([]Shape, error) {
	var all []Shape
	for _, name := range []string{"resnet50_conv", "vit_b_matmul"} {
		text, err := shapeFiles.ReadFile("shapes/" + name + ".json")
		if err != nil {
			return nil, err
		}
		shapes, err := parseShapes(text)
		if err != nil {
			return nil, fmt.Errorf("bench: shapes: %s: %w", files.Quote(name), err)
		}
		all = append(all, shapes...)
	}
	return all, nil
}

// ReadShapes reads a file of shapes, a JSON array.
func ReadShapes(path string) ([]Shape, error) {
	text, err := files.ReadFile(path)
	if err != nil {
		return nil, err
	}
	shapes, err := parseShapes(text)
	if err != nil {
		return nil, fmt.Errorf("bench: shapes: %s: %w", files.Quote(path), err)
	}
	return shapes, nil
}

// String returns the sizes in one line.
func (s Shape) String() string {
	if s.Op == "linear" {
		return fmt.Sprintf("%d×%d · %d×%d", s.M, s.K, s.K, s.N)
	}
	return fmt.Sprintf("%d×%d×%d → %d, %v s%v", s.H, s.W, s.Cin, s.Cout, s.Kernel, s.Stride)
}

// work is a graph of one op with an input and the wanted output, which is nil if
// unknown.
type work struct {
	graph *graph.Graph
	input *tensor.Tensor
	want  *tensor.Tensor
}

func (s Shape) work() (work, error) {
	w := work{}
	var x, weight, bias *tensor.Tensor
	var op graph.Op
	e := graph.Epilogue{Bias: s.Bias}
	if s.Op == "linear" {
		op = graph.Linear{Epilogue: e}
		x, weight, bias = tensor.Declare(s.M, s.K), tensor.Declare(s.N, s.K), tensor.Declare(s.N)
	} else {
		op = graph.Conv2d{Stride: s.Stride, Pad: s.Pad, Groups: s.Groups, Epilogue: e}
		x = tensor.Declare(max(s.Batch, 1), s.H, s.W, s.Cin)
		weight, bias = tensor.Declare(s.Cout, s.Cin/max(s.Groups, 1), s.Kernel[0], s.Kernel[1]), tensor.Declare(s.Cout)
	}
	if err := s.fill(&w, x, weight, bias); err != nil {
		return w, fmt.Errorf("bench: %s: %w", s.Name, err)
	}
	w.input = x
	var err error
	w.graph, err = graph.Trace(func(g *graph.Graph) {
		args := []*graph.Value{g.Input("x", x.Shape...), g.Const(weight)}
		if s.Bias {
			args = append(args, g.Const(bias))
		}
		g.Output("y", graph.Apply(op, args...))
	})
	if err != nil {
		return w, fmt.Errorf("bench: %s: %w", s.Name, err)
	}
	return w, nil
}

// fill fills the tensors with random numbers or with those of the data.
func (s Shape) fill(w *work, x, weight, bias *tensor.Tensor) error {
	if s.Data == "" {
		r := rand.New(rand.NewPCG(1, 2))
		for _, t := range []*tensor.Tensor{x, weight, bias} {
			t.Data = make([]float32, t.Shape.Len())
			for i := range t.Data {
				t.Data[i] = r.Float32()*2 - 1
			}
		}
		return nil
	}
	file, err := weights.OpenSafetensors(s.Data)
	if err != nil {
		return err
	}
	defer file.Close()
	read := func(name string, to *tensor.Tensor, image bool) error {
		t, err := file.Tensor(name)
		if err != nil {
			return files.Named(s.Data, err)
		}
		if image && len(t.Shape) == 4 {
			t = t.ToNHWC()
		}
		if to.Shape != nil && !t.Shape.Equal(to.Shape) {
			return fmt.Errorf("%s: %s is %v, want %v", files.Quote(s.Data), files.Quote(name), t.Shape, to.Shape)
		}
		to.Shape, to.Data = t.Shape, t.Data
		return nil
	}
	w.want = &tensor.Tensor{}
	if err := read("input/x", x, true); err != nil {
		return err
	}
	if err := read("weight/weight", weight, false); err != nil {
		return err
	}
	if s.Bias {
		if err := read("weight/bias", bias, false); err != nil {
			return err
		}
	}
	return read("output/y", w.want, true)
}
