package models

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/graph"
)

const (
	swinPaper   = "Liu et al., Swin Transformer: Hierarchical Vision Transformer using Shifted Windows, arXiv:2103.14030"
	swinV2Paper = "Liu et al., Swin Transformer V2: Scaling Up Capacity and Resolution, arXiv:2111.09883"
	swinFiles   = "https://github.com/SwinTransformer/storage/releases/download/"
)

// swinSize is the configuration of a size of the papers.
func swinSize(size string) (SwinConfig, bool) {
	c, ok := map[string]SwinConfig{
		"tiny":  {Dim: 96, Depths: []int{2, 2, 6, 2}, Heads: []int{3, 6, 12, 24}},
		"small": {Dim: 96, Depths: []int{2, 2, 18, 2}, Heads: []int{3, 6, 12, 24}},
		"base":  {Dim: 128, Depths: []int{2, 2, 18, 2}, Heads: []int{4, 8, 16, 32}},
		"large": {Dim: 192, Depths: []int{2, 2, 18, 2}, Heads: []int{6, 12, 24, 48}},
	}[size]
	return c, ok
}

var swinVariant = regexp.MustCompile(`^swin(v2)?_([a-z]+)_patch4_window(\d+)(?:to(\d+))?_(\d+)(?:to(\d+))?(_22k)?(?:_.*)?$`)

// SwinVariant is the configuration of Microsoft's model of this name, as
// "swin_tiny_patch4_window7_224" or, with the window and size in pre-training
// before those it was made for,
// "swinv2_base_patch4_window12to16_192to256_22kto1k_ft".
func SwinVariant(name string) (SwinConfig, error) {
	m := swinVariant.FindStringSubmatch(name)
	if m == nil {
		return SwinConfig{}, fmt.Errorf("models: %q is no name of a Swin, as swin_tiny_patch4_window7_224", name)
	}
	c, ok := swinSize(m[2])
	if !ok {
		return c, fmt.Errorf("models: no Swin %q; there are tiny, small, base, large", m[2])
	}
	number := func(i int) int { n, _ := strconv.Atoi(m[i]); return n } // digits, or 0 for none
	c.V2 = m[1] != ""
	c.Window, c.Image = graph.Both(number(3)), graph.Both(number(5))
	if m[4] != "" {
		for i := range c.Depths { // no window is larger than the map was
			c.Pretrained = append(c.Pretrained, min(number(3), number(5)/4>>i))
		}
		c.Window, c.Image = graph.Both(number(4)), graph.Both(number(6))
	}
	if m[7] != "" && !strings.Contains(name, "_22kto1k") {
		c.Classes = 21841
	}
	return c, nil
}

// swinEntry is Microsoft's model of this name, of a release of its files.
func swinEntry(release, name string) Entry {
	c, err := SwinVariant(name)
	if err != nil {
		panic(err)
	}
	size := c.Image[0]
	e := Entry{
		Name:       name,
		Paper:      swinPaper,
		Size:       size,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: bicubicInput(size*256/224, size),
		Checkpoint: swinFiles + release + "/" + name + ".pth",
		Licence:    "MIT; trained on ImageNet, whose terms apply",
		New:        func() Model { return NewSwin(c) },
	}
	if c.V2 {
		e.Paper = swinV2Paper
	}
	return e
}

// torchvisionSwinEntry is torchvision's Swin of a size, trained for pictures
// with a shorter side of short pixels.
func torchvisionSwinEntry(size string, v2 bool, short int, hash string) Entry {
	name, crop, paper := "swin_", 224, swinPaper
	c, ok := swinSize(size)
	if !ok {
		panic("models: no Swin " + size)
	}
	c.Window = graph.Both(7)
	if v2 {
		name, crop, paper = "swin_v2_", 256, swinV2Paper
		c.V2, c.Window = true, graph.Both(8)
	}
	name += size[:1]
	return Entry{
		Name:       name,
		Paper:      paper,
		Size:       crop,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: bicubicInput(short, crop),
		Checkpoint: fmt.Sprintf("%s%s-%s.pth", torchvision, name, hash),
		Hash:       "sha256:" + hash,
		Licence:    imageNetTerms,
		New:        func() Model { return NewSwin(c) },
	}
}
