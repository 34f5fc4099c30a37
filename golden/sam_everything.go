package golden

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

// samEverything makes cases of the search for all masks of a photo: the same
// masks, in the same order, with the same scores.
func samEverything(f *file) ([]Case, error) {
	m, err := samModel(f)
	if err != nil {
		return nil, err
	}
	var a struct{ Cases []json.RawMessage }
	if err := f.decode(&a); err != nil {
		return nil, err
	}
	picture, usual := f.picture("input/image"), vision.SAMEverything{}.Defaults()
	var cases []Case
	for _, raw := range a.Cases {
		var o struct {
			ID            string
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
			return nil, fmt.Errorf("metadata config: %w", err)
		}
		// Zeros of the file are such, and do not mean the default: a threshold
		// of 0 lets all pass.
		o.IoU, o.Stability, o.Overlap = cmp.Or(o.IoU, -1), cmp.Or(o.Stability, -1), cmp.Or(o.Overlap, -1)
		if o.Offset == 0 || o.BoxNMS == 0 || o.CropNMS == 0 {
			return nil, fmt.Errorf("%s: an offset or overlap of 0 is not supported", o.ID)
		}
		c := Case{Name: o.ID, Tolerance: ModelTolerance}
		for _, name := range []string{"predicted_iou", "stability_score", "bbox_xywh", "point_coords", "crop_box_xywh", "area", "segmentation"} {
			c.Want = append(c.Want, f.raw("output/"+o.ID+"/", name))
		}
		c.Run = func(ctx context.Context, compile vision.Compiler) ([]*tensor.Tensor, error) {
			p := vision.NewSAMPredictor(m, zoo.Preprocess{}, compile)
			defer p.Close()
			p.Threshold = o.MaskThreshold
			found, err := p.Everything(ctx, picture, vision.SAMEverything{
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
			masks := tensor.New(n, picture.Height, picture.Width)
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
			return []*tensor.Tensor{iou, stability, boxes, points, crops, area, masks}, nil
		}
		cases = append(cases, c)
	}
	return cases, nil
}
