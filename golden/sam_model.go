package golden

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// samCases makes the cases of each kind of SAM's files.
func samCases(f *file) error {
	switch kind := f.Metadata["model"]; {
	case strings.HasSuffix(kind, "_image_encoder"):
		f.add("", func() (Case, error) { return samEncoder(f) })
		return nil
	case strings.HasPrefix(kind, "sam_amg"):
		return samEverything(f)
	case strings.HasPrefix(kind, "sam_predictor"):
		return samPredictor(f)
	case strings.HasPrefix(kind, "sam_vit_"):
		return samPrompts(f)
	default:
		return fmt.Errorf("model %q of SAM: %w", kind, ErrUnknown)
	}
}

// samModel loads the model from a file that holds all of it.
func samModel(f *file) (*models.SAM, error) {
	src, err := f.weights()
	if err != nil {
		return nil, err
	}
	c, err := models.SAMConfigOf(src)
	if err != nil {
		return nil, err
	}
	heads, err := f.samHeads(c.Channels)
	if err != nil {
		return nil, err
	}
	return models.LoadSAM(src, heads)
}

// samHeads returns the number of heads of the decoder, which only the config tells.
// If it does not, the official model has 8 heads, and the small models of these files
// have one head for every 8 channels.
func (f *file) samHeads(channels int) (int, error) {
	var a struct {
		Heads int `json:"dec_heads"`
	}
	if err := f.decode(&a); err != nil || a.Heads != 0 {
		return a.Heads, err
	}
	return min(8, max(1, channels/8)), nil
}

// samEncoder makes the case of the image encoder alone. Before the neck, the file's
// stages have channels last, and a block's attention may be divided into windows.
func samEncoder(f *file) (Case, error) {
	src, err := f.weights()
	if err != nil {
		return Case{}, err
	}
	m, err := models.LoadSAMEncoder(src)
	if err != nil {
		return Case{}, err
	}
	c, err := f.imagesOf(m, f.image("input/x"), "")
	if err != nil {
		return Case{}, err
	}
	shapes := map[string]tensor.Shape{}
	for _, s := range c.Graph.Stages {
		shapes[s.Name] = s.Value.Shape
	}
	for i, s := range c.Stages {
		if strings.HasPrefix(s.Name, "neck.") {
			continue
		}
		c.Stages[i] = f.raw("stage/", s.Name)
		if strings.HasSuffix(s.Name, ".attn") {
			c.Stages[i] = joined(c.Stages[i], shapes[s.Name])
		}
	}
	return c, nil
}

// joined is a map of a shape, of whose windows t may be.
func joined(t *tensor.Tensor, shape tensor.Shape) *tensor.Tensor {
	if within(t.Shape, shape) {
		return t
	}
	op := graph.WindowReverse{Size: graph.Pair{shape[1], shape[2]}}
	if _, err := op.Shape([]tensor.Shape{t.Shape}); err != nil {
		return t
	}
	return named(t.Name, op.Eval([]*tensor.Tensor{t}))
}

// samDecoder makes the case of the mask decoder alone, with all its four masks.
func samDecoder(f *file) error {
	f.add("", func() (Case, error) {
		src, err := f.weights()
		if err != nil {
			return Case{}, err
		}
		token, err := weights.ShapeOf(src, "iou_token.weight")
		if err != nil || len(token) != 2 {
			return Case{}, fmt.Errorf("iou_token.weight is %v, want two dimensions", token)
		}
		heads, err := f.samHeads(token[1])
		if err != nil {
			return Case{}, err
		}
		m, err := models.LoadSAMDecoder(src, heads)
		if err != nil {
			return Case{}, err
		}
		weights.Walk(m, func(string, *tensor.Tensor) {}) // names the layers
		inputs := []*tensor.Tensor{
			f.image("input/image_embeddings"), f.image("input/image_pe"), f.ranked("input/sparse", 3), f.image("input/dense"),
		}
		g, err := graph.Trace(func(g *graph.Graph) {
			var in []*graph.Value
			for i, name := range []string{"image", "position", "sparse", "dense"} {
				in = append(in, g.Input(name, inputs[i].Shape...))
			}
			masks, iou := m.Forward(in[0], in[1], in[2], in[3])
			g.Output("masks", masks)
			g.Output("iou", iou)
		})
		if err != nil {
			return Case{}, err
		}
		c, err := f.traced(g, inputs, "")
		if err != nil {
			return Case{}, err
		}
		for i, o := range g.Outputs { // masks are [B, 4, H, W] in the graph, too
			c.Want[i] = f.raw("output/", o.Name)
		}
		return c, nil
	})
	return nil
}

// wanted returns the file's tensors below a prefix with the given names, in the file's
// layout. It leaves out names that the file does not have.
func (f *file) wanted(prefix string, names ...string) ([]*tensor.Tensor, error) {
	var all []*tensor.Tensor
	for _, name := range names {
		if f.has(prefix + name) {
			all = append(all, f.raw(prefix, name))
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no output to compare, such as %s%s", prefix, names[0])
	}
	return all, nil
}

// picked returns the wanted values by their names.
func picked(want []*tensor.Tensor, got map[string]*tensor.Tensor) ([]*tensor.Tensor, error) {
	var all []*tensor.Tensor
	for _, w := range want {
		t, ok := got[w.Name]
		if !ok {
			return nil, errors.New("nothing computes " + w.Name)
		}
		all = append(all, t)
	}
	return all, nil
}
