package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/weights"
)

// prompt is what the flags ask for, but for the mask. A point alone is
// ambiguous, all else is not.
func (a *sam) prompt() (vision.SAMPrompt, error) {
	var p vision.SAMPrompt
	if !a.everything && len(a.points) == 0 && a.box == "" && a.mask == "" {
		return p, errors.New("no prompt: give --point X,Y, --box LEFT,TOP,RIGHT,BOTTOM, --mask FILE or --everything")
	}
	for _, text := range a.points {
		v, err := numbers(text)
		if err != nil || len(v) < 2 || len(v) > 3 || len(v) == 3 && v[2] != models.Foreground && v[2] != models.Background {
			return p, fmt.Errorf("--point %q, want X,Y or X,Y,LABEL with the label 1 for what is wanted and 0 for what is not", text)
		}
		label := models.Foreground
		if len(v) == 3 {
			label = int(v[2])
		}
		p.Points = append(p.Points, [2]float32{v[0], v[1]})
		p.Labels = append(p.Labels, label)
	}
	if a.box != "" {
		v, err := numbers(a.box)
		if err != nil || len(v) != 4 {
			return p, fmt.Errorf("--box %q, want LEFT,TOP,RIGHT,BOTTOM", a.box)
		}
		p.Box = (*[4]float32)(v)
	}
	p.Single = len(p.Points) != 1 || p.Box != nil || a.mask != ""
	return p, nil
}

// numbers reads finite numbers between commas.
func numbers(text string) ([]float32, error) {
	var all []float32
	for _, word := range strings.Split(text, ",") {
		v, err := strconv.ParseFloat(strings.TrimSpace(word), 32)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%q is no number", word)
		}
		all = append(all, float32(v))
	}
	return all, nil
}

// inside refuses prompts that are not in the picture, before the encoder has run
// for nothing.
func inside(p vision.SAMPrompt, m *picture.Image) error {
	w, h := float32(m.Width), float32(m.Height)
	for _, at := range p.Points {
		if !(at[0] >= 0 && at[1] >= 0 && at[0] <= w && at[1] <= h) {
			return fmt.Errorf("the point %v,%v is outside the picture of %d×%d", at[0], at[1], m.Width, m.Height)
		}
	}
	if b := p.Box; b != nil && !(b[0] >= 0 && b[1] >= 0 && b[0] < b[2] && b[1] < b[3] && b[2] <= w && b[3] <= h) {
		return fmt.Errorf("the box %v,%v,%v,%v is empty or outside the picture of %d×%d", b[0], b[1], b[2], b[3], m.Width, m.Height)
	}
	return nil
}

// maskLogit is the logit of a mask's pixel that is white.
const maskLogit = 8

// startMask reads the mask that a prompt starts from: logits, or a picture of
// m's size, which is resized and padded as the encoder's input is.
func startMask(path string, m *picture.Image, net *models.SAM) (*tensor.Tensor, error) {
	side := 4 * net.Encoder.Position.Shape[1]
	if strings.ToLower(filepath.Ext(path)) == ".safetensors" {
		f, err := weights.OpenSafetensors(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		t, err := f.Tensor("mask")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if !t.Shape.Equal(tensor.Shape{side, side}) {
			return nil, fmt.Errorf("%s: the mask is %v, this model wants [%d, %d]", path, t.Shape, side, side)
		}
		return t, nil
	}
	mask, err := picture.Load(path)
	if err != nil {
		return nil, err
	}
	if mask.Width != m.Width || mask.Height != m.Height {
		return nil, fmt.Errorf("%s: the mask is %d×%d, the picture %d×%d", path, mask.Width, mask.Height, m.Width, m.Height)
	}
	w, h := picture.LongestSide(m.Width, m.Height, side)
	mask = mask.Grey().Resize(max(w, 1), max(h, 1), picture.Bilinear)
	t := tensor.New(side, side)
	for i := range t.Data {
		t.Data[i] = -maskLogit
	}
	for y := range mask.Height {
		for x := range mask.Width {
			t.Data[y*side+x] = (float32(mask.Pix[y*mask.Width+x])/127.5 - 1) * maskLogit
		}
	}
	return t, nil
}

// pictureSum tells pictures apart.
func pictureSum(m *picture.Image) [32]byte {
	h := sha256.New()
	fmt.Fprintln(h, m.Width, m.Height, m.Channels)
	h.Write(m.Pix)
	return [32]byte(h.Sum(nil))
}
