package picture

import (
	"math"
	"slices"
)

// digitSide is the height and width of MNIST's pictures.
const digitSide = 28

// mostDigit is how many pixels a digit is sought among. Larger pictures are reduced
// before.
const mostDigit = 1 << 22

// CutDigit prepares a grey picture of one digit like the pictures of MNIST: white
// on black, with a longer side of 20 pixels, and with its centre of mass in the
// middle of 28×28 pixels. The transform maps points of m to the result. A picture
// of this size counts as prepared, and is only inverted if it is dark on light. A
// blank picture is scaled.
func CutDigit(m *Image) (*Image, Transform) {
	if pixels := float64(m.Width) * float64(m.Height); pixels > mostDigit {
		by := math.Sqrt(mostDigit / pixels)
		w, h := max(int(float64(m.Width)*by), 1), max(int(float64(m.Height)*by), 1)
		at := Scale(float32(w)/float32(m.Width), float32(h)/float32(m.Height))
		cut, then := CutDigit(m.Resize(min(w, mostDigit/h), h, Box))
		return cut, at.Then(then)
	}
	ground, dark := m.ground()
	if m.Width == digitSide && m.Height == digitSide {
		if dark {
			m = m.negative()
		}
		return m, Identity()
	}
	ink := m.ink(ground, dark)
	box := ink.digit().Box()
	w, h := box[2]-box[0]+1, box[3]-box[1]+1
	if w < 2 && h < 2 {
		at := Scale(digitSide/float32(m.Width), digitSide/float32(m.Height))
		return ink.Resize(digitSide, digitSide, Bilinear), at
	}
	width, height := LongestSide(w, h, 20)
	width, height = max(width, 1), max(height, 1)
	cut := ink.Crop(box[0], box[1], w, h).Resize(width, height, Bilinear)
	stretch(cut.Pix)

	// The centre of mass moves to 14, 14.
	var sum, sx, sy float64
	for i, p := range cut.Pix {
		sum += float64(p)
		sx += float64(p) * (float64(i%width) + 0.5)
		sy += float64(p) * (float64(i/width) + 0.5)
	}
	left := int(math.Round(digitSide/2 - sx/sum))
	top := int(math.Round(digitSide/2 - sy/sum))
	left, top = min(max(left, 0), digitSide-width), min(max(top, 0), digitSide-height)
	at := Shift(float32(-box[0]), float32(-box[1])).
		Then(Scale(float32(width)/float32(w), float32(height)/float32(h))).
		Then(Shift(float32(left), float32(top)))
	return cut.Crop(-left, -top, digitSide, digitSide), at
}

// DarkOnLight reports whether the content of a grey picture is darker than its
// background.
func DarkOnLight(m *Image) bool {
	_, dark := m.ground()
	return dark
}

// ground returns the median sample along the border, and whether the rest differs
// from it more on the dark side than on the light side.
func (m *Image) ground() (level int, dark bool) {
	var border []uint8
	for y := range m.Height {
		for x := range m.Width {
			if x == 0 || y == 0 || x == m.Width-1 || y == m.Height-1 {
				border = append(border, m.Pix[y*m.Width+x])
			}
		}
	}
	slices.Sort(border)
	level = int(border[len(border)/2])
	few := len(m.Pix) / 200
	return level, level-ranked(m.Pix, few) > ranked(m.Pix, len(m.Pix)-1-few)-level
}

// ranked returns sample n of the samples in order.
func ranked(pix []uint8, n int) int {
	var count [256]int
	for _, p := range pix {
		count[p]++
	}
	for v, c := range count {
		if n -= c; n < 0 {
			return v
		}
	}
	return 255
}

// negative swaps light and dark.
func (m *Image) negative() *Image {
	out := New(m.Width, m.Height, m.Channels)
	for i, p := range m.Pix {
		out.Pix[i] = 255 - p
	}
	return out
}

// ink returns how far each sample of a grey picture is from the ground, in the
// direction of the digit. Small differences, such as those of paper, become 0, and
// most of the digit becomes 255.
func (m *Image) ink(ground int, dark bool) *Image {
	out := New(m.Width, m.Height, 1)
	for i, p := range m.Pix {
		d := int(p) - ground
		if dark {
			d = -d
		}
		out.Pix[i] = uint8(max(d, 0))
	}
	stretch(out.Pix)
	const paper = 64
	for i, p := range out.Pix {
		out.Pix[i] = uint8(max(int(p)-paper, 0) * 255 / (255 - paper))
	}
	return out
}

// digit returns the pixels with ink, without specks.
func (m *Image) digit() *Mask {
	mask := NewMask(m.Width, m.Height)
	for i, p := range m.Pix {
		mask.On[i] = p >= 96
	}
	mask, _ = mask.DropIslands(mask.Area() / 20)
	return mask
}

// stretch scales samples so that all but the brightest 0.2 % span 0 to 255.
func stretch(pix []uint8) {
	top := ranked(pix, len(pix)-1-len(pix)/500)
	if top == 0 {
		return
	}
	for i, p := range pix {
		pix[i] = uint8(min(int(p)*255/top, 255))
	}
}
