package zoo

import "github.com/vertebra/vertebra/models"

// srvggModel returns a compact network of Real-ESRGAN with published weights.
func srvggModel(name string, depth int, f File) Model {
	f.URL = "https://github.com/xinntao/Real-ESRGAN/releases/download/v0.2.5.0/" + f.URL
	f.Terms = "BSD-3-Clause"
	return Model{
		Name:     name,
		Task:     SuperResolve,
		Paper:    "Wang et al., Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data, arXiv:2107.10833",
		Size:     256,
		Channels: 3,
		Input:    "RGB in 0…1",
		Files:    []File{f},
		New:      func() models.Network { return models.NewSRVGG(models.SRVGGConfig{Depth: depth}) },
	}
}
