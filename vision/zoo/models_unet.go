package zoo

import (
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
)

const uNetPaper = "Ronneberger et al., U-Net: Convolutional Networks for Biomedical Image Segmentation, arXiv:1505.04597"

// uNetModel returns a U-Net. Its weights were trained on Carvana's photos of cars,
// 1918×1280 pixels, at half their size.
func uNetModel(name string, bilinear bool) Model {
	e := Model{
		Name:       name,
		Task:       Segment,
		Paper:      uNetPaper,
		Size:       512,
		Channels:   3,
		Input:      "RGB in 0…1",
		Preprocess: Preprocess{Short: 640, Filter: picture.Bicubic},
		New:        func() models.Network { return models.NewUNet(models.UNetConfig{Bilinear: bilinear}) },
	}
	if !bilinear {
		e.Files = []File{{
			URL:   "https://github.com/milesial/Pytorch-UNet/releases/download/v3.0/unet_carvana_scale0.5_epoch2.pth",
			Terms: "GPL-3.0",
		}}
	}
	return e
}

// uNetValidModel is U-Net in the paper's form.
var uNetValidModel = Model{
	Name:       "unet_valid",
	Task:       Segment,
	Paper:      uNetPaper,
	Size:       572,
	Channels:   1,
	Input:      "grey in 0…1",
	Preprocess: Preprocess{Grey: true, Size: [2]int{572, 572}},
	New:        func() models.Network { return models.NewUNet(models.UNetConfig{Channels: 1, Valid: true}) },
}

func uNetPPModel(name string, deep bool) Model {
	return Model{
		Name:       name,
		Task:       Segment,
		Paper:      "Zhou et al., UNet++: A Nested U-Net Architecture for Medical Image Segmentation, arXiv:1807.10165",
		Size:       256,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: Preprocess{Size: [2]int{256, 256}, Mean: models.ImageNetMean, Std: models.ImageNetStd},
		New:        func() models.Network { return models.NewUNetPP(models.UNetPPConfig{DeepSupervision: deep}) },
	}
}

func uNet3PModel(name string, c models.UNet3PConfig) Model {
	return Model{
		Name:       name,
		Task:       Segment,
		Paper:      "Huang et al., UNet 3+: A Full-Scale Connected UNet for Medical Image Segmentation, arXiv:2004.08790",
		Size:       320,
		Channels:   3,
		Input:      "RGB in 0…1",
		Preprocess: Preprocess{Size: [2]int{320, 320}},
		New:        func() models.Network { return models.NewUNet3P(c) },
	}
}

func uNetV2Model(name string, deep bool) Model {
	return Model{
		Name:       name,
		Task:       Segment,
		Paper:      "Peng et al., U-Net v2: Rethinking the Skip Connections of U-Net for Medical Image Segmentation, arXiv:2311.17791",
		Size:       352,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: Preprocess{Size: [2]int{352, 352}, Mean: models.ImageNetMean, Std: models.ImageNetStd},
		New:        func() models.Network { return models.NewUNetV2(models.UNetV2Config{DeepSupervision: deep}) },
	}
}
