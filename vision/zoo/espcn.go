package zoo

import (
	"fmt"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// espcnModel returns the ESPCN of a scale that has built-in weights.
func espcnModel(scale int) Model {
	return Model{
		Name:     fmt.Sprintf("espcn_x%d", scale),
		Task:     SuperResolve,
		Paper:    "Shi et al., Real-Time Single Image and Video Super-Resolution, arXiv:1609.05158",
		Size:     256,
		Channels: 1,
		Input:    "luminance (Y of JFIF's YCbCr) in 0…1",
		Weights:  func() (weights.Source, error) { return ESPCNWeights(scale) },
		Terms:    "Apache-2.0",
		New:      func() models.Network { return models.NewESPCN(models.ESPCNConfig{Scale: scale}) },
	}
}

// ESPCN returns the ESPCN of a scale, with as many channels as its weights have.
// Scales 2, 3 and 4 have built-in weights. If scale is 0, the weights tell it.
func ESPCN(scale int) Model {
	m := espcnModel(scale)
	switch {
	case scale == 0:
		m.Name = "espcn"
		m.Weights, m.Terms = nil, ""
	case scale < 2 || scale > 4:
		m.Weights, m.Terms = nil, ""
	}
	return m
}

// openESPCN opens an ESPCN with the sizes that its weights have.
func (m *Opened) openESPCN(network *models.ESPCN, classes int, o Options) error {
	if o.Weights == "" || classes != 0 {
		return m.open(network, classes, o)
	}
	src, err := openPart(o.Weights, o.Key, isESPCN)
	if err != nil {
		return err
	}
	defer src.Close()
	loaded, err := models.LoadESPCN(src, network.Scale)
	if err != nil {
		return m.explain(files.Named(o.Weights, err), o)
	}
	m.Network, m.Channels = loaded, loaded.Channels()
	if m.Channels != 1 {
		m.Input = "RGB in 0…1"
	}
	if o.Configure != nil {
		return o.Configure(loaded)
	}
	return nil
}
