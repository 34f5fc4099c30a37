package zoo

import (
	"fmt"
	"math"
	"strconv"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
)

// timmConfig is timm's config.json: how a model was made and how its pictures are
// prepared.
type timmConfig struct {
	architecture string // such as "vit_base_patch16_224"
	classes      int    // -1 if it does not say
	labels       []string
	preprocess   Preprocess
	args         config // of the model
}

// isTimm reports whether a config.json or preprocessor_config.json is timm's.
func isTimm(c config) bool {
	if _, ok := c.values["pretrained_cfg"].(map[string]any); ok {
		return true
	}
	return !c.has("model_type") && !c.has("image_processor_type") && !c.has("feature_extractor_type") &&
		(c.has("architecture") || c.has("input_size") && (c.has("crop_pct") || c.has("mean")))
}

// readTimm reads timm's config. Its settings are in pretrained_cfg or, in older files,
// in the object itself.
func readTimm(c config) (*timmConfig, error) {
	pre := c
	if c.has("pretrained_cfg") {
		pre = c.object("pretrained_cfg")
	}
	t := &timmConfig{architecture: c.text("architecture"), args: c.object("model_args"), classes: -1}
	if t.architecture == "" {
		t.architecture = pre.text("architecture")
	}
	for _, o := range []config{c, pre} {
		if t.classes < 0 && o.has("num_classes") {
			t.classes = o.integer("num_classes", -1, 0, maxClasses)
		}
		if t.labels == nil {
			t.labels = timmLabels(o)
		}
	}
	t.preprocess = timmPreprocess(pre)
	return t, c.err()
}

// timmPreprocess is timm's evaluation transform. The picture is resized to ⌊size/crop_pct⌋
// and its middle is cropped to size. By crop_mode the shorter side is resized (center),
// each side (squash) or the longer side (border), where the rest has the mean colour.
func timmPreprocess(c config) Preprocess {
	p := Preprocess{
		Mean: c.triple("mean", models.ImageNetMean, -maxMean, maxMean),
		Std:  c.triple("std", models.ImageNetStd, minStd, maxMean),
	}
	crop := c.number("crop_pct", 0.875, 0.01, 100)
	size := [3]int{3, 224, 224}
	if list := c.integers("input_size", 1, maxSide); len(list) == 3 {
		size = [3]int(list)
	} else if c.has("input_size") {
		c.wrong("input_size", "channels, height and width")
	}
	if size[0] != 3 {
		c.wrong("input_size", "three channels")
	}
	p.Crop = [2]int{size[1], size[2]}
	height, width := int(math.Floor(float64(size[1])/crop)), int(math.Floor(float64(size[2])/crop))
	if height < 1 || width < 1 || height > maxSide || width > maxSide {
		c.wrong("crop_pct", "a fraction of the size")
	}
	switch mode := c.text("crop_mode"); mode {
	case "squash":
		p.Size = [2]int{height, width}
	case "", "center", "border":
		if height != width {
			c.wrong("input_size", "a square for this crop_mode: other shapes are not supported")
		}
		if p.Short = height; mode == "border" {
			p.Short, p.Long = 0, height
			for i, m := range p.Mean {
				p.Fill[i] = uint8(math.RoundToEven(min(max(255*float64(m), 0), 255)))
			}
		}
	default:
		c.wrong("crop_mode", "center, squash or border")
	}
	switch name := c.text("interpolation"); name {
	case "", "bicubic":
		p.Filter = picture.Bicubic
	case "bilinear", "random": // timm draws the filter only in training
		p.Filter = picture.Bilinear
	case "lanczos":
		p.Filter = picture.Lanczos
	case "nearest":
		p.Filter = picture.Nearest
	case "box":
		p.Filter = picture.Box
	case "hamming":
		p.Filter = picture.Hamming
	default:
		c.wrong("interpolation", "nearest, box, bilinear, hamming, bicubic, lanczos or random")
	}
	return p
}

// Limits of what configs may say. A mean or deviation may be of bytes.
const (
	maxClasses = 1 << 20
	maxSide    = 1 << 16
	maxMean    = 1e6
	minStd     = 1e-6
)

// timmLabels returns the names of the classes: their descriptions if there are any, else
// label_names.
func timmLabels(c config) []string {
	names := orderedTexts(c, "label_names")
	if names == nil {
		names = orderedTexts(c, "labels")
	}
	about := c.object("label_descriptions")
	for i, n := range names {
		if about.has(n) {
			names[i] = about.text(n)
		}
	}
	return names
}

// orderedTexts returns the texts of a key: a list, or an object whose keys are their
// numbers. It returns nil if a number is missing.
func orderedTexts(c config, key string) []string {
	var all []string
	switch v := c.values[key].(type) {
	case nil:
	case []any:
		for _, t := range v {
			s, ok := t.(string)
			if !ok {
				c.wrong(key, "texts")
				return nil
			}
			all = append(all, s)
		}
	case map[string]any:
		o := c.object(key)
		for i := range len(v) {
			if !o.has(strconv.Itoa(i)) {
				return nil
			}
			all = append(all, o.text(strconv.Itoa(i)))
		}
	default:
		c.wrong(key, "texts")
	}
	if len(all) > maxClasses {
		c.wrong(key, fmt.Sprintf("at most %d names", maxClasses))
		return nil
	}
	return all
}
