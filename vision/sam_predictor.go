package vision

import (
	"context"
	"errors"
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// SAMPredictor finds masks in one picture after another. SetImage runs the encoder
// once for a picture, and its result stays on the device. Predict runs only the
// decoder, once for each prompt. Goroutines must not share a predictor. The caller
// closes it.
type SAMPredictor struct {
	// Threshold is the logit over which a pixel belongs to a mask.
	Threshold float32

	model     *models.SAM
	prepare   zoo.Preprocess
	compile   Compiler
	positions *tensor.Tensor
	plans     *samPlans
	owned     bool // Close closes the plans
	image     *samImage
}

// samPlans are the plans of the encoder and the decoders. Predictors of a Model share
// them.
type samPlans struct{ encoder, decoders plans }

func (p *samPlans) close() error { return errors.Join(p.encoder.close(), p.decoders.close()) }

// samImage is an encoded picture.
type samImage struct {
	width, height int
	features      *value
	picture       *picture.Image // nil after SetEmbedding
}

func (i *samImage) close() {
	if i != nil {
		i.features.close()
	}
}

// samShape is the shape of a decoder's plan: the number of prompts, the number of
// points in each, and whether they have a mask.
type samShape struct {
	prompts, points int
	mask            bool
}

// SAMEmbedding is the encoder's result for a picture. Predict needs nothing else of
// the picture.
type SAMEmbedding struct {
	Features      *tensor.Tensor // [1, grid, grid, channels]
	Width, Height int            // of the picture
}

// SAMPrompt is a prompt. Coordinates are in pixels of the picture.
type SAMPrompt struct {
	Points [][2]float32   // x, y
	Labels []int          // of each point: Foreground or Background
	Box    *[4]float32    // left, top, right, bottom
	Mask   *tensor.Tensor // logits [4·grid, 4·grid], such as an earlier SAMMasks.LowRes
	Single bool           // one mask, for an unambiguous prompt; else three
}

// SAMMasks are the masks for a prompt.
type SAMMasks struct {
	Logits *tensor.Tensor // [n, height, width] of the picture
	IoU    []float32      // of each mask with the true one, as the model predicts it
	LowRes *tensor.Tensor // [n, 4·grid, 4·grid]; one of them can be a later prompt's Mask
}

// Best returns the number of the mask with the highest predicted IoU.
func (m *SAMMasks) Best() int {
	best := 0
	for i, v := range m.IoU {
		if v > m.IoU[best] {
			best = i
		}
	}
	return best
}

// Predictor makes a predictor from a model for promptable masks. Predictors of one
// model share their plans. The caller closes the predictor before the model.
func (m *Model) Predictor() (*SAMPredictor, error) {
	if err := m.For(zoo.PromptMasks); err != nil {
		return nil, err
	}
	net, ok := m.Network.(*models.SAM)
	if !ok {
		return nil, fmt.Errorf("vision: the network of %s is not SAM", m.Name)
	}
	p := NewSAMPredictor(net, m.Preprocess, m.compileGraph)
	p.plans, p.owned = &m.sam, false
	return p, nil
}

// NewSAMPredictor makes a predictor from a network with bound weights. The predictor
// prepares pictures by p; the zero p means the official SAMPreprocess. It calls
// compile when it first needs a plan. compile is Evaluate or the method Compile of a
// Device or a gpu.Device, for example.
func NewSAMPredictor[P Plan](m *models.SAM, p zoo.Preprocess, compile func(*graph.Graph) (P, error)) *SAMPredictor {
	if p == (zoo.Preprocess{}) {
		p = zoo.SAMPreprocess(m.Size())
	}
	weights.Walk(m, func(string, *tensor.Tensor) {}) // names the layers
	return &SAMPredictor{
		model:     m,
		prepare:   p,
		compile:   AnyPlan(compile),
		positions: m.Prompt.Positions(m.Grid()),
		plans:     &samPlans{},
		owned:     true,
	}
}

// Close frees the picture. It also frees the plans, unless they belong to a Model.
func (p *SAMPredictor) Close() error {
	p.setImage(nil)
	if p.owned {
		return p.plans.close()
	}
	return nil
}

// SetImage encodes a picture.
func (p *SAMPredictor) SetImage(ctx context.Context, m *picture.Image) error {
	image, err := p.encode(ctx, m)
	if err == nil {
		p.setImage(image)
	}
	return err
}

func (p *SAMPredictor) setImage(image *samImage) {
	p.image.close()
	p.image = image
}

// encode runs the encoder on a picture.
func (p *SAMPredictor) encode(ctx context.Context, m *picture.Image) (*samImage, error) {
	x, _, err := p.prepare.Apply(m)
	if err != nil {
		return nil, err
	}
	k, err := p.plans.encoder.get(ctx, x.Shape.String(), func() (Plan, error) {
		g, err := models.Trace(p.model, x.Shape...)
		if err != nil {
			return nil, err
		}
		return p.compile(g)
	})
	if err != nil {
		return nil, err
	}
	defer p.plans.encoder.release(k)
	in := &value{host: x}
	defer in.close()
	out, err := runValues(ctx, k.plan, in)
	if err != nil {
		return nil, err
	}
	closeAll(out[1:])
	return &samImage{m.Width, m.Height, out[0], m}, nil
}

// Embedding returns the picture's embedding, or nil if no picture has been set.
func (p *SAMPredictor) Embedding(ctx context.Context) (*SAMEmbedding, error) {
	if p.image == nil {
		return nil, nil
	}
	t, err := p.image.features.onHost(ctx)
	if err != nil {
		return nil, err
	}
	return &SAMEmbedding{t, p.image.width, p.image.height}, nil
}

// SetEmbedding sets a picture by its embedding, without running the encoder.
func (p *SAMPredictor) SetEmbedding(e *SAMEmbedding) error {
	grid, channels := p.model.Grid(), p.positions.Shape[3]
	if want := (tensor.Shape{1, grid, grid, channels}); e == nil || e.Features == nil || !e.Features.Shape.Equal(want) || e.Width < 1 || e.Height < 1 {
		return fmt.Errorf("sam: the embedding does not fit the model, want features %v and the picture's size", want)
	}
	p.setImage(&samImage{width: e.Width, height: e.Height, features: &value{host: e.Features}})
	return nil
}

// transform maps the picture's points to the encoder's input.
func (p *SAMPredictor) transform() picture.Transform {
	w, h := picture.LongestSide(p.image.width, p.image.height, p.model.Size())
	return picture.Scale(float32(w)/float32(p.image.width), float32(h)/float32(p.image.height))
}

// Predict finds the masks of a prompt.
func (p *SAMPredictor) Predict(ctx context.Context, prompt SAMPrompt) (*SAMMasks, error) {
	if p.image == nil {
		return nil, errors.New("sam: no picture has been set")
	}
	if err := prompt.Check(p.image.width, p.image.height); err != nil {
		return nil, err
	}
	if m, side := prompt.Mask, 4*p.model.Grid(); m != nil && (m.Shape.Len() != side*side || m.Shape[len(m.Shape)-1] != side) {
		return nil, fmt.Errorf("sam: the mask is %v, want %d×%d logits", m.Shape, side, side)
	}
	points := p.sparse(prompt)
	if points != nil {
		points = points.Reshape(1, points.Shape[0], points.Shape[1])
	}
	low, iou, err := p.decode(ctx, points, prompt.Mask)
	if err != nil {
		return nil, err
	}
	first, n := 1, models.SAMOutputs-1
	if prompt.Single {
		first, n = 0, 1
	}
	side := 4 * p.model.Grid()
	out := &SAMMasks{
		LowRes: tensor.Of(low.Data[first*side*side:][:n*side*side], n, side, side),
		IoU:    iou.Data[first:][:n],
	}
	out.Logits = p.upscale(out.LowRes)
	return out, nil
}

// Check checks a prompt for a picture of the given size in pixels. Predict does that,
// too, but only after the encoder has run.
func (s SAMPrompt) Check(width, height int) error {
	inside := func(x, y float32) bool { return x >= 0 && y >= 0 && x <= float32(width) && y <= float32(height) }
	if len(s.Points) == 0 && s.Box == nil && s.Mask == nil {
		return errors.New("sam: no point, box or mask is given")
	}
	if len(s.Labels) != len(s.Points) {
		return fmt.Errorf("sam: %d points have %d labels", len(s.Points), len(s.Labels))
	}
	for i, at := range s.Points {
		if !inside(at[0], at[1]) {
			return fmt.Errorf("sam: the point %v,%v is outside the picture of %d×%d", at[0], at[1], width, height)
		}
		if l := s.Labels[i]; l != models.Foreground && l != models.Background {
			return fmt.Errorf("sam: the point %v,%v has label %d, want %d or %d", at[0], at[1], l, models.Foreground, models.Background)
		}
	}
	if b := s.Box; b != nil && !(inside(b[0], b[1]) && inside(b[2], b[3]) && b[0] < b[2] && b[1] < b[3]) {
		return fmt.Errorf("sam: the box %v,%v,%v,%v is empty or outside the picture of %d×%d", b[0], b[1], b[2], b[3], width, height)
	}
	return nil
}

// sparse encodes the points and the box of a prompt.
func (p *SAMPredictor) sparse(s SAMPrompt) *tensor.Tensor {
	to := p.transform()
	var points [][2]float32
	for _, at := range s.Points {
		x, y := to.Point(at[0], at[1])
		points = append(points, [2]float32{x, y})
	}
	box := s.Box
	if box != nil {
		b := to.Box(*box)
		box = &b
	}
	return p.model.Prompt.Sparse(points, s.Labels, box, p.model.Size())
}

// decode runs the decoder on B prompts. points [B, T, C] is nil for prompts without
// points; mask, if it is not nil, belongs to all prompts. It returns logits
// [B, 4, 4·grid, 4·grid] and predicted IoUs [B, 4].
func (p *SAMPredictor) decode(ctx context.Context, points, mask *tensor.Tensor) (low, iou *tensor.Tensor, err error) {
	side := 4 * p.model.Grid()
	shape := samShape{prompts: 1, mask: mask != nil}
	inputs := []*value{p.image.features}
	if points != nil {
		shape.prompts, shape.points = points.Shape[0], points.Shape[1]
		inputs = append(inputs, &value{host: points})
	}
	if mask != nil {
		inputs = append(inputs, &value{host: tensor.Of(mask.Data, 1, side, side, 1)})
	}
	defer func() { closeAll(inputs[1:]) }()
	k, err := p.plans.decoders.get(ctx, fmt.Sprint(shape), func() (Plan, error) {
		g, err := p.model.TraceDecoder(p.positions, shape.prompts, shape.points, shape.mask)
		if err != nil {
			return nil, err
		}
		return p.compile(g)
	})
	if err != nil {
		return nil, nil, err
	}
	defer p.plans.decoders.release(k)
	out, err := runValues(ctx, k.plan, inputs...)
	if err != nil {
		return nil, nil, err
	}
	defer closeAll(out)
	if low, err = out[0].onHost(ctx); err == nil {
		iou, err = out[1].onHost(ctx)
	}
	if err == nil {
		err = checkFinite("sam", p.model, low, iou)
	}
	return low, iou, err
}

// upscale resizes logits [n, 4·grid, 4·grid] to the picture's size.
func (p *SAMPredictor) upscale(low *tensor.Tensor) *tensor.Tensor {
	size := p.model.Size()
	w, h := picture.LongestSide(p.image.width, p.image.height, size)
	return UpscaleLogits(low, size, [2]int{h, w}, [2]int{p.image.height, p.image.width})
}
