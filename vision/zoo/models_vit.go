package zoo

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
)

const (
	vitPaper  = "Dosovitskiy et al., An Image Is Worth 16x16 Words, arXiv:2010.11929"
	maePaper  = "He et al., Masked Autoencoders Are Scalable Vision Learners, arXiv:2111.06377"
	maeFiles  = "https://dl.fbaipublicfiles.com/mae/"
	maeTerms  = "CC-BY-NC-4.0"
	swagTerms = "CC-BY-NC-4.0 (SWAG)"
)

// bicubicInput is a shorter side resized by the bicubic filter, and the middle
// size×size of it.
func bicubicInput(short, size int) Preprocess {
	return Preprocess{Short: short, Crop: [2]int{size, size}, Filter: picture.Bicubic, Mean: models.ImageNetMean, Std: models.ImageNetStd}
}

// vitEntry is torchvision's vision transformer of a variant, as "b_16", with
// the weights of a file. A name with "_swag" is of those trained on pictures
// with hashtags.
func vitEntry(variant, suffix string, size int, input Preprocess, hash string) Model {
	name := "vit_" + variant + suffix
	e := Model{
		Name:       name,
		Task:       Classify,
		Paper:      vitPaper,
		Size:       size,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: input,
		Checkpoint: fmt.Sprintf("%s%s-%s.pth", torchvision, name, hash),
		Hash:       "sha256:" + hash,
		Licence:    imageNetTerms,
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
		e.Licence = swagTerms
	}
	return e
}

// timmViTEntry is ViT-B/16 with the weights that timm has of it.
var timmViTEntry = Model{
	Name:       "vit_base_patch16_224",
	Task:       Classify,
	Paper:      vitPaper,
	Size:       224,
	Channels:   3,
	Input:      "RGB in 0…1, normalised to −1…1",
	Preprocess: Preprocess{Short: 248, Crop: [2]int{224, 224}, Filter: picture.Bicubic, Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.5, 0.5, 0.5}},
	Checkpoint: "huggingface.co/timm/vit_base_patch16_224.augreg2_in21k_ft_in1k, model.safetensors",
	Licence:    "Apache-2.0",
	New:        func() models.Network { return models.NewViT(models.ViTConfig{Dim: 768, Depth: 12, Heads: 12}) },
}

// vitDetectorEntry has the sizes of ViT-B/16 and the classes of COCO.
var vitDetectorEntry = Model{
	Name:       "vit_b_16_det",
	Task:       Detect,
	Paper:      vitPaper + ", with linear heads on its patches",
	Size:       224,
	Channels:   3,
	Input:      imageNetPixels,
	Preprocess: Preprocess{Size: [2]int{224, 224}, Mean: models.ImageNetMean, Std: models.ImageNetStd},
	Checkpoint: ownWeights,
	New: func() models.Network {
		return models.NewViTDetector(models.ViTConfig{Dim: 768, Depth: 12, Heads: 12, Classes: 80, AlignCorners: true})
	},
}

// maeSizes are the encoders of the paper.
var maeSizes = map[string]string{"base": "b_16", "large": "l_16", "huge": "h_14"}

// maeConfig is the encoder of a size of the paper.
func maeConfig(size string) models.ViTConfig {
	c, err := models.ViTVariant(maeSizes[size])
	if err != nil {
		panic(err)
	}
	return c
}

// maeName is the reference's name of an encoder.
func maeName(size string) string {
	return fmt.Sprintf("mae_vit_%s_patch%d", size, maeConfig(size).Patch)
}

func maeEntryOf(name string, task Task, checkpoint, hash, licence string, model func() models.Network) Model {
	return Model{
		Name:       name,
		Task:       task,
		Paper:      maePaper,
		Size:       224,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: bicubicInput(256, 224),
		Checkpoint: checkpoint,
		Hash:       hash,
		Licence:    licence,
		New:        model,
	}
}

// maeEntry is an autoencoder with its decoder.
func maeEntry(size, checkpoint, licence string) Model {
	return maeEntryOf(maeName(size), Reconstruct, checkpoint, "", licence, func() models.Network {
		return models.NewMAE(models.MAEConfig{Encoder: maeConfig(size), NormPix: true})
	})
}

// maeEncoderEntry is the encoder of an autoencoder, as its authors publish it.
func maeEncoderEntry(size, hash string) Model {
	file := fmt.Sprintf("%spretrain/mae_pretrain_vit_%s.pth", maeFiles, size)
	return maeEntryOf(maeName(size)+"_encoder", Features, file, "md5:"+hash, maeTerms, func() models.Network {
		return models.NewMAE(models.MAEConfig{Encoder: maeConfig(size), EncoderOnly: true})
	})
}

// maeFinetunedEntry is a classifier that began as an encoder.
func maeFinetunedEntry(size, hash string) Model {
	file := fmt.Sprintf("%sfinetune/mae_finetuned_vit_%s.pth", maeFiles, size)
	return maeEntryOf("mae_finetuned_vit_"+size, Classify, file, "md5:"+hash, maeTerms, func() models.Network {
		c := maeConfig(size)
		c.GlobalPool = true
		return models.NewViT(c)
	})
}
