package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision"
)

// prompts returns the prompts of the flags without the mask: one, or one for each of
// several boxes. Only a single point is ambiguous.
func (a *sam) prompts() ([]vision.SAMPrompt, error) {
	p, err := a.pointed()
	if err != nil {
		return nil, err
	}
	var all []vision.SAMPrompt
	for _, text := range a.boxes {
		v, err := numbers(text)
		if err != nil || len(v) != 4 {
			return nil, fmt.Errorf("--box %q, want LEFT,TOP,RIGHT,BOTTOM", text)
		}
		one := p
		one.Box, one.Single = (*[4]float32)(v), true
		all = append(all, one)
	}
	switch {
	case len(all) == 0:
		return []vision.SAMPrompt{p}, nil
	case len(all) > 1 && (len(a.points) > 0 || a.mask != "" || a.logits != ""):
		return nil, fmt.Errorf("%d boxes are %d objects: --point, --mask and --logits go with one", len(all), len(all))
	}
	return all, nil
}

// pointed returns the prompt of the points.
func (a *sam) pointed() (vision.SAMPrompt, error) {
	var p vision.SAMPrompt
	if !a.everything && len(a.points) == 0 && len(a.boxes) == 0 && a.mask == "" {
		return p, errors.New("no prompt: give --point X,Y, --box LEFT,TOP,RIGHT,BOTTOM, --mask FILE or --everything")
	}
	for _, text := range a.points {
		v, err := numbers(text)
		if err != nil || len(v) < 2 || len(v) > 3 || len(v) == 3 && v[2] != models.Foreground && v[2] != models.Background {
			return p, fmt.Errorf("--point %q, want X,Y or X,Y,LABEL with label 1 for the object and 0 for the background", text)
		}
		label := models.Foreground
		if len(v) == 3 {
			label = int(v[2])
		}
		p.Points = append(p.Points, [2]float32{v[0], v[1]})
		p.Labels = append(p.Labels, label)
	}
	p.Single = len(p.Points) != 1 || a.mask != ""
	return p, nil
}

// numbers reads finite numbers between commas.
func numbers(text string) ([]float32, error) {
	var all []float32
	for _, word := range strings.Split(text, ",") {
		v, err := strconv.ParseFloat(strings.TrimSpace(word), 32)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%q is not a number", word)
		}
		all = append(all, float32(v))
	}
	return all, nil
}
