package models

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/weights"
)

// LoadResNet makes the residual network for the weights in src, in any layout that
// ResNet knows, and binds them. It reads the blocks, channels, groups and classes
// from the weights. The network may have any depth and width, and may be a ResNeXt
// or a wide residual network. EarlyStride and HalveFirst come from more.
func LoadResNet(src weights.Source, more ResNetConfig) (*ResNet, error) {
	return bound(ResNetFor, src, more)
}

// ResNetFor is LoadResNet without binding. It reads only shapes.
func ResNetFor(src weights.Source, more ResNetConfig) (*ResNet, error) {
	src = weights.Canonical(&ResNet{}, src)
	s := shapesOf(src)
	err := s.require("a residual network", map[string]int{
		"conv1.weight": 4, "layer1.0.conv1.weight": 4, "layer1.0.conv2.weight": 4,
	})
	if err == nil && s["fc.weight"] != nil {
		err = s.require("a residual network", map[string]int{"fc.weight": 2})
	}
	if err != nil {
		return nil, err
	}
	c := ResNetConfig{Width: s["conv1.weight"][0], Classes: -1, EarlyStride: more.EarlyStride, HalveFirst: more.HalveFirst}
	if head := s["fc.weight"]; head != nil {
		c.Classes = head[0]
	}
	for i := range c.Blocks {
		if c.Blocks[i] = s.count(fmt.Sprintf("layer%d.", i+1)); c.Blocks[i] == 0 {
			return nil, fmt.Errorf("models: %w of a residual network: layer%d.0.conv1.weight is missing", ErrOther, i+1)
		}
	}
	_, c.Bottleneck = s["layer1.0.conv3.weight"]
	m := NewResNet(c)
	m.matchShortcuts(s)
	m.Strides(c.EarlyStride, c.HalveFirst)
	weights.Adopt(m, src)
	return m, m.group()
}

// matchShortcuts gives blocks the shortcuts with weights that s has.
func (m *ResNet) matchShortcuts(s shapes) {
	for i, blocks := range m.stages() {
		for j, b := range blocks {
			name := fmt.Sprintf("layer%d.%d.", i+1, j)
			shape := s[name+"downsample.0.weight"]
			switch {
			case s[name+"conv1.weight"] == nil: // another network
			case len(shape) != 4:
				b.Shortcut, b.BNShort = nil, nil
			case b.Shortcut == nil:
				b.Shortcut = layers.NewConv2d(shape[1], shape[0], graph.Both(1), graph.Conv2d{}).NoBias()
				b.BNShort = layers.NewBatchNorm(shape[0])
			}
		}
	}
}

// group sets the groups of the 3×3 convolutions inside bottlenecks from the shapes
// of their weights.
func (m *ResNet) group() error {
	for i, blocks := range m.stages() {
		for j, b := range blocks {
			if b.Conv3 == nil {
				continue
			}
			in, each := b.Conv1.Weight.Shape[0], b.Conv2.Weight.Shape[1]
			if each == 0 || in%each != 0 {
				return fmt.Errorf("models: layer%d.%d.conv2.weight is %v: %d channels do not divide into groups of %d",
					i+1, j, b.Conv2.Weight.Shape, in, each)
			}
			b.Conv2.Op.Groups = in / each
		}
	}
	return nil
}

// The transformers library numbers stages and convolutions from 0.
var (
	hfResNetStem  = regexp.MustCompile(`^(?:resnet\.)?embedder\.embedder\.`)
	hfResNetBlock = regexp.MustCompile(`^(?:resnet\.)?encoder\.stages\.(\d{1,9})\.layers\.(\d{1,9})\.(?:layer\.(\d{1,9})|shortcut)\.`)
	hfResNetHead  = regexp.MustCompile(`^classifier\.1\.`)
)

// ResNetName returns torchvision's name for a weight of a residual network in the
// transformers library.
func ResNetName(name string) string {
	end := func(all []int) string { return name[all[1]:] }
	if at := hfResNetStem.FindStringIndex(name); at != nil {
		if rest, ok := strings.CutPrefix(end(at), "convolution"); ok {
			return "conv1" + rest
		}
		return "bn1" + strings.TrimPrefix(end(at), "normalization")
	}
	if at := hfResNetHead.FindStringIndex(name); at != nil {
		return "fc." + end(at)
	}
	block := hfResNetBlock.FindStringSubmatch(name)
	if block == nil {
		return name
	}
	part, weight, _ := strings.Cut(name[len(block[0]):], ".")
	norm := part == "normalization"
	number := func(i int) int { n, _ := strconv.Atoi(block[i]); return n }
	kind := map[bool]string{false: "conv", true: "bn"}[norm] + strconv.Itoa(number(3)+1)
	if block[3] == "" {
		kind = map[bool]string{false: "downsample.0", true: "downsample.1"}[norm]
	}
	return fmt.Sprintf("layer%d.%d.%s.%s", number(1)+1, number(2), kind, weight)
}

// Canonical presents src under torchvision's names, which timm uses, too. It knows
// the layout of the transformers library, with or without the prefix "resnet.".
func (m *ResNet) Canonical(src weights.Source) weights.Source {
	return weights.Rename(src, ResNetName)
}
