package serve

import (
	"context"
	"fmt"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// Port describes an input or an output. An extent of -1 is free.
type Port struct {
	Name     string   `json:"name"`
	Datatype Datatype `json:"datatype"`
	Shape    []int    `json:"shape"`
}

// Network computes rows. Goroutines may share it.
type Network interface {
	// Inputs and Outputs describe what Run takes and returns, in order.
	Inputs() []Port
	Outputs() []Port

	// Run computes the outputs of inputs, all of which have the same number of rows.
	// Each row depends on that row of the inputs alone.
	Run(ctx context.Context, inputs []*Value) ([]*Value, error)

	// Picture prepares an encoded picture as the inputs of one row, and returns its height
	// and width. The error says if the network takes no pictures.
	Picture(ctx context.Context, file []byte) (inputs []*Value, size [2]int, err error)

	// Bytes is about how much memory the network takes.
	Bytes() int64

	Close() error
}

// alone reports whether a network computes each request by itself, as it is: its method
// Alone says so. The rows of its outputs need not be those of its inputs.
func alone(n Network) bool {
	a, ok := n.(interface{ Alone() bool })
	return ok && a.Alone()
}

// visionNetwork is a model of package vision. Its input and its outputs have PyTorch's
// order of dimensions.
type visionNetwork struct {
	m       *vision.Model
	in      []Port
	outputs []Port
	bytes   int64
}

// NewVision returns a Network that owns m.
func NewVision(m *vision.Model) (Network, error) {
	n := &visionNetwork{m: m}
	h, w := m.Size, m.Size
	g, err := models.Trace(m.Network, 1, h, w, m.Channels)
	if err != nil {
		return nil, err
	}
	n.in = []Port{{"input", "FP32", []int{-1, m.Channels, h, w}}}
	if m.Task != zoo.Classify && m.Task != zoo.Embed {
		n.in[0].Shape = []int{-1, m.Channels, -1, -1}
	}
	for i, o := range g.Outputs {
		shape := outside(o.Value.Shape)
		shape[0] = -1
		if len(shape) == 4 && n.in[0].Shape[2] < 0 {
			shape[2], shape[3] = -1, -1
		}
		n.outputs = append(n.outputs, Port{outputName(g, i), "FP32", shape})
	}
	weights.Walk(m.Network, func(_ string, t *tensor.Tensor) { n.bytes += 4 * int64(t.Shape.Len()) })
	return n, nil
}

// outputName names output i: "output" if it is the only one.
func outputName(g *graph.Graph, i int) string {
	if len(g.Outputs) == 1 {
		return "output"
	}
	if name := g.Outputs[i].Name; name != "" {
		return name
	}
	return fmt.Sprint("output", i)
}

// outside returns a shape in PyTorch's order.
func outside(s tensor.Shape) []int {
	if len(s) == 4 {
		return []int{s[0], s[3], s[1], s[2]}
	}
	return slices.Clone(s)
}

func (n *visionNetwork) Inputs() []Port  { return n.in }
func (n *visionNetwork) Outputs() []Port { return n.outputs }
func (n *visionNetwork) Bytes() int64    { return n.bytes }
func (n *visionNetwork) Close() error    { return n.m.Close() }

func (n *visionNetwork) Run(ctx context.Context, inputs []*Value) ([]*Value, error) {
	if s := inputs[0].Shape; len(s) != 4 || s[1] != n.m.Channels {
		return nil, fmt.Errorf("input %q is %v, want [N, %d, H, W]", n.in[0].Name, s, n.m.Channels)
	}
	x, err := inputs[0].channelsLast()
	if err != nil {
		return nil, err
	}
	out, err := n.m.Run(ctx, x)
	if err != nil {
		return nil, err
	}
	if err := n.m.CheckFinite(out...); err != nil {
		return nil, err
	}
	var all []*Value
	for i, t := range out {
		if len(t.Shape) == 4 {
			t = t.ToNCHW()
		}
		v := fromTensor(t)
		v.Name = n.outputs[i].Name
		all = append(all, v)
	}
	return all, nil
}

func (n *visionNetwork) Picture(ctx context.Context, file []byte) ([]*Value, [2]int, error) {
	x, size, err := n.m.Prepare(ctx, file)
	if err != nil {
		return nil, size, err
	}
	v := fromTensor(x.ToNCHW())
	v.Name = n.in[0].Name
	return []*Value{v}, size, nil
}

// CheckText returns an error if EmbedTexts cannot embed the text.
func (n *visionNetwork) CheckText(text string) error { return n.m.CheckText(text) }

// EmbedTexts embeds texts, if the model is a CLIP with a vocabulary.
func (n *visionNetwork) EmbedTexts(ctx context.Context, texts ...string) ([][]float32, error) {
	return n.m.EmbedTexts(ctx, texts...)
}
