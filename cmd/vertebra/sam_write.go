package main

import (
	"fmt"
	"image"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
)

// cut is the JSON output for a prompt.
type cut struct {
	File           string    `json:"file"`
	Mask           string    `json:"mask"`
	Cutout         string    `json:"cutout,omitempty"`
	Overlay        string    `json:"overlay,omitempty"`
	Width          int       `json:"width"`
	Height         int       `json:"height"`
	EncoderSeconds float64   `json:"encoder_seconds"`
	DecoderSeconds float64   `json:"decoder_seconds"`
	Best           int       `json:"best"` // the mask that was written
	Masks          []cutMask `json:"masks"`
}

type cutMask struct {
	Segmentation picture.RLE `json:"segmentation"`
	Area         int         `json:"area"`
	Box          [4]int      `json:"bbox"` // left, top, width, height
	PredictedIoU float32     `json:"predicted_iou"`
	Stability    *float32    `json:"stability_score"` // null for an empty mask
}

// write writes the files for one prompt or for several boxes, and prints a summary.
func (a *sam) write(dev *vision.Device, path string, m *picture.Image, found []*vision.SAMMasks) error {
	var objects []*picture.Mask
	var told []cut
	for _, f := range found {
		r, best := a.told(path, m, f)
		objects, told = append(objects, best), append(told, r)
	}
	if err := a.writeObjects(m, objects); err != nil {
		return err
	}
	if a.logits != "" {
		if err := found[0].SaveLogits(a.logits, told[0].Best); err != nil {
			return err
		}
	}
	switch {
	case a.json && len(told) > 1:
		return printJSON(a.out, told)
	case a.json:
		return printJSON(a.out, told[0])
	case a.quiet:
		return nil
	}
	fmt.Fprintf(a.out, "device: %v\n", dev)
	for i, r := range told {
		object := ""
		if len(told) > 1 {
			object = fmt.Sprintf(" object %d,", i+1)
		}
		area := r.Masks[r.Best].Area
		fmt.Fprintf(a.out, "%s:%s %d×%d, %d pixels (%.2f %%), predicted IoU %.3f\n", files.Quote(a.path), object, m.Width, m.Height,
			area, 100*float64(area)/float64(m.Width*m.Height), r.Masks[r.Best].PredictedIoU)
	}
	fmt.Fprintf(a.out, "image %.3f s, prompt %.3f s\n", told[0].EncoderSeconds, told[0].DecoderSeconds)
	return nil
}

// told returns what is told about the masks of a prompt, and the best of them.
func (a *sam) told(path string, m *picture.Image, found *vision.SAMMasks) (cut, *picture.Mask) {
	masks, best := picture.Masks(found.Logits, 0), found.Best()
	r := cut{path, a.path, a.cutout, a.overlay, m.Width, m.Height, a.encoded.Seconds(), a.decoded.Seconds(), best, nil}
	stability := vision.StabilityScore(found.Logits, 0, 1)
	for i, k := range masks {
		one := cutMask{Segmentation: k.RLE(), Area: k.Area(), PredictedIoU: found.IoU[i]}
		if one.Area > 0 {
			b := k.Box()
			one.Box = [4]int{b[0], b[1], b[2] - b[0], b[3] - b[1]}
		}
		if s := stability[i]; s == s {
			one.Stability = &s
		}
		r.Masks = append(r.Masks, one)
	}
	return r, masks[best]
}

// writeObjects writes the pictures of the objects' masks.
func (a *sam) writeObjects(m *picture.Image, objects []*picture.Mask) error {
	drawn := image.Image(picture.Numbered(objects, m.Width, m.Height))
	all := picture.NewMask(m.Width, m.Height)
	for _, o := range objects {
		for i, on := range o.On {
			all.On[i] = all.On[i] || on
		}
	}
	if len(objects) == 1 {
		drawn = objects[0].Image().Image()
	}
	if err := a.savePNG(a.path, drawn); err != nil {
		return err
	}
	if a.cutout != "" {
		if err := a.savePNG(a.cutout, all.CutOut(m)); err != nil {
			return err
		}
	}
	if a.overlay == "" {
		return nil
	}
	return a.saveOverlay(a.overlay, picture.Stack(objects, m.Width, m.Height).Overlay(m))
}

// writeAll writes the files for --everything and prints a summary.
func (a *sam) writeAll(dev *vision.Device, path string, m *picture.Image, regions []vision.SAMRegion) error {
	masks := make([]*picture.Mask, len(regions))
	for i, r := range regions {
		var err error
		if masks[i], err = r.Segmentation.Mask(); err != nil {
			return err
		}
		if r.Stability != r.Stability { // the mask is empty, and JSON has no NaN
			regions[i].Stability = 0
		}
	}
	if err := a.savePNG(a.path, picture.Numbered(masks, m.Width, m.Height)); err != nil {
		return err
	}
	if a.overlay != "" {
		if err := a.saveOverlay(a.overlay, picture.Stack(masks, m.Width, m.Height).Overlay(m)); err != nil {
			return err
		}
	}
	if a.json {
		if regions == nil {
			regions = []vision.SAMRegion{}
		}
		return printJSON(a.out, regions)
	}
	if a.quiet {
		return nil
	}
	fmt.Fprintf(a.out, "device: %v\n%s: %d masks of %s in %.3f s\n", dev, files.Quote(a.path), len(regions), files.Quote(path), a.encoded.Seconds())
	for i, r := range regions {
		fmt.Fprintf(a.out, "%5d  %8d pixels at %v,%v, %v×%v  predicted IoU %.3f  stability %.3f\n", i+1, r.Area, r.Box[0], r.Box[1], r.Box[2], r.Box[3], r.PredictedIoU, r.Stability)
	}
	return nil
}
