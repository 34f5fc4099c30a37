package vision

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// ReconstructOptions say which patches are hidden from an autoencoder.
type ReconstructOptions struct {
	// Ratio is the fraction of the patches to hide, less than 1; 0 means ¾, and a
	// negative ratio hides none.
	Ratio float64

	Seed uint64 // selects the patches

	// Pixels says that the decoder was trained to predict pixels. Most decoders
	// predict patches normalised to mean 0 and variance 1. Reconstruct gives these the
	// mean and variance of the picture's patches.
	Pixels bool
}

// Reconstruction is a picture that a masked autoencoder has painted from some of its
// patches. All pictures have the size of the model's input.
type Reconstruction struct {
	Name            string         // of the input
	Original        *picture.Image // at the size of the model's input
	Masked          *picture.Image // the original with grey hidden patches
	Reconstructed   *picture.Image // all patches as the decoder predicts them
	Pasted          *picture.Image // the original with predicted hidden patches
	Patches, Hidden int            // numbers of all patches and of hidden ones
	Loss            float64        // as in training; NaN if no patch is hidden
}

// Reconstruct hides patches of a picture and lets a masked autoencoder predict them.
func (m *Model) Reconstruct(ctx context.Context, o ReconstructOptions, in Input) (*Reconstruction, error) {
	if err := m.For(zoo.Reconstruct); err != nil {
		return nil, err
	}
	net := *m.Network.(*models.MAE) // a copy with the same weights
	switch {
	case o.Ratio == 0:
		o.Ratio = 0.75
	case o.Ratio < 0:
		o.Ratio = 0
	case !(o.Ratio < 1):
		return nil, fmt.Errorf("vision: the ratio of hidden patches is %v, want less than 1", o.Ratio)
	}
	net.MaskRatio, net.NormPix = o.Ratio, !o.Pixels
	p := m.prepare(ctx, in)
	if p.err != nil {
		return nil, p.err
	}
	size := p.size()
	if size[0]%net.Patch != 0 || size[1]%net.Patch != 0 {
		return nil, &InputError{in.Name, fmt.Errorf("the model's input is %d×%d pixels, want multiples of %d", size[1], size[0], net.Patch)}
	}
	n := size[0] / net.Patch * (size[1] / net.Patch)
	keep := int(float64(n) * (1 - o.Ratio))
	if keep < 1 {
		return nil, &InputError{in.Name, fmt.Errorf("a ratio of %v hides all %d patches", o.Ratio, n)}
	}
	key := fmt.Sprint("reconstruct", p.input.Shape, o.Ratio, o.Pixels)
	out, err := m.plans.run(ctx, key, func() (Plan, error) {
		g, err := graph.Trace(func(g *graph.Graph) {
			r := net.Pretrain(g.Input("images", p.input.Shape...), g.Input("noise", 1, n))
			g.Output("pred", r.Pred)
			g.Output("mask", r.Mask)
			if keep < n {
				g.Output("loss", r.Loss)
			}
		})
		if err != nil {
			return nil, err
		}
		return m.compileGraph(g)
	}, p.input, models.MAENoise(o.Seed, 1, n))
	if err == nil {
		err = m.CheckFinite(out...)
	}
	if err != nil {
		return nil, err
	}
	r := &Reconstruction{Name: in.Name, Patches: n, Hidden: n - keep, Loss: math.NaN()}
	if keep < n {
		r.Loss = float64(out[2].Data[0])
	}
	return r, r.paint(m.Preprocess, p.input, net.Patch, o.Pixels, out[0], out[1])
}

// paint makes the pictures. pred [1, N, p²·3] is the decoder's prediction for the
// patches of x, and mask [1, N] is 1 where a patch was hidden.
func (r *Reconstruction) paint(pre zoo.Preprocess, x *tensor.Tensor, patch int, pixels bool, pred, mask *tensor.Tensor) error {
	w := x.Shape[2]
	masked, whole, pasted := tensor.New(x.Shape...), tensor.New(x.Shape...), tensor.New(x.Shape...)
	across, size := w/patch, patch*patch*3
	for i := range mask.Data {
		said := pred.Data[i*size:][:size]
		at := func(k int) int { // the index in the picture of element k of the patch
			return ((i/across*patch+k/(3*patch))*w+i%across*patch)*3 + k%(3*patch)
		}
		mean, scale := 0.0, 1.0
		if !pixels {
			mean, scale = spread(size, func(k int) float64 { return float64(x.Data[at(k)]) })
		}
		for k, v := range said {
			j := at(k)
			whole.Data[j] = float32(float64(v)*scale + mean)
			pasted.Data[j], masked.Data[j] = x.Data[j], x.Data[j]
			if mask.Data[i] != 0 {
				pasted.Data[j] = whole.Data[j]
				masked.Data[j] = pre.Sample(0.5, j%3)
			}
		}
	}
	var errs [4]error
	r.Original, errs[0] = pre.Undo(x)
	r.Masked, errs[1] = pre.Undo(masked)
	r.Reconstructed, errs[2] = pre.Undo(whole)
	r.Pasted, errs[3] = pre.Undo(pasted)
	return errors.Join(errs[:]...)
}

// spread returns the mean of n samples and √(variance + 1e-6), with the unbiased
// variance.
func spread(n int, sample func(int) float64) (mean, deviation float64) {
	for k := range n {
		mean += sample(k) / float64(n)
	}
	variance := 0.0
	for k := range n {
		variance += (sample(k) - mean) * (sample(k) - mean) / float64(n-1)
	}
	return mean, math.Sqrt(variance + 1e-6)
}

// Panels returns the four pictures, for picture.SideBySide.
func (r *Reconstruction) Panels() []picture.Panel {
	return []picture.Panel{
		{Caption: "original", Picture: r.Original},
		{Caption: "masked", Picture: r.Masked},
		{Caption: "reconstructed", Picture: r.Reconstructed},
		{Caption: "pasted", Picture: r.Pasted},
	}
}
