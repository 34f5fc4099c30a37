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

// prompt returns the prompt of the flags without the mask. Only a single point is
// ambiguous.
func (a *sam) prompt() (vision.SAMPrompt, error) {
	var p vision.SAMPrompt
	if !a.everything && len(a.points) == 0 && a.box == "" && a.mask == "" {
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
			return nil, fmt.Errorf("%q is not a number", word)
		}
		all = append(all, float32(v))
	}
	return all, nil
}
