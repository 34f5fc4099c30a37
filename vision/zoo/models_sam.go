package zoo

import "github.com/vertebra/vertebra/models"

// samModel returns the model of one of SAM's official files. As a models.Network it
// is the image encoder; vision.SAMPredictor does the rest.
func samModel(size, file string, bytes int64, sha256 string) Model {
	c, err := models.SAMNamed(size)
	if err != nil {
		panic(err)
	}
	return Model{
		Name:       "sam_" + size,
		Task:       PromptMasks,
		Paper:      "Kirillov et al., Segment Anything, arXiv:2304.02643",
		Size:       1024,
		Channels:   3,
		Input:      "RGB in 0…255, normalised with ImageNet's mean and standard deviation of those",
		Preprocess: SAMPreprocess(1024),
		Files: []File{{
			URL:    "https://dl.fbaipublicfiles.com/segment_anything/" + file,
			Bytes:  bytes,
			SHA256: sha256,
			Terms:  "Apache-2.0",
		}},
		New: func() models.Network { return models.NewSAM(c) },
	}
}
