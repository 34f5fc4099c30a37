package models

import (
	"fmt"

	"github.com/vertebra/vertebra/weights"
)

// LoadResNet makes the residual network for the weights in src and binds them. It
// reads the blocks, channels, groups and classes from the weights. The network may
// have any depth and width, and may be a ResNeXt or a wide residual network.
func LoadResNet(src weights.Source) (*ResNet, error) {
	s := shapesOf(src)
	err := s.require("a residual network", map[string]int{
		"conv1.weight": 4, "layer1.0.conv1.weight": 4, "layer1.0.conv2.weight": 4, "fc.weight": 2,
	})
	if err != nil {
		return nil, err
	}
	c := ResNetConfig{Width: s["conv1.weight"][0], Classes: s["fc.weight"][0]}
	for i := range c.Blocks {
		if c.Blocks[i] = s.count(fmt.Sprintf("layer%d.", i+1)); c.Blocks[i] == 0 {
			return nil, fmt.Errorf("models: not a checkpoint of a residual network: layer%d.0.conv1.weight is missing", i+1)
		}
	}
	_, c.Bottleneck = s["layer1.0.conv3.weight"]
	m := NewResNet(c)
	weights.Adopt(m, src)
	if err := m.group(); err != nil {
		return nil, err
	}
	return m, weights.Bind(m, src)
}

// group sets the groups of the 3×3 convolutions inside bottlenecks from the shapes
// of their weights.
func (m *ResNet) group() error {
	for i, blocks := range [][]*residual{m.Layer1, m.Layer2, m.Layer3, m.Layer4} {
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
