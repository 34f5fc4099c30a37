package zoo

import (
	"strings"

	"github.com/vertebra/vertebra/models"
)

// clipModel returns the model of one of OpenAI's CLIP files, a TorchScript archive
// with 16-bit weights. As a models.Network it is the image tower; *models.CLIP also
// has the text tower.
func clipModel(name, file string, bytes int64, sha256 string) Model {
	c, err := models.CLIPNamed(name)
	if err != nil {
		panic(err)
	}
	return Model{
		Name:       "clip_" + strings.NewReplacer("-", "_", "/", "", "@", "_").Replace(strings.ToLower(name)),
		Task:       Embed,
		Paper:      "Radford et al., Learning Transferable Visual Models From Natural Language Supervision, arXiv:2103.00020",
		Size:       c.Size,
		Channels:   3,
		Input:      "RGB in 0…1, normalised with CLIP's mean and deviation",
		Preprocess: CLIPPreprocess(c.Size),
		Files: []File{{
			URL:    "https://openaipublic.azureedge.net/clip/models/" + sha256 + "/" + file,
			Bytes:  bytes,
			SHA256: sha256,
			Terms:  "MIT",
		}},
		New: func() models.Network { return models.NewCLIP(c) },
	}
}
