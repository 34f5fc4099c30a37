package main

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

func newReconstruct(s *settings) *cobra.Command {
	r := &reconstruct{network: network{settings: s}}
	c := &cobra.Command{
		Use:   "reconstruct IMAGE --weights FILE -o OUT.png",
		Short: "Paint what a masked autoencoder does not see of a picture",
		Long: `Hides patches of a picture from a masked autoencoder (MAE, arXiv:2111.06377) and
draws four panels: the picture, what is left of it, what the decoder makes of that,
and the same with what is left pasted in. FILE needs a decoder.

Most autoencoders say patches normalised to mean 0 and variance 1; these are drawn
with the mean and variance of the picture's own patches. For one that was trained
on pixels, say --norm-pix=false.`,
		Example: `  vertebra reconstruct photo.jpg --weights mae_pretrain_vit_base_full.pth -o painted.png
  vertebra reconstruct photo.jpg --weights mae_visualize_vit_large.pth --norm-pix=false --ratio 0.5 --seed 7 -o painted.png`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return r.run(c, args[0]) },
	}
	f := c.Flags()
	f.StringVar(&r.weights, "weights", "", "checkpoint of an encoder and a decoder, PyTorch or safetensors")
	f.StringVar(&r.name, "model", "", "which autoencoder it is of (default: the one that it fits)")
	f.Float64Var(&r.ratio, "ratio", 0.75, "of the patches that are hidden, from 0 to less than 1")
	f.Uint64Var(&r.seed, "seed", 0, "which patches: the same ones for the same seed")
	f.BoolVar(&r.normPix, "norm-pix", true, "the decoder says normalised patches")
	f.StringVarP(&r.path, "output", "o", "", "picture to write, .png")
	f.BoolVar(&r.json, "json", false, "print a JSON object")
	r.pictureFlags(c)
	c.MarkFlagRequired("output")
	c.MarkFlagFilename("weights", "pth", "pt", "th", "safetensors")
	c.MarkFlagFilename("output", "png")
	modelFlag(c, ofTask(zoo.Reconstruct))
	return c
}

type reconstruct struct {
	network
	name, path string
	ratio      float64
	seed       uint64
	normPix    bool
	json       bool
}

// reconstructed is what is told of a picture.
type reconstructed struct {
	File    string   `json:"file"`
	Output  string   `json:"output"`
	Model   string   `json:"model"`
	Patches int      `json:"patches"`
	Hidden  int      `json:"hidden"`
	Seed    uint64   `json:"seed"`
	Loss    *float64 `json:"loss,omitempty"` // as in training; absent if nothing is hidden
}

// fitting is the autoencoder that a checkpoint fits best.
func fitting(path string) (string, error) {
	src, err := weights.Open(path)
	if err != nil {
		return "", err
	}
	defer src.Close()
	best, most := "", 0
	for _, e := range zoo.ModelsFor(zoo.Reconstruct) {
		if fit := weights.Compare(e.New(), src); fit.Matched > most {
			best, most = e.Name, fit.Matched
		}
	}
	if best == "" {
		return "", fmt.Errorf("%s: fits no autoencoder: there are %s", path, strings.Join(namesOf(ofTask(zoo.Reconstruct)), ", "))
	}
	return best, nil
}

func (r *reconstruct) run(c *cobra.Command, in string) error {
	if err := checkPNG(r.path); err != nil {
		return err
	}
	if !(r.ratio >= 0 && r.ratio < 1) {
		return fmt.Errorf("--ratio %v, want 0 to less than 1", r.ratio)
	}
	name := r.name
	if name != "" {
		e, err := lookup(name)
		if err != nil {
			return err
		}
		if err := checkTask(c, e, zoo.Reconstruct); err != nil {
			return err
		}
	} else {
		if r.weights == "" {
			return wantWeights(c, zoo.Reconstruct)
		}
		var err error
		if name, err = fitting(r.weights); err != nil {
			return err
		}
	}
	if err := r.load(c, name); err != nil {
		return err
	}
	m := r.model.(*models.MAE)
	m.Seed, m.MaskRatio, m.NormPix = r.seed, r.ratio, r.normPix
	p := r.read(in)
	if p.err != nil {
		return p.err
	}
	if h, w := p.input.Shape[1], p.input.Shape[2]; h%m.Patch != 0 || w%m.Patch != 0 {
		return fmt.Errorf("%s is seen at %d×%d pixels, want multiples of %d", in, w, h, m.Patch)
	}
	n := p.input.Shape[1] / m.Patch * (p.input.Shape[2] / m.Patch)
	keep := int(float64(n) * (1 - r.ratio))
	if keep < 1 {
		return fmt.Errorf("--ratio %v leaves none of %d patches", r.ratio, n)
	}
	dev, err := r.open()
	if err != nil {
		return err
	}
	defer dev.close()
	run := &runner{network: &r.network, dev: dev}
	defer run.close()
	outputs, err := run.run(c.Context(), []*photo{p})
	if err != nil {
		return err
	}
	told := reconstructed{in, r.path, name, n, n - keep, r.seed, nil}
	named := map[string]*tensor.Tensor{}
	for _, o := range outputs {
		named[o.Name] = o
	}
	if l := named["loss"]; l != nil && keep < n {
		loss := float64(l.Data[0])
		told.Loss = &loss
	}
	panels, err := r.panels(p, m.Patch, named["pred"], named["mask"])
	if err != nil {
		return err
	}
	if err := writePNG(r.path, picture.SideBySide(panels...)); err != nil {
		return err
	}
	switch {
	case r.json:
		return printJSON(r.out, told)
	case r.quiet:
		return nil
	}
	fmt.Fprintf(r.out, "device: %v\n%s: %d of %d patches of %s hidden from %s, seed %d\n", dev, r.path, told.Hidden, n, in, name, r.seed)
	if told.Loss != nil {
		fmt.Fprintf(r.out, "loss %.4f\n", *told.Loss)
	}
	return nil
}

// panels draws what the decoder says, pred [1, N, p²·3], of the patches of a
// picture, and mask [1, N], 1 where a patch was hidden.
func (r *reconstruct) panels(p *photo, patch int, pred, mask *tensor.Tensor) ([]picture.Panel, error) {
	if pred == nil || mask == nil {
		return nil, errors.New("the model gives no patches")
	}
	x, w := p.input, p.input.Shape[2]
	masked, whole, pasted := tensor.New(x.Shape...), tensor.New(x.Shape...), tensor.New(x.Shape...)
	across, size := w/patch, patch*patch*3
	for i := range mask.Data {
		said := pred.Data[i*size:][:size]
		at := func(k int) int { // where element k of the patch lies in the picture
			return ((i/across*patch+k/(3*patch))*w+i%across*patch)*3 + k%(3*patch)
		}
		mean, scale := 0.0, 1.0
		if r.normPix {
			mean, scale = ofPatch(size, func(k int) float64 { return float64(x.Data[at(k)]) })
		}
		for k, v := range said {
			j := at(k)
			whole.Data[j] = float32(float64(v)*scale + mean)
			pasted.Data[j], masked.Data[j] = x.Data[j], x.Data[j]
			if mask.Data[i] != 0 {
				pasted.Data[j] = whole.Data[j]
				masked.Data[j] = r.raw(0.5, j%3)
			}
		}
	}
	var all []picture.Panel
	for i, t := range []*tensor.Tensor{x, masked, whole, pasted} {
		m, err := r.picture(t)
		if err != nil {
			return nil, err
		}
		all = append(all, picture.Panel{Caption: []string{"original", "masked", "reconstructed", "pasted"}[i], Picture: m})
	}
	return all, nil
}

// ofPatch is the mean of n samples and √(variance + 1e-6), unbiased.
func ofPatch(n int, sample func(int) float64) (mean, deviation float64) {
	for k := range n {
		mean += sample(k) / float64(n)
	}
	variance := 0.0
	for k := range n {
		variance += (sample(k) - mean) * (sample(k) - mean) / float64(n-1)
	}
	return mean, math.Sqrt(variance + 1e-6)
}

// raw is what a sample of 0…1 of a channel is for the model.
func (n *network) raw(v float32, channel int) float32 {
	if p := n.entry.Preprocess; p.Std != ([3]float32{}) {
		v = (v - p.Mean[channel]) / p.Std[channel]
	}
	return v
}

// picture is an input of the model [1, H, W, 3] as a picture again.
func (n *network) picture(x *tensor.Tensor) (*picture.Image, error) {
	t := tensor.New(x.Shape...)
	for i, v := range x.Data {
		if p := n.entry.Preprocess; p.Std != ([3]float32{}) {
			v = v*p.Std[i%3] + p.Mean[i%3]
		}
		t.Data[i] = v
	}
	return picture.FromTensor(t, 255)
}
