package models

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/graph"
)

// SwinSize returns the configuration of a size in the papers: "tiny", "small",
// "base" or "large". The caller sets its Window.
func SwinSize(size string) (SwinConfig, error) {
	c, ok := map[string]SwinConfig{
		"tiny":  {Dim: 96, Depths: []int{2, 2, 6, 2}, Heads: []int{3, 6, 12, 24}},
		"small": {Dim: 96, Depths: []int{2, 2, 18, 2}, Heads: []int{3, 6, 12, 24}},
		"base":  {Dim: 128, Depths: []int{2, 2, 18, 2}, Heads: []int{4, 8, 16, 32}},
		"large": {Dim: 192, Depths: []int{2, 2, 18, 2}, Heads: []int{6, 12, 24, 48}},
	}[size]
	if !ok {
		return c, fmt.Errorf("models: no Swin %q; there are tiny, small, base, large", size)
	}
	return c, nil
}

var swinVariant = regexp.MustCompile(`^swin(v2)?_([a-z]+)_patch4_window(\d+)(?:to(\d+))?_(\d+)(?:to(\d+))?(_22k)?(?:_.*)?$`)

// SwinVariant returns the configuration of Microsoft's model with a name such as
// "swin_tiny_patch4_window7_224". A name may also give the window and image size of
// pre-training, as in "swinv2_base_patch4_window12to16_192to256_22kto1k_ft".
func SwinVariant(name string) (SwinConfig, error) {
	m := swinVariant.FindStringSubmatch(name)
	if m == nil {
		return SwinConfig{}, fmt.Errorf("models: %q is not the name of a Swin, such as swin_tiny_patch4_window7_224", name)
	}
	c, err := SwinSize(m[2])
	if err != nil {
		return c, err
	}
	number := func(i int) int { n, _ := strconv.Atoi(m[i]); return n } // 0 if the group is empty
	c.V2 = m[1] != ""
	c.Window, c.Image = graph.Both(number(3)), graph.Both(number(5))
	if m[4] != "" {
		for i := range c.Depths { // no window was larger than the map
			c.Pretrained = append(c.Pretrained, min(number(3), number(5)/4>>i))
		}
		c.Window, c.Image = graph.Both(number(4)), graph.Both(number(6))
	}
	if m[7] != "" && !strings.Contains(name, "_22kto1k") {
		c.Classes = 21841
	}
	return c, nil
}
