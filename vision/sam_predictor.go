package vision

import (
	"context"
	"errors"
	"fmt"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// SAMPredictor finds masks in one picture after another: SetImage once, then
// Predict as often as there are prompts, at the decoder's price alone. It is for
// one goroutine at a time. Close it.
type SAMPredictor struct {
	// Threshold is what the logits of a mask's pixels are over: 0.
	Threshold float32

	model     *models.SAM
	prepare   zoo.Preprocess
	compile   Compiler
	positions *tensor.Tensor
	encoder   Plan
	decoders  map[samShape]Plan
	image     *SAMEmbedding
}

// samShape is what a decoder is compiled for: how many prompts, of how many
// points, with a mask or without.
type samShape struct {
	prompts, points int
	mask            bool
}

// SAMEmbedding is what the encoder makes of a picture, and all that Predict has
// to know about it.
type SAMEmbedding struct {
	Features      *tensor.Tensor // [1, grid, grid, channels]
	Width, Height int            // of the picture
}

// SAMPrompt is a prompt. Coordinates are the picture's, in pixels.
type SAMPrompt struct {
	Points [][2]float32   // x, y
	Labels []int          // of each point: Foreground or Background
	Box    *[4]float32    // left, top, right, bottom
	Mask   *tensor.Tensor // logits [4·grid, 4·grid] of an earlier prompt: SAMMasks.LowRes
	Single bool           // one mask, as for a prompt that is not ambiguous; else three
}

// SAMMasks are the masks that a prompt gets.
type SAMMasks struct {
	Logits *tensor.Tensor // [n, height, width] of the picture
	IoU    []float32      // the model's guess of how good each is
	LowRes *tensor.Tensor // [n, 4·grid, 4·grid], for a further prompt's Mask
}

// Best is the number of the mask that the model thinks best.
func (m *SAMMasks) Best() int {
	best := 0
	for i, v := range m.IoU {
		if v > m.IoU[best] {
			best = i
		}
	}
	return best
}

// NewSAMPredictor makes a predictor of a model whose weights are bound, and of
// pictures prepared by p; the zero p is the official SAMPreprocess. It compiles
// when it is first needed.
func NewSAMPredictor(m *models.SAM, p zoo.Preprocess, compile Compiler) *SAMPredictor {
	if p == (zoo.Preprocess{}) {
		p = zoo.SAMPreprocess(m.Size())
	}
	weights.Walk(m, func(string, *tensor.Tensor) {}) // names the layers
	return &SAMPredictor{
		model:     m,
		prepare:   p,
		compile:   compile,
		positions: m.Prompt.Positions(m.Grid()),
		decoders:  map[samShape]Plan{},
	}
}

// Close frees what has been compiled.
func (p *SAMPredictor) Close() error {
	var errs []error
	if p.encoder != nil {
		errs = append(errs, p.encoder.Close())
	}
	for _, d := range p.decoders {
		errs = append(errs, d.Close())
	}
	p.encoder, p.decoders = nil, map[samShape]Plan{}
	return errors.Join(errs...)
}

// SetImage encodes a picture.
func (p *SAMPredictor) SetImage(ctx context.Context, m *picture.Image) error {
	x, _, err := p.prepare.Apply(m)
	if err != nil {
		return err
	}
	if p.encoder == nil {
		g, err := models.Trace(p.model, x.Shape...)
		if err != nil {
			return err
		}
		if p.encoder, err = p.compile(g); err != nil {
			return err
		}
	}
	out, err := p.encoder.Run(ctx, x)
	if err != nil {
		return err
	}
	p.image = &SAMEmbedding{Features: out[0], Width: m.Width, Height: m.Height}
	return nil
}

// Embedding is that of the picture; nil if there is none yet.
func (p *SAMPredictor) Embedding() *SAMEmbedding { return p.image }

// SetEmbedding takes the embedding of a picture in its place.
func (p *SAMPredictor) SetEmbedding(e *SAMEmbedding) error {
	grid, channels := p.model.Grid(), p.positions.Shape[3]
	if want := (tensor.Shape{1, grid, grid, channels}); e == nil || e.Features == nil || !e.Features.Shape.Equal(want) || e.Width < 1 || e.Height < 1 {
		return fmt.Errorf("sam: an embedding of another model, want %v", want)
	}
	p.image = e
	return nil
}

// transform maps the picture's points to the encoder's input.
func (p *SAMPredictor) transform() picture.Transform {
	w, h := picture.LongestSide(p.image.Width, p.image.Height, p.model.Size())
	return picture.Scale(float32(w)/float32(p.image.Width), float32(h)/float32(p.image.Height))
}

// Predict finds the masks of a prompt.
func (p *SAMPredictor) Predict(ctx context.Context, prompt SAMPrompt) (*SAMMasks, error) {
	if p.image == nil {
		return nil, errors.New("sam: no image has been set")
	}
	if err := prompt.check(p.image.Width, p.image.Height, 4*p.model.Grid()); err != nil {
		return nil, err
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

// check says what is wrong with a prompt for a picture of this size.
func (s SAMPrompt) check(width, height, side int) error {
	inside := func(x, y float32) bool { return x >= 0 && y >= 0 && x <= float32(width) && y <= float32(height) }
	if len(s.Points) == 0 && s.Box == nil && s.Mask == nil {
		return errors.New("sam: no point, box or mask is given")
	}
	if len(s.Labels) != len(s.Points) {
		return fmt.Errorf("sam: %d points, %d labels", len(s.Points), len(s.Labels))
	}
	for i, at := range s.Points {
		if !inside(at[0], at[1]) {
			return fmt.Errorf("sam: the point %v,%v is outside the image of %d×%d", at[0], at[1], width, height)
		}
		if l := s.Labels[i]; l != models.Foreground && l != models.Background {
			return fmt.Errorf("sam: label %d of the point %v,%v, want %d or %d", l, at[0], at[1], models.Foreground, models.Background)
		}
	}
	if b := s.Box; b != nil && !(inside(b[0], b[1]) && inside(b[2], b[3]) && b[0] < b[2] && b[1] < b[3]) {
		return fmt.Errorf("sam: the box %v,%v,%v,%v is empty or outside the image of %d×%d", b[0], b[1], b[2], b[3], width, height)
	}
	if s.Mask != nil && (s.Mask.Shape.Len() != side*side || s.Mask.Shape[len(s.Mask.Shape)-1] != side) {
		return fmt.Errorf("sam: the mask is %v, want %d×%d logits", s.Mask.Shape, side, side)
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

// decode runs the decoder on prompts with points [B, T, C], nil if there are
// none, and all with one mask or none: logits [B, 4, 4·grid, 4·grid] and guesses
// [B, 4].
func (p *SAMPredictor) decode(ctx context.Context, points, mask *tensor.Tensor) (low, iou *tensor.Tensor, err error) {
	side := 4 * p.model.Grid()
	shape := samShape{prompts: 1, mask: mask != nil}
	inputs := []*tensor.Tensor{p.image.Features}
	if points != nil {
		shape.prompts, shape.points = points.Shape[0], points.Shape[1]
		inputs = append(inputs, points)
	}
	if mask != nil {
		inputs = append(inputs, tensor.Of(mask.Data, 1, side, side, 1))
	}
	plan, ok := p.decoders[shape]
	if !ok {
		g, err := p.model.TraceDecoder(p.positions, shape.prompts, shape.points, shape.mask)
		if err != nil {
			return nil, nil, err
		}
		if plan, err = p.compile(g); err != nil {
			return nil, nil, err
		}
		p.decoders[shape] = plan
	}
	out, err := plan.Run(ctx, inputs...)
	if err != nil {
		return nil, nil, err
	}
	return out[0], out[1], nil
}

// upscale brings logits [n, 4·grid, 4·grid] to the picture's size.
func (p *SAMPredictor) upscale(low *tensor.Tensor) *tensor.Tensor {
	size := p.model.Size()
	w, h := picture.LongestSide(p.image.Width, p.image.Height, size)
	return UpscaleLogits(low, size, [2]int{h, w}, [2]int{p.image.Height, p.image.Width})
}
