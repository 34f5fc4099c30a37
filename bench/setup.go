package bench

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// Setup says which network to measure, with which weights and input.
type Setup struct {
	Network       zoo.Model
	Text          bool // for CLIP: the text tower instead of the image tower
	Batch         int  // 0 means 1
	Height, Width int  // 0 means the network's size

	// Weights is a checkpoint. Data is a reference file with weight/…, input/… and
	// output/…, in PyTorch's names and layouts. Without both, numbers are random.
	Weights, Data string
	Key           string // which of several networks in Weights; see weights.Unwrap

	Zeros bool // for weights in place of random numbers: enough for a graph, and fast
}

// Options makes the network with weights, its input and the wanted output.
func (s Setup) Options() (ModelOptions, error) {
	e := s.Network
	o := ModelOptions{Name: e.Name, Model: e.New()}
	size := func(n int) int {
		if n == 0 {
			return e.Size
		}
		return n
	}
	shape := tensor.Shape{max(s.Batch, 1), size(s.Height), size(s.Width), e.Channels}
	clip, _ := o.Model.(*models.CLIP)
	switch {
	case s.Text && clip == nil:
		return o, fmt.Errorf("%s has no text tower", e.Name)
	case s.Text:
		tower := &textTower{clip.CLIPText}
		o.Model, o.Input = tower, tower.tokens(shape[0])
		shape = o.Input.Shape
	case clip != nil:
		o.Model = &imageTower{clip.Visual}
	}
	if s.Data != "" {
		var err error
		if o.Input, o.Want, err = ReadData(s.Data, o.Model); err != nil {
			return o, err
		}
		if !o.Input.Shape.Equal(shape) {
			return o, fmt.Errorf("%s: the input is %v, not %v as asked for", files.Quote(s.Data), o.Input.Shape, shape)
		}
		return o, nil
	}
	if o.Input == nil {
		o.Input = tensor.Declare(shape...)
	}
	if s.Weights == "" {
		if !s.Zeros {
			weights.Random(o.Model, 1)
			return o, nil
		}
		weights.Walk(o.Model, func(_ string, t *tensor.Tensor) {
			if !t.Bound() {
				t.Data = make([]float32, t.Shape.Len())
			}
		})
		return o, nil
	}
	src, err := weights.Open(s.Weights)
	if err != nil {
		return o, err
	}
	defer src.Close()
	part, _, err := weights.Unwrap(src, s.Key, func(src weights.Source) bool { return weights.Compare(o.Model, src).Err() == nil })
	if err == nil {
		models.MatchParts(o.Model, part)
		err = weights.Bind(o.Model, part)
	}
	if err != nil {
		return o, files.Named(s.Weights, err)
	}
	return o, nil
}

// ReadData binds the tensors weight/… of a reference file to m. They may have any
// layout of m's checkpoints. It returns the file's input and output in the graph's
// layout.
func ReadData(path string, m models.Network) (x, y *tensor.Tensor, err error) {
	f, err := weights.OpenSafetensors(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	src := weights.Rename(f, func(name string) string {
		rest, ok := strings.CutPrefix(name, "weight/")
		if !ok {
			return ""
		}
		return rest
	})
	if err := weights.Bind(m, src); err != nil {
		return nil, nil, files.Named(path, err)
	}
	for _, name := range f.Names() {
		var to **tensor.Tensor
		switch {
		case strings.HasPrefix(name, "input/"):
			to = &x
		case strings.HasPrefix(name, "output/"):
			to = &y
		default:
			continue
		}
		if *to != nil {
			continue
		}
		t, err := f.Tensor(name)
		if err != nil {
			return nil, nil, files.Named(path, err)
		}
		if len(t.Shape) == 4 {
			t = t.ToNHWC()
		}
		*to = t
	}
	if x == nil || y == nil {
		return nil, nil, fmt.Errorf("%s: no tensors input/… and output/…", files.Quote(path))
	}
	return x, y, nil
}
