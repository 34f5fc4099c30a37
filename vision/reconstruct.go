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

// ReconstructOptions say what an autoencoder does not see.
type ReconstructOptions struct {
	// Ratio is that of the patches that are hidden, less than 1; 0 means ¾, and
	// below 0 none are hidden.
	Ratio float64

	Seed uint64 // of which patches those are

	// Pixels says that the decoder was trained to say pixels. Most say patches
	// normalised to mean 0 and variance 1; these get the mean and variance of the
	// picture's own patches.
	Pixels bool
}

// Reconstruction is what a masked autoencoder makes of the patches that it sees.
// Pictures are of the size that the model sees.
type Reconstruction struct {
	Name            string         // of the input
	Original        *picture.Image // what the model is shown
	Masked          *picture.Image // hidden patches are grey
	Reconstructed   *picture.Image // what the decoder says of all patches
	Pasted          *picture.Image // the same with the patches that were seen
	Patches, Hidden int            // how many
	Loss            float64        // as in training; not a number if nothing is hidden
}

// Reconstruct hides patches of a picture from a masked autoencoder and has it
// paint them.
func (m *Model) Reconstruct(ctx context.Context, o ReconstructOptions, in Input) (*Reconstruction, error) {
	if err := m.For(zoo.Reconstruct); err != nil {
		return nil, err
	}
	net := *m.Network.(*models.MAE) // shares its weights
	switch {
	case o.Ratio == 0:
		o.Ratio = 0.75
	case o.Ratio < 0:
		o.Ratio = 0
	case !(o.Ratio < 1):
		return nil, fmt.Errorf("vision: a ratio of %v of hidden patches, want less than 1", o.Ratio)
	}
	net.MaskRatio, net.NormPix = o.Ratio, !o.Pixels
	p := m.prepare(in)
	if p.err != nil {
		return nil, p.err
	}
	size := p.size()
	if size[0]%net.Patch != 0 || size[1]%net.Patch != 0 {
		return nil, &InputError{in.Name, fmt.Errorf("seen at %d×%d pixels, want multiples of %d", size[1], size[0], net.Patch)}
	}
	n := size[0] / net.Patch * (size[1] / net.Patch)
	keep := int(float64(n) * (1 - o.Ratio))
	if keep < 1 {
		return nil, &InputError{in.Name, fmt.Errorf("a ratio of %v leaves none of %d patches", o.Ratio, n)}
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
	if err != nil {
		return nil, err
	}
	r := &Reconstruction{Name: in.Name, Patches: n, Hidden: n - keep, Loss: math.NaN()}
	if keep < n {
		r.Loss = float64(out[2].Data[0])
	}
	return r, r.paint(m.Preprocess, p.input, net.Patch, o.Pixels, out[0], out[1])
}

// paint makes the pictures of what the decoder says, pred [1, N, p²·3], of the
// patches of x, and of mask [1, N], 1 where a patch was hidden.
func (r *Reconstruction) paint(pre zoo.Preprocess, x *tensor.Tensor, patch int, pixels bool, pred, mask *tensor.Tensor) error {
	w := x.Shape[2]
	masked, whole, pasted := tensor.New(x.Shape...), tensor.New(x.Shape...), tensor.New(x.Shape...)
	across, size := w/patch, patch*patch*3
	for i := range mask.Data {
		said := pred.Data[i*size:][:size]
		at := func(k int) int { // where element k of the patch lies in the picture
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

// spread is the mean of n samples and √(variance + 1e-6), unbiased.
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

// Panels are the four pictures, for picture.SideBySide.
func (r *Reconstruction) Panels() []picture.Panel {
	return []picture.Panel{
		{Caption: "original", Picture: r.Original},
		{Caption: "masked", Picture: r.Masked},
		{Caption: "reconstructed", Picture: r.Reconstructed},
		{Caption: "pasted", Picture: r.Pasted},
	}
}
