package golden

import (
	"context"
	"fmt"
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

// samModel is the model of a file that holds all of it.
func samModel(f *file) (*models.SAM, error) {
	config, err := samOf(f)
	if err != nil {
		return nil, err
	}
	m := models.NewSAM(config)
	return m, f.bind(m)
}

// samPrompts makes a case of each call of the official Sam.forward: an image
// and its prompts, as one mask and as three.
func samPrompts(f *file) ([]Case, error) {
	m, err := samModel(f)
	if err != nil {
		return nil, err
	}
	var a struct{ Cases []samPrompt }
	if err := f.decode(&a); err != nil {
		return nil, err
	}
	var cases []Case
	for _, p := range a.Cases {
		c, err := p.build(f, m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.ID, err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// samPrompt is one call: coordinates are those of the resized image.
type samPrompt struct {
	ID       string
	Image    int
	Input    [2]int `json:"input_size"` // height and width
	Original [2]int `json:"original_size"`
}

func (p samPrompt) build(f *file, m *models.SAM) (Case, error) {
	name := func(s string) string { return p.ID + "/" + s }
	has := func(s string) bool { _, ok := f.Entry(s); return ok }
	size := m.Size()

	c := Case{Name: p.ID, Tolerance: ModelTolerance}
	want := func(t *tensor.Tensor, as string) *tensor.Tensor {
		t.Name = as
		c.Want = append(c.Want, t)
		return t
	}
	pre := f.tensor(fmt.Sprintf("stage/preprocessed%d", p.Image))
	want(pre.Reshape(1, 3, size, size).ToNHWC(), "preprocessed")
	features := f.tensor("stage/image_embeddings")
	each := features.Shape[1:].Len()
	want(tensor.Of(features.Data[p.Image*each:][:each], append([]int{1}, features.Shape[1:]...)...).ToNHWC(), "image_embeddings")
	want(f.tensor("stage/dense_pe").ToNHWC(), "dense_pe")
	dense := f.tensor("stage/" + name("dense")).ToNHWC()
	each = dense.Shape[1:].Len()
	want(tensor.Of(dense.Data[:each], append([]int{1}, dense.Shape[1:]...)...), "dense")
	if s := f.entryShape("stage/" + name("sparse")); s[1] > 0 {
		want(f.tensor("stage/"+name("sparse")), "sparse")
	}
	var bits []*tensor.Tensor
	upscaled := false
	for _, kind := range []string{"multi", "single"} {
		for _, part := range []string{"low_res_logits", "iou_predictions", "upscaled_logits", "masks"} {
			if key := name(kind + "/" + part); has("output/" + key) {
				t := want(f.tensor("output/"+key), kind+"/"+part)
				upscaled = upscaled || part == "upscaled_logits"
				if part == "masks" {
					bits = append(bits, t)
				}
			}
		}
	}

	if len(bits) != 2 {
		return Case{}, fmt.Errorf("masks of %d outputs, want those of multi and single", len(bits))
	}
	image := samNormalised(f.tensor(fmt.Sprintf("input/image%d", p.Image)), size)
	sparse := p.sparse(f, m)
	var mask *tensor.Tensor
	if key := "input/" + name("mask_inputs"); has(key) {
		mask = f.tensor(key).ToNHWC()
	}
	c.Run = func(ctx context.Context, compile vision.Compiler) ([]*tensor.Tensor, error) {
		g, err := models.Trace(m, image.Shape...)
		if err != nil {
			return nil, err
		}
		features, err := runOnce(ctx, compile, g, image)
		if err != nil {
			return nil, err
		}
		positions := m.Prompt.Positions(features[0].Shape[1])
		got := []*tensor.Tensor{image, features[0], positions}
		inputs := features
		g, err = graph.Trace(func(g *graph.Graph) {
			in := g.Input("image", features[0].Shape...)
			var optional [2]*graph.Value
			for i, t := range []*tensor.Tensor{sparse, mask} {
				if t != nil {
					optional[i], inputs = g.Input([]string{"points", "mask"}[i], t.Shape...), append(inputs, t)
				}
			}
			masks, iou := m.Decode(in, g.Const(positions), optional[0], optional[1])
			for _, s := range g.Stages {
				if s.Name == "dense" {
					g.Output("dense", s.Value)
				}
			}
			g.Output("masks", masks)
			g.Output("iou", iou)
		})
		if err != nil {
			return nil, err
		}
		out, err := runOnce(ctx, compile, g, inputs...)
		if err != nil {
			return nil, err
		}
		if got = append(got, out[0]); sparse != nil {
			got = append(got, sparse)
		}
		for i, span := range [][2]int{{1, 4}, {0, 1}} {
			low, iou := columns(out[1], span[0], span[1]), columns(out[2], span[0], span[1])
			b, n, h, w := low.Shape[0], low.Shape[1], low.Shape[2], low.Shape[3]
			up := vision.UpscaleLogits(low.Reshape(b*n, h, w), size, p.Input, p.Original)
			up = up.Reshape(b, n, p.Original[0], p.Original[1])
			got = append(got, low, iou)
			if upscaled {
				got = append(got, up)
			}
			got = append(got, maskOf(up, 0, bits[i]))
		}
		return got, nil
	}
	return c, nil
}

// sparse encodes the points and boxes of all prompts, [B, T, C]; nil if there
// are none.
func (p samPrompt) sparse(f *file, m *models.SAM) *tensor.Tensor {
	var coords, labels, boxes *tensor.Tensor
	b := 0
	for key, t := range map[string]**tensor.Tensor{"point_coords": &coords, "boxes": &boxes} {
		if name := "input/" + p.ID + "/" + key; f.entryShape(name) != nil {
			*t = f.tensor(name)
			b = (*t).Shape[0]
		}
	}
	if coords != nil {
		labels = f.tensor("input/" + p.ID + "/point_labels")
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
	return all
}

// samNormalised is SAM's preprocess of a resized picture [3, h, w] of samples
// 0…255: [1, size, size, 3].
func samNormalised(t *tensor.Tensor, size int) *tensor.Tensor {
	t = t.Permute(1, 2, 0)
	h, w := t.Shape[0], t.Shape[1]
	mean, std := [3]float32{123.675, 116.28, 103.53}, [3]float32{58.395, 57.12, 57.375}
	out := tensor.New(1, size, size, 3)
	for i, v := range t.Data {
		c, x, y := i%3, i/3%w, i/(3*w)
		if y < h {
			out.Data[(y*size+x)*3+c] = (v - mean[c]) / std[c]
		}
	}
	return out
}

// maskOf is 1 where logits are over a threshold. Where rounding decides that,
// within 1e-4 of the largest of them, it is what is wanted.
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

// columns is t[:, from:to].
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

// entryShape is the shape of a tensor of the file; nil if there is none.
func (f *file) entryShape(name string) tensor.Shape {
	e, _ := f.Entry(name)
	return e.Shape
}

// samPredictor makes cases of the predictor on a photo: prompts in the
// picture's own coordinates, as three masks, as one, and as that one refined.
func samPredictor(f *file) ([]Case, error) {
	m, err := samModel(f)
	if err != nil {
		return nil, err
	}
	picture := f.picture("input/image")
	resized := f.tensor("stage/resized_uint8").Permute(1, 2, 0)
	resized.Name = "resized"
	pre := Case{Name: "transform", Want: []*tensor.Tensor{
		resized.Reshape(append([]int{1}, resized.Shape...)...), f.tensor("output/transformed_points"),
	}}
	coords, labels, box := f.tensor("input/point_coords"), f.tensor("input/point_labels"), f.tensor("input/box")
	pre.Host = func() ([]*tensor.Tensor, error) {
		got, at, err := zoo.SAMPreprocess(m.Size()).Picture(picture)
		points := tensor.New(coords.Shape...)
		for i := 0; i < len(points.Data); i += 2 {
			points.Data[i], points.Data[i+1] = at.Point(coords.Data[i], coords.Data[i+1])
		}
		return []*tensor.Tensor{got.Tensor(), points}, err
	}
	cases := []Case{pre}
	for _, id := range []string{"points", "box", "points_box"} {
		var prompt vision.SAMPrompt
		if id != "box" {
			for i, l := range labels.Data {
				prompt.Points = append(prompt.Points, [2]float32{coords.Data[2*i], coords.Data[2*i+1]})
				prompt.Labels = append(prompt.Labels, int(l))
			}
		}
		if id != "points" {
			prompt.Box = (*[4]float32)(box.Data)
		}
		c := Case{Name: id, Tolerance: ModelTolerance}
		c.Want = append(c.Want, f.named("stage/", "features"))
		kinds := []string{"multi", "single", "refined"}
		for _, kind := range kinds {
			for _, part := range []string{"low_res", "iou", "logits"} {
				t := f.tensor("output/" + id + "/" + kind + "/" + part)
				t.Name = kind + "/" + part
				c.Want = append(c.Want, t)
			}
		}
		// The reference's mask and not the one that has just been found: the norm
		// over the small model's two channels magnifies rounding tenfold.
		refine := f.tensor("output/" + id + "/single/low_res")
		c.Run = func(ctx context.Context, compile vision.Compiler) ([]*tensor.Tensor, error) {
			p := vision.NewSAMPredictor(m, zoo.Preprocess{}, compile)
			defer p.Close()
			if err := p.SetImage(ctx, picture); err != nil {
				return nil, err
			}
			got := []*tensor.Tensor{p.Embedding().Features}
			next := prompt
			for _, kind := range kinds {
				next.Single = kind != "multi"
				masks, err := p.Predict(ctx, next)
				if err != nil {
					return nil, err
				}
				got = append(got, masks.LowRes, tensor.Of(masks.IoU, len(masks.IoU)), masks.Logits)
				if kind == "single" {
					next.Mask = refine
				}
			}
			return got, nil
		}
		cases = append(cases, c)
	}
	return cases, nil
}
