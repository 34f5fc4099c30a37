package zoo

import (
	"fmt"
	"slices"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
)

// CLIPMean and CLIPStd are the mean and standard deviation of CLIP's preprocessing.
var (
	CLIPMean = [3]float32{0.48145466, 0.4578275, 0.40821073}
	CLIPStd  = [3]float32{0.26862954, 0.26130258, 0.27577711}
)

// Preprocess says how pictures are prepared for a model. The steps are, in this order:
// convert to grey or RGB, cut out a digit, resize, crop, exchange red and blue, scale to
// 0…1, normalise, pad.
type Preprocess struct {
	Grey  bool // one channel instead of three
	Digit bool // with Grey: cut out a digit, see picture.CutDigit
	BGR   bool // the channels are blue, green and red

	// At most one of these is set. Short is the size of the shorter side and Long
	// that of the longer side, where the other side keeps the proportions. So does
	// Inside, the height and width into which the picture has to fit. Size is the
	// height and width.
	Short, Long  int
	Inside, Size [2]int
	Filter       picture.Filter

	Crop      [2]int     // height and width; zero means no crop
	Corner    bool       // Crop keeps the upper left corner instead of the centre
	Fill      [3]uint8   // colour of what Crop adds to a smaller picture
	Mean, Std [3]float32 // by channel; Mean is subtracted, then Std divides; zero Std means neither
	Bytes     bool       // samples stay in 0…255, and so do Mean and Std
	Peak      bool       // the largest sample of the picture counts as 255
	Pad       [2]int     // height and width to which zeros are added below and to the right
}

// Apply returns the model's input [1, height, width, channels] for a picture, and the
// transform that maps points of the picture to it.
func (p Preprocess) Apply(m *picture.Image) (*tensor.Tensor, picture.Transform, error) {
	m, at, err := p.Picture(m)
	if err != nil {
		return nil, at, err
	}
	t := m.Tensor()
	if p.BGR && m.Channels == 3 {
		exchange(t)
	}
	white := float32(255)
	if p.Peak {
		if most := slices.Max(t.Data); most > 0 {
			white = most
		}
	}
	for i, v := range t.Data {
		switch {
		case !p.Bytes:
			v /= white
		case p.Peak:
			v *= 255 / white
		}
		t.Data[i] = p.normalised(v, i%m.Channels)
	}
	if p.Pad == ([2]int{}) || p.Pad == [2]int{m.Height, m.Width} {
		return t, at, nil
	}
	if m.Height > p.Pad[0] || m.Width > p.Pad[1] {
		return nil, at, fmt.Errorf("image %v is larger than the padded size %d×%d", m, p.Pad[1], p.Pad[0])
	}
	padded := tensor.New(1, p.Pad[0], p.Pad[1], m.Channels)
	row := m.Width * m.Channels
	for y := range m.Height {
		copy(padded.Data[y*p.Pad[1]*m.Channels:], t.Data[y*row:(y+1)*row])
	}
	return padded, at, nil
}

// exchange swaps the first and the last of three channels.
func exchange(t *tensor.Tensor) {
	for i := 0; i+2 < len(t.Data); i += 3 {
		t.Data[i], t.Data[i+2] = t.Data[i+2], t.Data[i]
	}
}

func (p Preprocess) normalised(v float32, channel int) float32 {
	if p.Std == ([3]float32{}) {
		return v
	}
	return (v - p.Mean[channel]) / p.Std[channel]
}

// Sample returns the number that the model gets for a sample in 0…1 of a channel.
func (p Preprocess) Sample(v float32, channel int) float32 {
	if p.Bytes {
		v *= 255
	}
	return p.normalised(v, channel)
}

// Unsample returns the sample in 0…1 for which Sample gives a number.
func (p Preprocess) Unsample(v float32, channel int) float32 {
	if p.Std != ([3]float32{}) {
		v = v*p.Std[channel] + p.Mean[channel]
	}
	if p.Bytes {
		v /= 255
	}
	return v
}

// Undo returns the picture from which Apply made x [1, H, W, 1 or 3], as it was after
// the crop.
func (p Preprocess) Undo(x *tensor.Tensor) (*picture.Image, error) {
	t, channels := tensor.New(x.Shape...), x.Shape[len(x.Shape)-1]
	for i, v := range x.Data {
		if c := i % channels; p.Std != ([3]float32{}) {
			v = v*p.Std[c] + p.Mean[c]
		}
		t.Data[i] = v
	}
	if p.BGR && channels == 3 {
		exchange(t)
	}
	if p.Bytes {
		return picture.FromTensor(t, 1)
	}
	return picture.FromTensor(t, 255)
}

// Picture applies the steps up to the crop, whose result is still a picture.
func (p Preprocess) Picture(m *picture.Image) (*picture.Image, picture.Transform, error) {
	at := picture.Identity()
	if m.Width < 1 || m.Height < 1 {
		return nil, at, fmt.Errorf("image %v is empty", m)
	}
	if p.Grey {
		m = m.Grey()
	} else {
		m = m.RGB()
	}
	if p.Digit && p.Grey {
		m, at = picture.CutDigit(m)
	}
	width, height := p.resized(m)
	if width < 1 || height < 1 || width*height > picture.MaxPixels {
		return nil, at, fmt.Errorf("image %v cannot be resized to %d×%d", m, width, height)
	}
	if width != m.Width || height != m.Height {
		at = at.Then(picture.Scale(float32(width)/float32(m.Width), float32(height)/float32(m.Height)))
		m = m.Resize(width, height, p.Filter)
	}
	if p.Crop != ([2]int{}) && p.Crop != [2]int{m.Height, m.Width} {
		whole := m
		var x, y int
		if p.Corner {
			m = m.Crop(0, 0, p.Crop[1], p.Crop[0])
		} else {
			m, x, y = m.CenterCrop(p.Crop[1], p.Crop[0])
		}
		p.fill(m, whole, x, y)
		at = at.Then(picture.Shift(float32(-x), float32(-y)))
	}
	return m, at, nil
}

// fill paints the pixels of the crop m that are outside whole. The crop's upper left
// corner is pixel (x, y) of whole.
func (p Preprocess) fill(m, whole *picture.Image, x, y int) {
	if p.Fill == ([3]uint8{}) || x >= 0 && y >= 0 && x+m.Width <= whole.Width && y+m.Height <= whole.Height {
		return
	}
	for i := 0; i < len(m.Pix); i += m.Channels {
		column, row := x+i/m.Channels%m.Width, y+i/m.Channels/m.Width
		if column < 0 || row < 0 || column >= whole.Width || row >= whole.Height {
			copy(m.Pix[i:i+m.Channels], p.Fill[:])
		}
	}
}

// resized returns the size of m after the resize. The other side is rounded down with
// Short, as in torchvision, and rounded to the nearest integer with Long, as in SAM.
func (p Preprocess) resized(m *picture.Image) (width, height int) {
	switch {
	case p.Short > 0 && m.Width <= m.Height:
		return p.Short, p.Short * m.Height / m.Width
	case p.Short > 0:
		return p.Short * m.Width / m.Height, p.Short
	case p.Long > 0:
		return picture.LongestSide(m.Width, m.Height, p.Long)
	case p.Inside != [2]int{}:
		scale := min(float64(p.Inside[0])/float64(m.Height), float64(p.Inside[1])/float64(m.Width))
		fit := func(n, most int) int { return max(1, min(int(float64(n)*scale+0.5), most)) }
		return fit(m.Width, p.Inside[1]), fit(m.Height, p.Inside[0])
	case p.Size != [2]int{}:
		return p.Size[1], p.Size[0]
	}
	return m.Width, m.Height
}

// CLIPPreprocess returns OpenAI's preprocessing for a CLIP with images of size×size
// pixels.
func CLIPPreprocess(size int) Preprocess {
	return Preprocess{Short: size, Filter: picture.Bicubic, Crop: [2]int{size, size}, Mean: CLIPMean, Std: CLIPStd}
}

// SAMPreprocess returns the preprocessing for SAM. It resizes the longer side to size,
// the encoder's size, and adds zeros below or to the right.
func SAMPreprocess(size int) Preprocess {
	p := Preprocess{Long: size, Bytes: true, Pad: [2]int{size, size}}
	p.Mean = [3]float32{123.675, 116.28, 103.53}
	p.Std = [3]float32{58.395, 57.12, 57.375}
	return p
}
