package models

import (
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
)

// SAMPromptEncoder is SAM's prompt encoder. A point or a corner of a box becomes
// the random Fourier features of its place plus an embedding of its label. A mask
// goes through convolutions.
type SAMPromptEncoder struct {
	Gaussian *tensor.Tensor  `weight:"pe_layer.positional_encoding_gaussian_matrix"` // [2, C/2]
	Points   []*samEmbedding `weight:"point_embeddings"`                             // background, foreground, upper left, lower right
	NoPoint  *samEmbedding   `weight:"not_a_point_embed"`
	NoMask   *samEmbedding   `weight:"no_mask_embed"`

	Down1 *layers.Conv2d    `weight:"mask_downscaling.0"`
	Norm1 *layers.LayerNorm `weight:"mask_downscaling.1"`
	Down2 *layers.Conv2d    `weight:"mask_downscaling.3"`
	Norm2 *layers.LayerNorm `weight:"mask_downscaling.4"`
	Conv  *layers.Conv2d    `weight:"mask_downscaling.6"`
}

// samEmbedding is a table of rows.
type samEmbedding struct {
	Weight *tensor.Tensor `weight:"weight"` // [rows, channels]
}

func newSAMEmbedding(rows, channels int) *samEmbedding {
	return &samEmbedding{tensor.Declare(rows, channels)}
}

func newSAMPromptEncoder(c SAMConfig) *SAMPromptEncoder {
	n, half := c.Channels, graph.Conv2d{Stride: graph.Both(2)}
	m := &SAMPromptEncoder{
		Gaussian: tensor.Declare(2, n/2),
		NoPoint:  newSAMEmbedding(1, n),
		NoMask:   newSAMEmbedding(1, n),
		Down1:    layers.NewConv2d(1, c.MaskChannels/4, graph.Both(2), half),
		Norm1:    samNorm(c.MaskChannels / 4),
		Down2:    layers.NewConv2d(c.MaskChannels/4, c.MaskChannels, graph.Both(2), half),
		Norm2:    samNorm(c.MaskChannels),
		Conv:     layers.NewConv2d(c.MaskChannels, n, graph.Both(1), graph.Conv2d{}),
	}
	for range 4 {
		m.Points = append(m.Points, newSAMEmbedding(1, n))
	}
	return m
}

// The labels of points in a prompt, with SAM's numbers.
const (
	NoPoint    = -1 // padding of a prompt without a box
	Background = 0
	Foreground = 1
	upperLeft  = 2
	lowerRight = 3
)

// Sparse encodes points with labels (Foreground, Background or NoPoint) and a box,
// which may be nil, in an image of size×size pixels. The result is [T, C], with one
// row of padding if there is no box. It is nil without points and box.
func (m *SAMPromptEncoder) Sparse(points [][2]float32, labels []int, box *[4]float32, size int) *tensor.Tensor {
	var rows []float32
	n := 2 * m.Gaussian.Shape[1]
	add := func(x, y float32, label int) {
		rows = append(rows, make([]float32, n)...)
		m.encode(rows[len(rows)-n:], x, y, label, size)
	}
	for i, at := range points {
		add(at[0], at[1], labels[i])
	}
	if box != nil {
		add(box[0], box[1], upperLeft)
		add(box[2], box[3], lowerRight)
	} else if len(points) > 0 {
		add(0, 0, NoPoint)
	}
	if rows == nil {
		return nil
	}
	return tensor.Of(rows, len(rows)/n, n)
}

// encode writes the features of a point in an image of size×size pixels to row.
func (m *SAMPromptEncoder) encode(row []float32, x, y float32, label, size int) {
	if label == NoPoint {
		copy(row, m.NoPoint.Weight.Data)
		return
	}
	m.fourier(row, (float64(x)+0.5)/float64(size), (float64(y)+0.5)/float64(size))
	for i, v := range m.Points[label].Weight.Data {
		row[i] += v
	}
}

// fourier writes the random Fourier features of a point in the unit square to row:
// the sines and then the cosines of its product with a matrix.
func (m *SAMPromptEncoder) fourier(row []float32, x, y float64) {
	half := m.Gaussian.Shape[1]
	for i := range half {
		at := (2*x-1)*float64(m.Gaussian.Data[i]) + (2*y-1)*float64(m.Gaussian.Data[half+i])
		sin, cos := math.Sincos(2 * math.Pi * at)
		row[i], row[half+i] = float32(sin), float32(cos)
	}
}

// Positions returns the features of the centres of a grid×grid map, [1, grid, grid,
// C]. Before the weights are bound it returns a declared tensor.
func (m *SAMPromptEncoder) Positions(grid int) *tensor.Tensor {
	n := 2 * m.Gaussian.Shape[1]
	if !m.Gaussian.Bound() {
		return tensor.Declare(1, grid, grid, n)
	}
	t := tensor.New(1, grid, grid, n)
	tensor.Parallel(grid, func(y int) {
		for x := range grid {
			m.fourier(t.Data[(y*grid+x)*n:][:n], (float64(x)+0.5)/float64(grid), (float64(y)+0.5)/float64(grid))
		}
	})
	return t
}

// Dense encodes masks [B, 4·grid, 4·grid, 1], the logits for an earlier prompt, as
// [B, grid, grid, C].
func (m *SAMPromptEncoder) Dense(mask *graph.Value) *graph.Value {
	x := m.Norm1.Forward(m.Down1.Forward(mask)).GELU()
	x = m.Norm2.Forward(m.Down2.Forward(x)).GELU()
	return m.Conv.Forward(x)
}
