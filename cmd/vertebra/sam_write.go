package main

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"image"
	"slices"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/weights"
)

// cut is what was found for a prompt.
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
	Stability    *float32    `json:"stability_score"` // null of an empty mask
}

// write makes the files of a prompt and prints what is in them.
func (a *sam) write(dev *machine, path string, m *picture.Image, found *vision.SAMMasks) error {
	masks, best := picture.Masks(found.Logits, 0), found.Best()
	tinted := segmentationOf(masks[best:best+1], m)
	if err := writePNG(a.path, masks[best].Image().Image()); err != nil {
		return err
	}
	if a.cutout != "" {
		if err := writePNG(a.cutout, cutOut(m, masks[best])); err != nil {
			return err
		}
	}
	if a.overlay != "" {
		if err := picture.Save(a.overlay, tinted.Overlay(m)); err != nil {
			return plain(a.overlay, err)
		}
	}
	if a.logits != "" {
		side := found.LowRes.Shape[1]
		t := tensor.Of(found.LowRes.Data[best*side*side:][:side*side], side, side)
		t.Name = "mask"
		if err := weights.WriteSafetensors(a.logits, nil, t); err != nil {
			return plain(a.logits, err)
		}
	}
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
	if a.json {
		return printJSON(a.out, r)
	}
	if a.quiet {
		return nil
	}
	area := r.Masks[best].Area
	fmt.Fprintf(a.out, "device: %v\n%s: %d×%d, %d pixels (%.2f %%), predicted IoU %.3f\n", dev, a.path, m.Width, m.Height,
		area, 100*float64(area)/float64(m.Width*m.Height), found.IoU[best])
	fmt.Fprintf(a.out, "image %.3f s, prompt %.3f s\n", r.EncoderSeconds, r.DecoderSeconds)
	return nil
}

// writeAll makes the files of --everything and prints what is in them.
func (a *sam) writeAll(dev *machine, path string, m *picture.Image, regions []vision.SAMRegion) error {
	masks := make([]*picture.Mask, len(regions))
	for i, r := range regions {
		var err error
		if masks[i], err = r.Segmentation.Mask(); err != nil {
			return err
		}
		if r.Stability != r.Stability { // of an empty mask; JSON has no NaN
			regions[i].Stability = 0
		}
	}
	if err := writePNG(a.path, numbered(masks, m)); err != nil {
		return err
	}
	if a.overlay != "" {
		if err := picture.Save(a.overlay, segmentationOf(masks, m).Overlay(m)); err != nil {
			return plain(a.overlay, err)
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
	fmt.Fprintf(a.out, "device: %v\n%s: %d masks of %s in %.3f s\n", dev, a.path, len(regions), path, a.encoded.Seconds())
	for i, r := range regions {
		fmt.Fprintf(a.out, "%5d  %8d pixels at %v,%v, %v×%v  predicted IoU %.3f  stability %.3f\n", i+1, r.Area, r.Box[0], r.Box[1], r.Box[2], r.Box[3], r.PredictedIoU, r.Stability)
	}
	return nil
}

// labels are the numbers of the masks, from 1 on, that pixels are in: of the
// smallest mask where there are several, 0 where there is none.
func labels(masks []*picture.Mask, m *picture.Image) []int {
	order := make([]int, len(masks))
	areas := make([]int, len(masks))
	for i, k := range masks {
		order[i], areas[i] = i, k.Area()
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(areas[j], areas[i]) })
	all := make([]int, m.Width*m.Height)
	for _, i := range order {
		for at, on := range masks[i].On {
			if on {
				all[at] = i + 1
			}
		}
	}
	return all
}

// colours is how many masks have colours of their own.
const colours = 255

// segmentationOf is masks as classes; beyond colours they begin again.
func segmentationOf(masks []*picture.Mask, m *picture.Image) *picture.Segmentation {
	s := &picture.Segmentation{Width: m.Width, Height: m.Height, Count: min(len(masks), colours) + 1, Class: make([]uint8, m.Width*m.Height)}
	for at, n := range labels(masks, m) {
		if n > 0 {
			s.Class[at] = uint8((n-1)%colours + 1)
		}
	}
	return s
}

// numbered is a picture of the masks' numbers.
func numbered(masks []*picture.Mask, m *picture.Image) image.Image {
	if len(masks) <= colours {
		return segmentationOf(masks, m).Image()
	}
	grey := image.NewGray16(image.Rect(0, 0, m.Width, m.Height))
	for at, n := range labels(masks, m) {
		binary.BigEndian.PutUint16(grey.Pix[2*at:], uint16(n))
	}
	return grey
}

// cutOut is a picture that is transparent but for the mask.
func cutOut(m *picture.Image, mask *picture.Mask) *image.NRGBA {
	m = m.RGB()
	out := image.NewNRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i, on := range mask.On {
		if on {
			copy(out.Pix[4*i:], m.Pix[3*i:][:3])
			out.Pix[4*i+3] = 255
		}
	}
	return out
}
