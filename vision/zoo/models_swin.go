package zoo

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
)

const (
	swinPaper   = "Liu et al., Swin Transformer: Hierarchical Vision Transformer using Shifted Windows, arXiv:2103.14030"
	swinV2Paper = "Liu et al., Swin Transformer V2: Scaling Up Capacity and Resolution, arXiv:2111.09883"
	swinFiles   = "https://github.com/SwinTransformer/storage/releases/download/"
)

// swinModel returns Microsoft's model with this name, from a release of its files.
func swinModel(release, name string) Model {
	c, err := models.SwinVariant(name)
	if err != nil {
		panic(err)
	}
	size := c.Image[0]
	e := Model{
		Name:       name,
		Task:       Classify,
		Paper:      swinPaper,
		Size:       size,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: bicubicInput(size*256/224, size),
		Files:      []File{{URL: swinFiles + release + "/" + name + ".pth", Terms: "MIT; trained on ImageNet, whose terms apply"}},
		New:        func() models.Network { return models.NewSwin(c) },
	}
	if c.V2 {
		e.Paper = swinV2Paper
	}
	return e
}

// torchvisionSwinModel returns torchvision's Swin of a size. Its preprocessing resizes
// the shorter side to short pixels.
func torchvisionSwinModel(size string, v2 bool, short int, hash string) Model {
	name, crop, paper := "swin_", 224, swinPaper
	c, err := models.SwinSize(size)
	if err != nil {
		panic(err)
	}
	c.Window = graph.Both(7)
	if v2 {
		name, crop, paper = "swin_v2_", 256, swinV2Paper
		c.V2, c.Window = true, graph.Both(8)
	}
	name += size[:1]
	return Model{
		Name:       name,
		Task:       Classify,
		Paper:      paper,
		Size:       crop,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: bicubicInput(short, crop),
		Files:      []File{torchvision(name, hash)},
		layout:     inTorchvision,
		New:        func() models.Network { return models.NewSwin(c) },
	}
}
