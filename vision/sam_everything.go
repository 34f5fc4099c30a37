package vision

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/decode"
	"github.com/vertebra/vertebra/vision/picture"
)

// SAMEverything says how to find all masks of a picture. Everything prompts the
// decoder with a grid of points in the picture and in crops of it, and drops doubtful
// masks and duplicates. A zero field means the default, which stands in brackets.
// Negative PredictedIoU and Stability keep all masks.
type SAMEverything struct {
	PointsPerSide   int     // of the grid (32)
	PointsPerBatch  int     // prompts decoded at once (16); changes only time and memory
	PredictedIoU    float32 // the least IoU that the model predicts for a mask (0.88)
	Stability       float32 // the least stability score (0.95)
	StabilityOffset float32 // of the thresholds that the stability score compares (1)
	BoxNMS          float64 // IoU of boxes over which one is dropped (0.7)
	CropLayers      int     // layers of crops; layer i has 2^i × 2^i crops (0)
	CropNMS         float64 // as BoxNMS, between crops (0.7)
	CropOverlap     float64 // of crops, as a fraction of the picture; negative means none (512/1500)
	CropDownscale   int     // factor by which each layer's grid is coarser than the last (1)
	MinRegionArea   int     // fill smaller holes and drop smaller islands (0)

	// Progress, if it is not nil, is called after each batch.
	Progress func(done, total int) `json:"-"`
}

// SAMRegion is a mask in the form of COCO's annotations.
type SAMRegion struct {
	Segmentation picture.RLE `json:"segmentation"`
	Area         int         `json:"area"`
	Box          [4]float32  `json:"bbox"` // left, top, width, height
	PredictedIoU float32     `json:"predicted_iou"`
	Point        [2]float32  `json:"point_coords"` // the prompt that found it
	Stability    float32     `json:"stability_score"`
	Crop         [4]int      `json:"crop_box"` // left, top, width, height
}

// Defaults returns the options with the defaults in place of zeros.
func (o SAMEverything) Defaults() SAMEverything {
	o.PointsPerSide, o.PointsPerBatch = cmp.Or(o.PointsPerSide, 32), cmp.Or(o.PointsPerBatch, 16)
	o.CropDownscale = cmp.Or(o.CropDownscale, 1)
	for _, f := range []struct {
		value *float32
		zero  float32
	}{{&o.PredictedIoU, 0.88}, {&o.Stability, 0.95}, {&o.StabilityOffset, 1}} {
		if *f.value == 0 {
			*f.value = f.zero
		}
	}
	for _, f := range []struct {
		value *float64
		zero  float64
	}{{&o.BoxNMS, 0.7}, {&o.CropNMS, 0.7}, {&o.CropOverlap, 512.0 / 1500}} {
		if *f.value == 0 {
			*f.value = f.zero
		}
	}
	return o
}

// samFound is a region that may still be dropped. box and crop are left, top, right,
// bottom in the picture.
type samFound struct {
	SAMRegion
	box  [4]float32
	crop [4]int
}

// Everything finds all masks of a picture and sorts them by predicted IoU. With
// CropLayers, masks of the smallest crops come first. The picture stays set.
func (p *SAMPredictor) Everything(ctx context.Context, m *picture.Image, o SAMEverything) ([]SAMRegion, error) {
	o = o.Defaults()
	const most = 1024
	if o.PointsPerSide < 1 || o.PointsPerSide > most || o.PointsPerBatch < 1 || o.PointsPerBatch > most || o.CropLayers < 0 || o.CropLayers > 8 || o.CropDownscale < 1 {
		return nil, fmt.Errorf("sam: %d points per side, %d per batch, %d layers of crops, downscale %d: want 1 to 1024, 1 to 1024, 0 to 8, at least 1",
			o.PointsPerSide, o.PointsPerBatch, o.CropLayers, o.CropDownscale)
	}
	if !(o.CropOverlap <= 1) {
		return nil, fmt.Errorf("sam: crops overlap by %v of the picture, want at most 1", o.CropOverlap)
	}
	crops, layer := CropBoxes(m.Width, m.Height, o.CropLayers, max(o.CropOverlap, 0))
	grids, total := make([][][2]float32, o.CropLayers+1), 0
	for i := range grids {
		grids[i] = PointGrid(int(float64(o.PointsPerSide) / math.Pow(float64(o.CropDownscale), float64(i))))
	}
	for _, l := range layer {
		total += (len(grids[l]) + o.PointsPerBatch - 1) / o.PointsPerBatch
	}
	done := 0
	step := func() {
		if done++; o.Progress != nil {
			o.Progress(done, total)
		}
	}
	var all []samFound
	if err := p.SetImage(ctx, m); err != nil {
		return nil, err
	}
	whole := p.image
	defer func() {
		if p.image != whole {
			p.setImage(whole)
		}
	}()
	for i, crop := range crops {
		if i > 0 {
			image, err := p.encode(ctx, m.Crop(crop[0], crop[1], crop[2]-crop[0], crop[3]-crop[1]))
			if err != nil {
				return nil, err
			}
			if p.image != whole {
				p.image.close()
			}
			p.image = image
		}
		found, err := p.inCrop(ctx, o, grids[layer[i]], crop, crops[0], step)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	if len(crops) > 1 {
		all = dropDoubles(all, o.CropNMS, func(f samFound) float32 {
			return 1 / float32((f.crop[2]-f.crop[0])*(f.crop[3]-f.crop[1]))
		})
	}
	if o.MinRegionArea > 0 {
		var err error
		if all, err = tidy(all, o.MinRegionArea, max(o.BoxNMS, o.CropNMS)); err != nil {
			return nil, err
		}
	}
	regions := make([]SAMRegion, len(all))
	for i, f := range all {
		f.Area = f.Segmentation.Area()
		f.Box = [4]float32{f.box[0], f.box[1], f.box[2] - f.box[0], f.box[3] - f.box[1]}
		f.Crop = [4]int{f.crop[0], f.crop[1], f.crop[2] - f.crop[0], f.crop[3] - f.crop[1]}
		regions[i] = f.SAMRegion
	}
	return regions, nil
}

// inCrop finds the masks of the current crop. It calls step after each batch.
func (p *SAMPredictor) inCrop(ctx context.Context, o SAMEverything, grid [][2]float32, crop, whole [4]int, step func()) ([]samFound, error) {
	var all []samFound
	for first := 0; first < len(grid); first += o.PointsPerBatch {
		var points [][2]float32
		for _, at := range grid[first:min(first+o.PointsPerBatch, len(grid))] {
			points = append(points, [2]float32{at[0] * float32(p.image.width), at[1] * float32(p.image.height)})
		}
		found, err := p.atPoints(ctx, o, points, min(o.PointsPerBatch, len(grid)), crop, whole)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		step()
	}
	return dropDoubles(all, o.BoxNMS, func(f samFound) float32 { return f.PredictedIoU }), nil
}

// atPoints finds the masks for points of the current crop, where each point is a
// prompt. It repeats the last point to fill the batch.
func (p *SAMPredictor) atPoints(ctx context.Context, o SAMEverything, points [][2]float32, batch int, crop, whole [4]int) ([]samFound, error) {
	var prompts *tensor.Tensor
	for i := range batch {
		one := p.sparse(SAMPrompt{Points: [][2]float32{points[min(i, len(points)-1)]}, Labels: []int{models.Foreground}})
		if prompts == nil {
			prompts = tensor.New(batch, one.Shape[0], one.Shape[1])
		}
		copy(prompts.Data[i*len(one.Data):], one.Data)
	}
	low, iou, err := p.decode(ctx, prompts, nil)
	if err != nil {
		return nil, err
	}
	side := low.Shape[3]
	var all []samFound
	for i, at := range points {
		for k := 1; k < models.SAMOutputs; k++ {
			n := i*models.SAMOutputs + k
			if o.PredictedIoU > 0 && !(iou.Data[n] > o.PredictedIoU) {
				continue
			}
			logits := p.upscale(tensor.Of(low.Data[n*side*side:][:side*side], 1, side, side))
			stability := StabilityScore(logits, p.Threshold, o.StabilityOffset)[0]
			if o.Stability > 0 && !(stability >= o.Stability) {
				continue
			}
			mask := picture.Masks(logits, p.Threshold)[0]
			f := samFound{crop: crop}
			for d, v := range mask.Box() {
				f.box[d] = float32(v + crop[d%2])
			}
			if NearCropEdge(f.box, crop, whole) {
				continue
			}
			f.Segmentation = inPicture(mask, crop, whole).RLE()
			f.PredictedIoU, f.Stability = iou.Data[n], stability
			f.Point = [2]float32{at[0] + float32(crop[0]), at[1] + float32(crop[1])}
			all = append(all, f)
		}
	}
	return all, nil
}

// inPicture turns the mask of a crop into a mask of the whole picture.
func inPicture(m *picture.Mask, crop, whole [4]int) *picture.Mask {
	if crop == whole {
		return m
	}
	out := picture.NewMask(whole[2], whole[3])
	for y := range m.Height {
		copy(out.On[(crop[1]+y)*out.Width+crop[0]:], m.On[y*m.Width:][:m.Width])
	}
	return out
}

// dropDoubles drops regions whose boxes overlap the box of a region with a higher
// score. It returns the others, the highest score first.
func dropDoubles(all []samFound, threshold float64, score func(samFound) float32) []samFound {
	boxes, scores := make([][4]float32, len(all)), make([]float32, len(all))
	for i, f := range all {
		boxes[i], scores[i] = f.box, score(f)
	}
	var kept []samFound
	for _, i := range decode.NMS(boxes, scores, nil, threshold, 0) {
		kept = append(kept, all[i])
	}
	return kept
}

// tidy fills small holes and drops small islands. Then it drops duplicates, and
// prefers masks that it has not changed.
func tidy(all []samFound, area int, threshold float64) ([]samFound, error) {
	tidied := make([]samFound, len(all))
	scores, boxes := make([]float32, len(all)), make([][4]float32, len(all))
	for i, f := range all {
		mask, err := f.Segmentation.Mask()
		if err != nil {
			return nil, err
		}
		mask, filled := mask.FillHoles(area)
		mask, dropped := mask.DropIslands(area)
		for d, v := range mask.Box() {
			boxes[i][d] = float32(v)
		}
		if tidied[i] = f; filled || dropped {
			tidied[i].Segmentation, tidied[i].box = mask.RLE(), boxes[i]
		} else {
			scores[i] = 1
		}
	}
	var kept []samFound
	for _, i := range decode.NMS(boxes, scores, nil, threshold, 0) {
		kept = append(kept, tidied[i])
	}
	return kept, nil
}
