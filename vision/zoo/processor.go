package zoo

import (
	"cmp"
	"strings"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/weights"
)

// PreprocessAt returns the preprocessing for the weights at path: e's own, or that in a
// config beside the weights. It reads configs only if path is a folder from Hugging
// Face, a file with the name that it has in such a folder, or a file beside timm's
// config.json.
func PreprocessAt(path string, e Model) (Preprocess, error) {
	b, err := readBeside(path, weights.Map{})
	if err != nil {
		return e.Preprocess, err
	}
	p, _, _, err := b.preprocess(e.New(), e.Size, e.Preprocess)
	return p, err
}

// processors has, by the beginning of the names of the image processors in the
// transformers library, their defaults for a network of size×size pixels.
var processors = []struct {
	name  string
	usual func(size int) Preprocess
}{
	{"ViT", func(size int) Preprocess {
		return Preprocess{Size: [2]int{size, size}, Mean: half, Std: half}
	}},
	{"DeiT", func(size int) Preprocess {
		return Preprocess{Size: [2]int{256, 256}, Crop: [2]int{224, 224}, Filter: picture.Bicubic, Mean: half, Std: half}
	}},
	{"ConvNext", func(size int) Preprocess {
		return Preprocess{Short: 384, Filter: picture.Bilinear, Mean: half, Std: half}
	}},
	{"Bit", func(size int) Preprocess {
		return Preprocess{Short: 224, Crop: [2]int{224, 224}, Filter: picture.Bicubic, Mean: CLIPMean, Std: CLIPStd}
	}},
}

var half = [3]float32{0.5, 0.5, 0.5}

// readProcessor reads the preprocessor_config.json at path for a network of size×size
// pixels.
func readProcessor(path string, network models.Network, size int, usual Preprocess) (Preprocess, error) {
	switch network.(type) {
	case *models.CLIP:
		return readPreprocess(path, "CLIP", usual, size)
	case *models.SAM:
		return readPreprocess(path, "Sam", usual, size)
	}
	c, err := readConfig(path)
	if err != nil {
		return usual, err
	}
	if network == nil { // any kind
		usual = CLIPPreprocess(size)
	}
	kind := cmp.Or(c.text("image_processor_type"), c.text("feature_extractor_type"), "ViT")
	if err := c.err(); err != nil {
		return usual, err
	}
	for _, p := range processors {
		if strings.HasPrefix(kind, p.name) {
			return readPreprocess(path, p.name, p.usual(size), 0)
		}
	}
	if network == nil && strings.HasPrefix(kind, "CLIP") {
		return readPreprocess(path, "CLIP", usual, 0)
	}
	return readPreprocess(path, "ViT", usual, 0) // whose error names kind
}
