package golden

import (
	"fmt"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// has reports whether src has a tensor.
func has(src weights.Source, name string) bool {
	_, ok := weights.Describe(src, name)
	return ok
}

// adopted makes a network with the sizes of the weights and binds them.
func adopted[T models.Network](m T, src weights.Source) (models.Network, error) {
	weights.Adopt(m, src)
	return m, weights.Bind(m, src)
}

// uNet makes the case of a U-Net. It has transposed convolutions if the file has
// weights for them.
func uNet(f *file) (Case, error) {
	return f.network(func(src weights.Source) (models.Network, error) {
		return adopted(models.NewUNet(models.UNetConfig{Bilinear: !has(src, "up1.up.weight")}), src)
	})
}

// uNetPP makes the case of U-Net++, or of the plain U-Net with the same blocks if the
// weights have no nodes in the middle.
func uNetPP(f *file) (Case, error) {
	return f.network(func(src weights.Source) (models.Network, error) {
		return adopted(models.NewUNetPP(models.UNetPPConfig{
			DeepSupervision: has(src, "final1.weight"), Plain: !has(src, "conv0_1.conv1.weight"),
		}), src)
	})
}

// uNet3P makes the case of U-Net 3+ in one of its forms.
func uNet3P(f *file) (Case, error) {
	var a struct {
		Align bool `json:"upsample_align_corners"`
		Last  string
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	if a.Align || a.Last != "" && a.Last != "sigmoid" {
		return Case{}, fmt.Errorf("upsample_align_corners %v, last %q: want false, sigmoid", a.Align, a.Last)
	}
	return f.network(func(src weights.Source) (models.Network, error) {
		return adopted(models.NewUNet3P(models.UNet3PConfig{
			DeepSupervision: has(src, "outconv2.weight"), ClassGuided: has(src, "cls.1.weight"),
		}), src)
	})
}

// uNetV2 makes the case of U-Net v2. If the config does not tell the encoder's heads,
// they are the paper's. Other sizes come from the weights.
func uNetV2(f *file) (Case, error) {
	a := struct {
		Heads [4]int `json:"num_heads"`
		Deep  bool   `json:"deep_supervision"`
	}{Heads: models.PVTv2B2().Heads}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	return f.network(func(src weights.Source) (models.Network, error) {
		encoder := models.PVTv2Config{Heads: a.Heads}
		for i := range 4 {
			block := fmt.Sprintf("encoder.backbone.block%d.", i+1)
			norm, err := weights.ShapeOf(src, block+"0.norm1.weight")
			if err != nil {
				return nil, err
			}
			if len(norm) != 1 || norm[0] == 0 || a.Heads[i] < 1 || norm[0]%a.Heads[i] != 0 {
				return nil, fmt.Errorf("num_heads: %d heads for channels %v in %s", a.Heads[i], norm, block)
			}
			encoder.EmbedDims[i], encoder.MLPRatios[i], encoder.SRRatios[i] = norm[0], 4, 1
			for has(src, fmt.Sprintf("%s%d.norm1.weight", block, encoder.Depths[i])) {
				encoder.Depths[i]++
			}
			if sr, err := weights.ShapeOf(src, block+"0.attn.sr.weight"); err == nil && len(sr) == 4 {
				encoder.SRRatios[i] = sr[2]
			}
		}
		return adopted(models.NewUNetV2(models.UNetV2Config{Encoder: encoder, DeepSupervision: a.Deep}), src)
	})
}
