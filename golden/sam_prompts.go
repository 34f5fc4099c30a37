package golden

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

// samPrompts makes a case from each call of the official Sam.forward: an image and
// its prompts, with one mask and with three.
func samPrompts(f *file) error {
	m, err := samModel(f)
	if err != nil {
		return err
	}
	usual := zoo.SAMPreprocess(m.Size())
	a := struct {
		Cases []samPrompt
		Mean  [3]float32 `json:"pixel_mean"`
		Std   [3]float32 `json:"pixel_std"`
	}{Mean: usual.Mean, Std: usual.Std}
	if err := f.decode(&a); err != nil {
		return err
	}
	if len(a.Cases) == 0 {
		return errors.New("metadata config: no cases")
	}
	for i, p := range a.Cases {
		if p.ID == "" || p.Image < 0 {
			return fmt.Errorf("metadata config: case %d has no id, or its image is %d", i, p.Image)
		}
		p.mean, p.std = a.Mean, a.Std
		f.add(p.ID, func() (Case, error) { return p.build(f, m) })
	}
	return nil
}

// samPrompt is one call. Its coordinates are in the resized image.
type samPrompt struct {
	ID       string
	Image    int
	Input    [2]int `json:"input_size"` // height and width; zero means the image's
	Original [2]int `json:"original_size"`

	mean, std [3]float32 // of a picture's samples
}

// samKinds names the calls for three masks and for one, and says which of the
// decoder's four masks they return.
var samKinds = []struct {
	name     string
	from, to int
}{{"multi", 1, 4}, {"single", 0, 1}}

// wants returns the call's stages and outputs that the file has.
func (p samPrompt) wants(f *file, m *models.SAM) ([]*tensor.Tensor, error) {
	var all []*tensor.Tensor
	want := func(t *tensor.Tensor, as string) { all = append(all, named(as, t)) }
	size := m.Size()
	if name := fmt.Sprintf("stage/preprocessed%d", p.Image); f.has(name) {
		pre := f.ranked(name, 3)
		if !pre.Shape.Equal(tensor.Shape{3, size, size}) {
			return nil, fmt.Errorf("%s is %v, but the model's images are %v", files.Quote(name), pre.Shape, tensor.Shape{3, size, size})
		}
		want(pre.Reshape(1, 3, size, size).ToNHWC(), "preprocessed")
	}
	if f.has("stage/image_embeddings") {
		features := f.ranked("stage/image_embeddings", 4)
		if p.Image >= features.Shape[0] {
			return nil, fmt.Errorf("stage/image_embeddings is %v and has no image %d", features.Shape, p.Image)
		}
		want(rows(features, p.Image).ToNHWC(), "image_embeddings")
	}
	if f.has("stage/dense_pe") {
		want(f.image("stage/dense_pe"), "dense_pe")
	}
	if name := "stage/" + p.ID + "/dense"; f.has(name) {
		want(rows(f.image(name), 0), "dense")
	}
	if name := "stage/" + p.ID + "/sparse"; f.has(name) {
		if t := f.tensor(name); len(t.Data) > 0 { // without points it has no rows
			want(t, "sparse")
		}
	}
	var parts []string
	for _, kind := range samKinds {
		for _, part := range []string{"low_res_logits", "iou_predictions", "upscaled_logits", "masks"} {
			parts = append(parts, kind.name+"/"+part)
		}
	}
	outputs, err := f.wanted("output/"+p.ID+"/", parts...)
	return append(all, outputs...), err
}

// rows returns t[i:i+1].
func rows(t *tensor.Tensor, i int) *tensor.Tensor {
	each := t.Shape[1:].Len()
	return tensor.Of(t.Data[i*each:][:each], append([]int{1}, t.Shape[1:]...)...)
}

func (p samPrompt) build(f *file, m *models.SAM) (Case, error) {
	want, err := p.wants(f, m)
	if err != nil {
		return Case{}, err
	}
	resized := f.ranked(fmt.Sprintf("input/image%d", p.Image), 3)
	image, err := p.normalised(resized, m.Size())
	if err != nil {
		return Case{}, err
	}
	if p.Input == [2]int{} {
		p.Input = [2]int{resized.Shape[1], resized.Shape[2]}
	}
	masks := map[string]*tensor.Tensor{} // the wanted ones
	for _, t := range want {
		if n := len(t.Shape); n > 2 && p.Original == [2]int{} && (t.Name == "multi/masks" || t.Name == "single/masks") {
			p.Original = [2]int{t.Shape[n-2], t.Shape[n-1]}
		}
		masks[t.Name] = t
	}
	if p.Original == [2]int{} {
		p.Original = p.Input
	}
	if min(p.Input[0], p.Input[1], p.Original[0], p.Original[1]) < 1 || max(p.Input[0], p.Input[1]) > m.Size() || max(p.Original[0], p.Original[1]) > maxSide {
		return Case{}, fmt.Errorf("input_size %v and original_size %v do not fit a model for %d×%d", p.Input, p.Original, m.Size(), m.Size())
	}
	sparse, err := p.sparse(f, m)
	if err != nil {
		return Case{}, err
	}
	var mask *tensor.Tensor
	if key := "input/" + p.ID + "/mask_inputs"; f.has(key) {
		mask = f.image(key)
	}
	if sparse == nil && mask == nil {
		return Case{}, fmt.Errorf("no input/%s/point_coords, boxes or mask_inputs", p.ID)
	}
	call := samCall{m, image, sparse, mask}
	c := Case{Want: want, Tolerance: ModelTolerance}
	c.Run = func(ctx context.Context, compile vision.Compiler) ([]*tensor.Tensor, error) {
		got, low, iou, err := call.run(ctx, compile)
		if err != nil {
			return nil, err
		}
		if d := masks["dense"]; d != nil && got["dense"].Shape[1:3].Len() == 1 && d.Shape[1:3].Len() > 1 {
			got["dense"] = spread(got["dense"], d.Shape)
		}
		for _, kind := range samKinds {
			low, iou := columns(low, kind.from, kind.to), columns(iou, kind.from, kind.to)
			b, n, h, w := low.Shape[0], low.Shape[1], low.Shape[2], low.Shape[3]
			up := vision.UpscaleLogits(low.Reshape(b*n, h, w), m.Size(), p.Input, p.Original)
			up = up.Reshape(b, n, p.Original[0], p.Original[1])
			got[kind.name+"/low_res_logits"], got[kind.name+"/iou_predictions"] = low, iou
			got[kind.name+"/upscaled_logits"] = up
			if bits := masks[kind.name+"/masks"]; bits != nil {
				got[kind.name+"/masks"] = maskOf(up, 0, bits)
			}
		}
		return picked(want, got)
	}
	return c, nil
}

// spread repeats a row of channels [1, 1, 1, C] at each place of a map.
func spread(row *tensor.Tensor, shape tensor.Shape) *tensor.Tensor {
	out := tensor.New(1, shape[1], shape[2], row.Shape[3])
	for at := 0; at < len(out.Data); at += len(row.Data) {
		copy(out.Data[at:], row.Data)
	}
	return out
}

// samCall is a call of the model on a preprocessed image, with points, a mask or both.
type samCall struct {
	m                   *models.SAM
	image, sparse, mask *tensor.Tensor
}

// run returns the values of the stages, and the logits [B, 4, H, W] and the predicted
// scores [B, 4] of the decoder.
func (c samCall) run(ctx context.Context, compile vision.Compiler) (stages map[string]*tensor.Tensor, low, iou *tensor.Tensor, err error) {
	g, err := models.Trace(c.m, c.image.Shape...)
	if err != nil {
		return nil, nil, nil, err
	}
	features, err := runOnce(ctx, compile, g, c.image)
	if err != nil {
		return nil, nil, nil, err
	}
	positions := c.m.Prompt.Positions(features[0].Shape[1])
	inputs := features
	g, err = graph.Trace(func(g *graph.Graph) {
		in := g.Input("image", features[0].Shape...)
		var optional [2]*graph.Value
		for i, t := range []*tensor.Tensor{c.sparse, c.mask} {
			if t != nil {
				optional[i], inputs = g.Input([]string{"points", "mask"}[i], t.Shape...), append(inputs, t)
			}
		}
		masks, iou := c.m.Decode(in, g.Const(positions), optional[0], optional[1])
		for _, s := range g.Stages {
			if s.Name == "dense" {
				g.Output("dense", s.Value)
			}
		}
		g.Output("masks", masks)
		g.Output("iou", iou)
	})
	if err != nil {
		return nil, nil, nil, err
	}
	out, err := runOnce(ctx, compile, g, inputs...)
	if err != nil {
		return nil, nil, nil, err
	}
	stages = map[string]*tensor.Tensor{
		"preprocessed": c.image, "image_embeddings": features[0], "dense_pe": positions, "dense": rows(out[0], 0),
	}
	if c.sparse != nil {
		stages["sparse"] = c.sparse
	}
	return stages, out[1], out[2], nil
}

// sparse encodes the points and boxes of all prompts, [B, T, C]; nil if there
// are none.
func (p samPrompt) sparse(f *file, m *models.SAM) (*tensor.Tensor, error) {
	var coords, labels, boxes *tensor.Tensor
	b := 0
	input := "input/" + p.ID + "/"
	if f.has(input + "point_coords") {
		coords, labels = f.ranked(input+"point_coords", 3), f.ranked(input+"point_labels", 2)
		b = coords.Shape[0]
		if coords.Shape[2] != 2 || !labels.Shape.Equal(coords.Shape[:2]) {
			return nil, fmt.Errorf("%spoint_coords is %v, point_labels %v", input, coords.Shape, labels.Shape)
		}
		for _, l := range labels.Data {
			if l != models.NoPoint && l != models.Background && l != models.Foreground {
				return nil, fmt.Errorf("%spoint_labels: %v is not a label", input, l)
			}
		}
	}
	if f.has(input + "boxes") {
		boxes = f.ranked(input+"boxes", 2)
		if boxes.Shape[1] != 4 || coords != nil && boxes.Shape[0] != b {
			return nil, fmt.Errorf("%sboxes is %v, want four numbers for each prompt", input, boxes.Shape)
		}
		b = boxes.Shape[0]
	}
	var all *tensor.Tensor
	for i := range b {
		var points [][2]float32
		var what []int
		if coords != nil {
			for k := range coords.Shape[1] {
				at := i*coords.Shape[1] + k
				points = append(points, [2]float32{coords.Data[2*at], coords.Data[2*at+1]})
				what = append(what, int(labels.Data[at]))
			}
		}
		var box *[4]float32
		if boxes != nil {
			box = (*[4]float32)(boxes.Data[4*i:])
		}
		one := m.Prompt.Sparse(points, what, box, m.Size())
		if all == nil {
			all = tensor.New(b, one.Shape[0], one.Shape[1])
		}
		copy(all.Data[i*len(one.Data):], one.Data)
	}
	return all, nil
}

// normalised applies SAM's preprocess to a resized picture [3, h, w] with samples
// 0…255. The result is [1, size, size, 3].
func (p samPrompt) normalised(t *tensor.Tensor, size int) (*tensor.Tensor, error) {
	t = t.Permute(1, 2, 0)
	h, w := t.Shape[0], t.Shape[1]
	if h > size || w > size || t.Shape[2] != 3 {
		return nil, fmt.Errorf("a picture of %d×%d pixels and %d channels, want RGB of at most %d×%d", w, h, t.Shape[2], size, size)
	}
	out := tensor.New(1, size, size, 3)
	for i, v := range t.Data {
		c, x, y := i%3, i/3%w, i/(3*w)
		if y < h {
			out.Data[(y*size+x)*3+c] = (v - p.mean[c]) / p.std[c]
		}
	}
	return out, nil
}

// maskOf returns 1 where logits are over a threshold. Logits within 1e-4 of it,
// relative to the largest logit, depend on rounding: there it returns the wanted mask.
func maskOf(logits *tensor.Tensor, threshold float32, want *tensor.Tensor) *tensor.Tensor {
	out := tensor.New(logits.Shape...)
	largest := 0.0
	for _, v := range logits.Data {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i, v := range logits.Data {
		switch {
		case math.Abs(float64(v-threshold)) <= ModelTolerance*largest && i < len(want.Data):
			out.Data[i] = want.Data[i]
		case v > threshold:
			out.Data[i] = 1
		}
	}
	return out
}

// columns returns t[:, from:to].
func columns(t *tensor.Tensor, from, to int) *tensor.Tensor {
	shape := t.Shape.Clone()
	shape[1] = to - from
	out := tensor.New(shape...)
	each := t.Shape[2:].Len()
	for b := range t.Shape[0] {
		copy(out.Data[b*(to-from)*each:][:(to-from)*each], t.Data[(b*t.Shape[1]+from)*each:])
	}
	return out
}

// runOnce compiles a graph, runs it and closes it.
func runOnce(ctx context.Context, compile vision.Compiler, g *graph.Graph, inputs ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	plan, err := compile(g)
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	return plan.Run(ctx, inputs...)
}
