package vision

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/weights"
)

// SaveEmbedding writes the embedding of the picture that SetImage was given, with
// fingerprints of the picture and the model.
func (p *SAMPredictor) SaveEmbedding(ctx context.Context, path string) error {
	if p.image == nil || p.image.picture == nil {
		return errors.New("sam: no embedding to save: no picture has been set")
	}
	e, err := p.Embedding(ctx)
	if err != nil {
		return err
	}
	features := &tensor.Tensor{Name: "features", Shape: e.Features.Shape, Data: e.Features.Data}
	return weights.WriteSafetensors(path, p.about(p.image.picture), features)
}

// LoadEmbedding sets picture m from the embedding that SaveEmbedding wrote for the
// same picture and model. If there is no file, the error is fs.ErrNotExist.
func (p *SAMPredictor) LoadEmbedding(path string, m *picture.Image) error {
	f, err := weights.OpenSafetensors(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if f.Metadata["model"] == "" || f.Metadata["picture"] == "" {
		return fmt.Errorf("%s: not the embedding of a picture", files.Quote(path))
	}
	for what, want := range p.about(m) {
		if f.Metadata[what] != want {
			return fmt.Errorf("%s: the embedding belongs to another %s: delete it, or name another file", files.Quote(path), what)
		}
	}
	features, err := f.Tensor("features")
	if err != nil {
		return files.Named(path, err)
	}
	if err := p.SetEmbedding(&SAMEmbedding{Features: features, Width: m.Width, Height: m.Height}); err != nil {
		return files.Named(path, err)
	}
	p.image.picture = m
	return nil
}

// about returns the fingerprints of the model and of picture m.
func (p *SAMPredictor) about(m *picture.Image) map[string]string {
	h := sha256.New()
	fmt.Fprintln(h, m.Width, m.Height, m.Channels)
	h.Write(m.Pix)
	return map[string]string{
		"model":   fmt.Sprintf("%x", weights.Fingerprint(p.model.Encoder, strings.Replace(fmt.Sprintf("%+v", p.prepare), " Fill:[0 0 0]", "", 1))),
		"picture": fmt.Sprintf("%x", h.Sum(nil)),
	}
}

// SaveLogits writes the logits of mask n to a .safetensors file. A later prompt can
// start from them.
func (m *SAMMasks) SaveLogits(path string, n int) error {
	side := m.LowRes.Shape[1]
	t := tensor.Of(m.LowRes.Data[n*side*side:][:side*side], side, side)
	t.Name = "mask"
	return weights.WriteSafetensors(path, nil, t)
}

// LoadMask reads a mask from which a prompt for picture m starts. The file is one
// that SaveLogits wrote or a picture of m's size in which the object is white.
func (p *SAMPredictor) LoadMask(path string, m *picture.Image) (*tensor.Tensor, error) {
	if strings.ToLower(filepath.Ext(path)) == ".safetensors" {
		f, err := weights.OpenSafetensors(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		t, err := f.Tensor("mask")
		if err != nil {
			return nil, files.Named(path, err)
		}
		if side := 4 * p.model.Grid(); !t.Shape.Equal(tensor.Shape{side, side}) {
			return nil, fmt.Errorf("%s: the mask is %v, but the model wants [%d, %d]", files.Quote(path), t.Shape, side, side)
		}
		return t, nil
	}
	mask, err := picture.Load(path)
	if err != nil {
		return nil, err
	}
	if mask.Width != m.Width || mask.Height != m.Height {
		return nil, fmt.Errorf("%s: the mask is %d×%d, but the picture is %d×%d", files.Quote(path), mask.Width, mask.Height, m.Width, m.Height)
	}
	return p.StartMask(mask), nil
}

// StartMask turns a picture in which the object is white into a SAMPrompt's Mask. The
// picture must have the size of the one to cut from. StartMask resizes and pads it
// like the encoder's input.
func (p *SAMPredictor) StartMask(mask *picture.Image) *tensor.Tensor {
	const white = 8 // logit
	side := 4 * p.model.Grid()
	w, h := picture.LongestSide(mask.Width, mask.Height, side)
	mask = mask.Grey().Resize(max(w, 1), max(h, 1), picture.Bilinear)
	t := tensor.New(side, side)
	for i := range t.Data {
		t.Data[i] = -white
	}
	for y := range mask.Height {
		for x := range mask.Width {
			t.Data[y*side+x] = (float32(mask.Pix[y*mask.Width+x])/127.5 - 1) * white
		}
	}
	return t
}
