package zoo

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
)

const (
	vitPaper = "Dosovitskiy et al., An Image Is Worth 16x16 Words, arXiv:2010.11929"
	maePaper = "He et al., Masked Autoencoders Are Scalable Vision Learners, arXiv:2111.06377"
)

// bicubicInput returns the preprocessing that resizes the shorter side with the
// bicubic filter and crops the middle size×size pixels.
func bicubicInput(short, size int) Preprocess {
	return Preprocess{Short: short, Crop: [2]int{size, size}, Filter: picture.Bicubic, Mean: models.ImageNetMean, Std: models.ImageNetStd}
}

// vitModel returns torchvision's vision transformer of a variant such as "b_16". The
// suffix names its weights; those with "_swag" were trained on pictures with hashtags.
func vitModel(variant, suffix string, size int, input Preprocess, hash string) Model {
	name := "vit_" + variant + suffix
	e := Model{
		Name:       name,
		Task:       Classify,
		Paper:      vitPaper,
		Size:       size,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: input,
		Files:      []File{torchvision(name, hash)},
		layout:     inTorchvision,
		New: func() models.Network {
			c, err := models.ViTVariant(variant)
			if err != nil {
				panic(err)
			}
			c.Image, c.AlignCorners = graph.Both(size), true
			return models.NewViT(c)
		},
	}
	if strings.HasSuffix(suffix, "_swag") {
		e.Files[0].Terms, e.Files[0].NonCommercial = "CC-BY-NC-4.0; trained on pictures of Instagram (SWAG)", true
	}
	return e
}

// timmViTModel is ViT-B/16 with timm's weights.
var timmViTModel = Model{
	Name:       "vit_base_patch16_224",
	Task:       Classify,
	Paper:      vitPaper,
	Size:       224,
	Channels:   3,
	Input:      "RGB in 0…1, normalised to −1…1",
	Preprocess: Preprocess{Short: 248, Crop: [2]int{224, 224}, Filter: picture.Bicubic, Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.5, 0.5, 0.5}},
	Files:      []File{huggingFace("timm/vit_base_patch16_224.augreg2_in21k_ft_in1k", "Apache-2.0")},
	New:        func() models.Network { return models.NewViT(models.ViTConfig{Dim: 768, Depth: 12, Heads: 12}) },
}

// vitDetectorModel has the sizes of ViT-B/16 and the classes of COCO.
var vitDetectorModel = Model{
	Name:       "vit_b_16_det",
	Task:       Detect,
	Paper:      vitPaper + ", with linear heads on its patches",
	Size:       224,
	Channels:   3,
	Input:      imageNetPixels,
	Preprocess: Preprocess{Size: [2]int{224, 224}, Mean: models.ImageNetMean, Std: models.ImageNetStd},
	New: func() models.Network {
		return models.NewViTDetector(models.ViTConfig{Dim: 768, Depth: 12, Heads: 12, Classes: 80, AlignCorners: true})
	},
}

// maeSizes maps the sizes in the paper to variants of ViT.
var maeSizes = map[string]string{"base": "b_16", "large": "l_16", "huge": "h_14"}

// maeConfig returns the config of the encoder of a size.
func maeConfig(size string) models.ViTConfig {
	c, err := models.ViTVariant(maeSizes[size])
	if err != nil {
		panic(err)
	}
	return c
}

// maeName returns the reference's name for an encoder.
func maeName(size string) string {
	return fmt.Sprintf("mae_vit_%s_patch%d", size, maeConfig(size).Patch)
}

// maeFile returns a file of MAE's authors. They published only the beginning of the
// MD5, and not for all files.
func maeFile(path, md5 string) File {
	return File{URL: "https://dl.fbaipublicfiles.com/mae/" + path, MD5: md5, Terms: "CC-BY-NC-4.0", NonCommercial: true}
}

func maeModelOf(name string, task Task, model func() models.Network, files ...File) Model {
	return Model{
		Name:       name,
		Task:       task,
		Paper:      maePaper,
		Size:       224,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: bicubicInput(256, 224),
		Files:      files,
		New:        model,
	}
}

// maeModel returns an autoencoder with its decoder.
func maeModel(size string, files ...File) Model {
	return maeModelOf(maeName(size), Reconstruct, func() models.Network {
		return models.NewMAE(models.MAEConfig{Encoder: maeConfig(size), NormPix: true})
	}, files...)
}

// maeEncoderModel returns the encoder of an autoencoder, as its authors publish it.
func maeEncoderModel(size, md5 string) Model {
	return maeModelOf(maeName(size)+"_encoder", Features, func() models.Network {
		return models.NewMAE(models.MAEConfig{Encoder: maeConfig(size), EncoderOnly: true})
	}, maeFile("pretrain/mae_pretrain_vit_"+size+".pth", md5))
}

// maeFinetunedModel returns a classifier fine-tuned from an encoder.
func maeFinetunedModel(size, md5 string) Model {
	return maeModelOf("mae_finetuned_vit_"+size, Classify, func() models.Network {
		c := maeConfig(size)
		c.GlobalPool = true
		return models.NewViT(c)
	}, maeFile("finetune/mae_finetuned_vit_"+size+".pth", md5))
}
