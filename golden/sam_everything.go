package golden

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// samEverything makes cases of the search for all masks of a photo. It expects the
// same masks in the same order with the same scores.
func samEverything(f *file) error {
	m, err := samModel(f)
	if err != nil {
		return err
	}
	var a struct{ Cases []json.RawMessage }
	if err := f.decode(&a); err != nil {
		return err
	}
	if len(a.Cases) == 0 {
		return errors.New("metadata config: no cases")
	}
	photo := f.picture("input/image")
	for i, raw := range a.Cases {
		var id struct{ ID string }
		if err := json.Unmarshal(raw, &id); err != nil || id.ID == "" {
			return fmt.Errorf("metadata config: case %d has no id (%v)", i, err)
		}
		f.add(id.ID, func() (Case, error) { return searched(f, m, photo, id.ID, raw) })
	}
	return nil
}

// searched makes the case of one search with the attributes in raw.
func searched(f *file, m *models.SAM, photo *picture.Image, id string, raw json.RawMessage) (Case, error) {
	usual := vision.SAMEverything{}.Defaults()
	var o struct {
		Side          int     `json:"points_per_side"`
		Batch         int     `json:"points_per_batch"`
		IoU           float32 `json:"pred_iou_thresh"`
		Stability     float32 `json:"stability_score_thresh"`
		Offset        float32 `json:"stability_score_offset"`
		BoxNMS        float64 `json:"box_nms_thresh"`
		CropNMS       float64 `json:"crop_nms_thresh"`
		Overlap       float64 `json:"crop_overlap_ratio"`
		Layers        int     `json:"crop_n_layers"`
		Downscale     int     `json:"crop_n_points_downscale_factor"`
		MinArea       int     `json:"min_mask_region_area"`
		MaskThreshold float32 `json:"mask_threshold"`
	}
	o.IoU, o.Stability, o.Offset = usual.PredictedIoU, usual.Stability, usual.StabilityOffset
	o.BoxNMS, o.CropNMS, o.Overlap = usual.BoxNMS, usual.CropNMS, usual.CropOverlap
	if err := json.Unmarshal(raw, &o); err != nil {
		return Case{}, fmt.Errorf("metadata config: %w", err)
	}
	// A zero in the file does not mean the default: a threshold of 0 lets all masks
	// pass.
	o.IoU, o.Stability, o.Overlap = cmp.Or(o.IoU, -1), cmp.Or(o.Stability, -1), cmp.Or(o.Overlap, -1)
	if o.Offset == 0 || o.BoxNMS == 0 || o.CropNMS == 0 {
		return Case{}, errors.New("an offset or overlap of 0 is not supported")
	}
	want, err := f.wanted("output/"+id+"/",
		"predicted_iou", "stability_score", "bbox_xywh", "point_coords", "crop_box_xywh", "area", "segmentation")
	if err != nil {
		return Case{}, err
	}
	c := Case{Tolerance: ModelTolerance, Want: want, mayBeEmpty: true} // a search may find nothing
	c.Run = func(ctx context.Context, compile vision.Compiler) ([]*tensor.Tensor, error) {
		p := vision.NewSAMPredictor(m, zoo.Preprocess{}, compile)
		defer p.Close()
		p.Threshold = o.MaskThreshold
		found, err := p.Everything(ctx, photo, vision.SAMEverything{
			PointsPerSide: o.Side, PointsPerBatch: o.Batch, PredictedIoU: o.IoU, Stability: o.Stability,
			StabilityOffset: o.Offset, BoxNMS: o.BoxNMS, CropNMS: o.CropNMS, CropLayers: o.Layers,
			CropOverlap: o.Overlap, CropDownscale: o.Downscale, MinRegionArea: o.MinArea,
		})
		if err != nil {
			return nil, err
		}
		n := len(found)
		iou, stability, area := tensor.New(n), tensor.New(n), tensor.New(n)
		boxes, points, crops := tensor.New(n, 4), tensor.New(n, 2), tensor.New(n, 4)
		masks := tensor.New(n, photo.Height, photo.Width)
		for i, r := range found {
			iou.Data[i], stability.Data[i], area.Data[i] = r.PredictedIoU, r.Stability, float32(r.Area)
			copy(boxes.Data[4*i:], r.Box[:])
			copy(points.Data[2*i:], r.Point[:])
			for d, v := range r.Crop {
				crops.Data[4*i+d] = float32(v)
			}
			mask, err := r.Segmentation.Mask()
			if err != nil {
				return nil, err
			}
			for k, on := range mask.On {
				if on {
					masks.Data[i*len(mask.On)+k] = 1
				}
			}
		}
		return picked(want, map[string]*tensor.Tensor{
			"predicted_iou": iou, "stability_score": stability, "bbox_xywh": boxes, "point_coords": points,
			"crop_box_xywh": crops, "area": area, "segmentation": masks,
		})
	}
	return c, nil
}
