package golden

import (
	"context"
	"errors"
	"fmt"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// samPredictor makes cases of the predictor on a photo. One checks the resized photo
// and its points. The others check prompts in the picture's own coordinates: three
// masks, one mask, and that mask refined.
func samPredictor(f *file) error {
	m, err := samModel(f)
	if err != nil {
		return err
	}
	photo := f.picture("input/image")
	if f.has("stage/resized_uint8") || f.has("output/transformed_points") {
		f.add("transform", func() (Case, error) { return samTransform(f, m, photo) })
	}
	found := false
	for _, id := range []string{"points", "box", "points_box"} {
		if len(f.group("output/"+id).Names()) > 0 {
			found = true
			f.add(id, func() (Case, error) { return samPredicted(f, m, photo, id) })
		}
	}
	if !found && len(f.made)+len(f.faults) == 0 {
		return errors.New("no output to compare, such as output/points/multi/low_res")
	}
	return nil
}

// samTransform makes the case of the photo and its points, scaled to the model's
// input.
func samTransform(f *file, m *models.SAM, photo *picture.Image) (Case, error) {
	var c Case
	f.see("output/transformed_points")
	if f.has("stage/resized_uint8") {
		resized := f.ranked("stage/resized_uint8", 3).Permute(1, 2, 0)
		c.Want = append(c.Want, named("resized", resized.Reshape(append([]int{1}, resized.Shape...)...)))
	}
	var coords *tensor.Tensor
	if f.has("output/transformed_points") {
		c.Want = append(c.Want, f.raw("output/", "transformed_points"))
		coords = f.ranked("input/point_coords", 2)
		if coords.Shape[1] != 2 {
			return c, fmt.Errorf("input/point_coords is %v, want points of two numbers", coords.Shape)
		}
	}
	want := c.Want
	c.Host = func() ([]*tensor.Tensor, error) {
		resized, at, err := zoo.SAMPreprocess(m.Size()).Picture(photo)
		if err != nil {
			return nil, err
		}
		got := map[string]*tensor.Tensor{"resized": resized.Tensor()}
		if coords != nil {
			points := tensor.New(coords.Shape...)
			for i := 0; i < len(points.Data); i += 2 {
				points.Data[i], points.Data[i+1] = at.Point(coords.Data[i], coords.Data[i+1])
			}
			got["transformed_points"] = points
		}
		return picked(want, got)
	}
	return c, nil
}

// samPredicted makes the case of a prompt: "points", "box" or "points_box".
func samPredicted(f *file, m *models.SAM, photo *picture.Image, id string) (Case, error) {
	var prompt vision.SAMPrompt
	if id != "box" {
		coords, labels := f.ranked("input/point_coords", 2), f.ranked("input/point_labels", 1)
		if coords.Shape[1] != 2 || labels.Shape[0] != coords.Shape[0] {
			return Case{}, fmt.Errorf("input/point_coords is %v, input/point_labels %v", coords.Shape, labels.Shape)
		}
		for i, l := range labels.Data {
			prompt.Points = append(prompt.Points, [2]float32{coords.Data[2*i], coords.Data[2*i+1]})
			prompt.Labels = append(prompt.Labels, int(l))
		}
	}
	if id != "points" {
		box := f.tensor("input/box")
		if len(box.Data) != 4 {
			return Case{}, fmt.Errorf("input/box is %v, want four numbers", box.Shape)
		}
		prompt.Box = (*[4]float32)(box.Data)
	}
	kinds := []string{"multi", "single", "refined"}
	var parts []string
	for _, kind := range kinds {
		for _, part := range []string{"low_res", "iou", "logits", "masks"} {
			parts = append(parts, kind+"/"+part)
		}
	}
	want, err := f.wanted("output/"+id+"/", parts...)
	if err != nil {
		return Case{}, err
	}
	if f.has("stage/features") {
		want = append([]*tensor.Tensor{named("features", f.image("stage/features"))}, want...)
	}
	masks := map[string]*tensor.Tensor{} // the wanted ones
	for _, t := range want {
		masks[t.Name] = t
	}
	c := Case{Want: want, Tolerance: ModelTolerance}
	c.Run = func(ctx context.Context, compile vision.Compiler) ([]*tensor.Tensor, error) {
		p := vision.NewSAMPredictor(m, zoo.Preprocess{}, compile)
		defer p.Close()
		if err := p.SetImage(ctx, photo); err != nil {
			return nil, err
		}
		e, err := p.Embedding(ctx)
		if err != nil {
			return nil, err
		}
		got := map[string]*tensor.Tensor{"features": e.Features}
		next := prompt
		for _, kind := range kinds {
			next.Single = kind != "multi"
			found, err := p.Predict(ctx, next)
			if err != nil {
				return nil, err
			}
			got[kind+"/low_res"], got[kind+"/logits"] = found.LowRes, found.Logits
			got[kind+"/iou"] = tensor.Of(found.IoU, len(found.IoU))
			if bits := masks[kind+"/masks"]; bits != nil {
				got[kind+"/masks"] = maskOf(found.Logits, 0, bits)
			}
			if kind == "single" {
				// Refine the reference's mask if the file has it, not the computed one:
				// the norm over the small model's two channels magnifies rounding tenfold.
				if next.Mask = masks["single/low_res"]; next.Mask == nil {
					next.Mask = found.LowRes
				}
			}
		}
		return picked(want, got)
	}
	return c, nil
}
