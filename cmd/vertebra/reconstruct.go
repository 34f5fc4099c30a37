package main

import (
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newReconstruct(s *settings) *cobra.Command {
	r := &reconstruct{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "reconstruct IMAGE --weights FILE -o OUT.png",
		Short: "Let a masked autoencoder paint hidden patches",
		Long: `Hides patches of a picture, lets a masked autoencoder (MAE, arXiv:2111.06377) predict
them, and draws four panels: the picture, the visible patches, the prediction of all
patches, and the prediction with the visible patches pasted in. FILE must include a
decoder.

Most autoencoders predict patches normalised to mean 0 and variance 1. These are drawn
with the mean and variance of the picture's patches. Give --norm-pix=false for an
autoencoder that was trained to predict pixels.`,
		Example: `  vertebra reconstruct photo.jpg --weights mae_pretrain_vit_base_full.pth -o painted.png
  vertebra reconstruct photo.jpg --weights mae_visualize_vit_large.pth --norm-pix=false --ratio 0.5 --seed 7 -o painted.png`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return r.run(c, args[0]) },
	}
	f := c.Flags()
	f.StringVar(&r.weights, "weights", "", "checkpoint with encoder and decoder, PyTorch or safetensors")
	r.pullFlag(c)
	keyFlag(c, &r.key)
	f.StringVar(&r.name, "model", "", "model of the checkpoint, an autoencoder (default: the model that it fits)")
	f.Float64Var(&r.ratio, "ratio", 0.75, "fraction of hidden patches, from 0 to less than 1")
	f.Uint64Var(&r.seed, "seed", 0, "selects the hidden patches: the same ones for the same seed")
	f.BoolVar(&r.normPix, "norm-pix", true, "the decoder predicts normalised patches")
	f.StringVarP(&r.path, "output", "o", "", "picture to write, .png")
	r.jsonFlag(c)
	r.sizeFlag(c)
	c.MarkFlagRequired("output")
	c.MarkFlagFilename("weights", "pth", "pt", "th", "safetensors")
	c.MarkFlagFilename("output", "png")
	modelFlag(c, ofTask(zoo.Reconstruct))
	return c
}

type reconstruct struct {
	modelFlags
	name, path string
	ratio      float64
	seed       uint64
	normPix    bool
}

// reconstructed is the JSON output for a picture.
type reconstructed struct {
	File    string   `json:"file"`
	Output  string   `json:"output"`
	Model   string   `json:"model"`
	Patches int      `json:"patches"`
	Hidden  int      `json:"hidden"`
	Seed    uint64   `json:"seed"`
	Loss    *float64 `json:"loss,omitempty"` // as in training; absent if nothing is hidden
}

// model returns the autoencoder: the flag's, or the model that the checkpoint fits.
func (r *reconstruct) model(c *cobra.Command) (zoo.Model, error) {
	if r.name != "" {
		return lookup(r.name)
	}
	if err := r.locateFor(c, zoo.Reconstruct); err != nil {
		return zoo.Model{}, err
	}
	m, err := zoo.Identify(r.weights, r.key)
	return m, withKey(err)
}

func (r *reconstruct) run(c *cobra.Command, in string) error {
	if err := checkPNG(r.path); err != nil {
		return err
	}
	if !(r.ratio >= 0 && r.ratio < 1) {
		return fmt.Errorf("--ratio %v, want 0 to less than 1", r.ratio)
	}
	entry, err := r.model(c)
	if err != nil {
		return err
	}
	m, err := r.openEntry(c, entry, zoo.Reconstruct)
	if err != nil {
		return err
	}
	defer m.Close()
	o := vision.ReconstructOptions{Ratio: r.ratio, Seed: r.seed, Pixels: !r.normPix}
	if r.ratio == 0 {
		o.Ratio = -1
	}
	made, err := m.Reconstruct(c.Context(), o, input(c, in))
	if err != nil {
		return err
	}
	if err := r.savePNG(r.path, picture.SideBySide(made.Panels()...)); err != nil {
		return err
	}
	told := reconstructed{in, r.path, m.Name, made.Patches, made.Hidden, r.seed, nil}
	if !math.IsNaN(made.Loss) {
		told.Loss = &made.Loss
	}
	switch {
	case r.json:
		return printJSON(r.out, told)
	case r.quiet:
		return nil
	}
	fmt.Fprintf(r.out, "device: %v\n%s: %d of %d patches of %s hidden from %s, seed %d\n", m.Device(), files.Quote(r.path), told.Hidden, told.Patches, files.Quote(in), m.Name, r.seed)
	if told.Loss != nil {
		fmt.Fprintf(r.out, "loss %.4f\n", *told.Loss)
	}
	return nil
}
