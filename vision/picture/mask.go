package picture

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Mask is a picture with pixels that are on or off, without gaps between rows.
type Mask struct {
	Width, Height int
	On            []bool
}

// NewMask returns a mask with all pixels off.
func NewMask(width, height int) *Mask {
	return &Mask{width, height, make([]bool, width*height)}
}

// Masks turns logits [.., H, W] into masks. A pixel is on if its logit is above
// threshold.
func Masks(logits *tensor.Tensor, threshold float32) []*Mask {
	rank := len(logits.Shape)
	h, w := logits.Shape[rank-2], logits.Shape[rank-1]
	masks := make([]*Mask, len(logits.Data)/(h*w))
	for k := range masks {
		masks[k] = NewMask(w, h)
		for i, v := range logits.Data[k*h*w : (k+1)*h*w] {
			masks[k].On[i] = v > threshold
		}
	}
	return masks
}

// Image returns the mask as a grey picture. Pixels that are on are white.
func (m *Mask) Image() *Image {
	out := New(m.Width, m.Height, 1)
	for i, on := range m.On {
		if on {
			out.Pix[i] = 255
		}
	}
	return out
}

// Area returns the number of pixels that are on.
func (m *Mask) Area() int {
	n := 0
	for _, on := range m.On {
		if on {
			n++
		}
	}
	return n
}

// Box returns the first and last column and row with pixels that are on, as left,
// top, right, bottom, like SAM's batched_mask_to_box. The box of an empty mask is
// 0, 0, 0, 0.
func (m *Mask) Box() [4]int {
	box := [4]int{m.Width, m.Height, -1, -1}
	for i, on := range m.On {
		if on {
			x, y := i%m.Width, i/m.Width
			box = [4]int{min(box[0], x), min(box[1], y), max(box[2], x), max(box[3], y)}
		}
	}
	if box[2] < 0 {
		return [4]int{}
	}
	return box
}

// RLE is a mask as run lengths, column by column as in COCO: the number of pixels
// off, then on, then off, ….
type RLE struct {
	Size   [2]int `json:"size"` // height and width
	Counts []int  `json:"counts"`
}

// RLE encodes the mask.
func (m *Mask) RLE() RLE {
	r := RLE{Size: [2]int{m.Height, m.Width}}
	on, run := false, 0
	for x := range m.Width {
		for y := range m.Height {
			if m.On[y*m.Width+x] != on {
				r.Counts = append(r.Counts, run)
				on, run = !on, 0
			}
			run++
		}
	}
	r.Counts = append(r.Counts, run)
	return r
}

// Area returns the number of pixels that are on.
func (r RLE) Area() int {
	n := 0
	for i := 1; i < len(r.Counts); i += 2 {
		n += r.Counts[i]
	}
	return n
}

// Mask decodes the run lengths, which must add up to the size.
func (r RLE) Mask() (*Mask, error) {
	h, w := r.Size[0], r.Size[1]
	if h < 1 || w < 1 || h > MaxPixels/w {
		return nil, fmt.Errorf("run lengths: size %d×%d is empty or too large", w, h)
	}
	m, at := NewMask(w, h), 0
	for i, n := range r.Counts {
		if n < 0 || n > w*h-at {
			return nil, fmt.Errorf("run length %d is %d after %d of %d pixels", i, n, at, w*h)
		}
		for ; n > 0; n-- {
			m.On[at%h*w+at/h] = i%2 == 1
			at++
		}
	}
	if at != w*h {
		return nil, fmt.Errorf("run lengths add up to %d of %d pixels", at, w*h)
	}
	return m, nil
}

// FillHoles turns on each connected region of pixels that are off if it has fewer
// than area pixels, like SAM's remove_small_regions in mode "holes". It reports
// whether it changed anything; if not, it returns m itself. Pixels are connected
// along sides and corners.
func (m *Mask) FillHoles(area int) (*Mask, bool) {
	label, sizes := m.regions(false)
	out, changed := NewMask(m.Width, m.Height), false
	for i, l := range label {
		small := l >= 0 && sizes[l] < area
		changed = changed || small
		out.On[i] = m.On[i] || small
	}
	if !changed {
		return m, false
	}
	return out, true
}

// DropIslands turns off each connected region of pixels that are on if it has fewer
// than area pixels, like SAM's remove_small_regions in mode "islands". If all are
// that small, the first of the largest stays. DropIslands reports whether any
// region is that small; if not, it returns m itself.
func (m *Mask) DropIslands(area int) (*Mask, bool) {
	label, sizes := m.regions(true)
	largest, changed := 0, false
	for l, n := range sizes {
		if changed = changed || n < area; n > sizes[largest] {
			largest = l
		}
	}
	if !changed {
		return m, false
	}
	out := NewMask(m.Width, m.Height)
	for i, l := range label {
		out.On[i] = l >= 0 && (sizes[l] >= area || l == largest && sizes[l] < area)
	}
	return out, true
}

// regions numbers the connected regions of pixels that are on (or off), in the
// order of their first pixels, and counts their pixels. The label of other pixels
// is -1.
func (m *Mask) regions(on bool) (label, sizes []int) {
	label = make([]int, len(m.On))
	for i := range label {
		label[i] = -1
	}
	var open []int
	for first := range label {
		if m.On[first] != on || label[first] >= 0 {
			continue
		}
		l := len(sizes)
		sizes = append(sizes, 0)
		label[first], open = l, append(open, first)
		for len(open) > 0 {
			i := open[len(open)-1]
			open = open[:len(open)-1]
			sizes[l]++
			x, y := i%m.Width, i/m.Width
			for v := max(y-1, 0); v <= min(y+1, m.Height-1); v++ {
				for u := max(x-1, 0); u <= min(x+1, m.Width-1); u++ {
					if k := v*m.Width + u; m.On[k] == on && label[k] < 0 {
						label[k], open = l, append(open, k)
					}
				}
			}
		}
	}
	return label, sizes
}
