// Package icc converts 8-bit colours to sRGB through an ICC profile, of version 2 or
// 4: grey, RGB and CMYK, with curves and a matrix or with tables.
//
// It converts as littlecms does with the perceptual intent, which compensates for a
// black that is not black. Profiles come from strangers. A profile takes memory in
// proportion to its bytes, and what is broken or absurd is an error.
package icc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Profile says what the colours of a device mean.
type Profile struct {
	channels  int
	transform transform
	black     float64 // becomes 0, on the scale of Y
	same      bool    // colours are as in sRGB
}

// transform computes linear sRGB. A value may be less than 0 or more than 1.
type transform interface {
	linear(device [4]float64) [3]float64
}

// Parse reads a profile.
func Parse(data []byte) (*Profile, error) {
	t, err := readTags(data)
	if err != nil {
		return nil, err
	}
	p := &Profile{channels: Channels(data)}
	if p.channels == 0 {
		return nil, fmt.Errorf("icc: colours are %q, want grey, RGB or CMYK", data[16:20])
	}
	switch class := string(data[12:16]); class {
	case "link", "abst", "nmcl":
		return nil, fmt.Errorf("icc: the profile is of class %q", class)
	}
	pcs := string(data[20:24])
	if pcs != "XYZ " && pcs != "Lab " {
		return nil, fmt.Errorf("icc: colours are connected by %q", pcs)
	}
	if p.transform, err = t.transform(p.channels, pcs == "Lab "); err != nil {
		return nil, err
	}
	p.black = t.black(p.transform, p.channels)
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, nil
}

// Channels returns for how many channels a profile is by its header: 1 for grey, 3 for
// RGB, 4 for CMYK. It returns 0 for others, and for what is no profile.
func Channels(data []byte) int {
	if len(data) < 132 || string(data[36:40]) != "acsp" {
		return 0
	}
	switch string(data[16:20]) {
	case "GRAY":
		return 1
	case "RGB ":
		return 3
	case "CMYK":
		return 4
	}
	return 0
}

// Channels returns 1 for grey, 3 for RGB and 4 for CMYK.
func (p *Profile) Channels() int { return p.channels }

// Outputs returns the number of channels that Convert makes: 1 if all colours are grey
// for certain, else 3.
func (p *Profile) Outputs() int {
	if _, ok := p.transform.(*grey); ok {
		return 1
	}
	return 3
}

// SRGB reports whether the colours are those of sRGB already.
func (p *Profile) SRGB() bool { return p.same }

// check compares with sRGB. A transform whose result is no number, or that makes no
// difference between black and white, is absurd.
func (p *Profile) check() error {
	steps := [...]int{1: 256, 3: 16, 4: 6}[p.channels] // divide 255
	n := 1
	for range p.channels {
		n *= steps
	}
	low, high, worst := 255, 0, 0
	for i := range n {
		var from [4]uint8
		var device [4]float64
		for c, k := 0, i; c < p.channels; c, k = c+1, k/steps {
			from[c] = uint8(k % steps * 255 / (steps - 1))
			device[c] = float64(from[c]) / 255
		}
		for _, v := range p.transform.linear(device) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return errors.New("icc: a colour is no number")
			}
		}
		to := p.color(device)
		low, high = min(low, int(to[1])), max(high, int(to[1]))
		for c := range 3 {
			d := int(to[c]) - int(from[c%p.channels])
			worst = max(worst, d, -d)
		}
	}
	if high-low < 64 {
		return errors.New("icc: all colours are nearly the same")
	}
	p.same = worst <= 1 && p.channels < 4
	return nil
}

// Convert writes the sRGB colours of the pixels in from to to. A pixel has Channels
// samples in from, and Outputs samples in to. For CMYK 255 is all ink.
func (p *Profile) Convert(to, from []uint8) {
	if m, ok := p.transform.(*matrix); ok {
		m.convert(to, from, p.black)
		return
	}
	outputs := p.Outputs()
	var last [4]uint8
	var color [3]uint8
	for i := 0; len(from) >= p.channels; i++ {
		var pixel [4]uint8
		copy(pixel[:], from[:p.channels])
		from = from[p.channels:]
		if i == 0 || pixel != last {
			var device [4]float64
			for c, v := range pixel {
				device[c] = float64(v) / 255
			}
			last, color = pixel, p.color(device)
		}
		copy(to[i*outputs:(i+1)*outputs], color[:])
	}
}

// white is D50, to which all profiles refer.
var white = [3]float64{0.9642, 1, 0.8249}

// fromXYZ computes linear sRGB. It is the inverse of sRGB's colours seen under D50.
var fromXYZ = [3][3]float64{
	{3.1341863642, -1.6172089590, -0.4906940640},
	{-0.9787485042, 1.9161300968, 0.0334333992},
	{0.0719639278, -0.2289938735, 1.4057537329},
}

// linear computes linear sRGB of XYZ.
func linear(xyz [3]float64) (out [3]float64) {
	for i, row := range fromXYZ {
		out[i] = row[0]*xyz[0] + row[1]*xyz[1] + row[2]*xyz[2]
	}
	return out
}

// color returns the sRGB colour of a device's.
func (p *Profile) color(device [4]float64) (out [3]uint8) {
	for c, v := range p.transform.linear(device) {
		out[c] = encode((v - p.black) / (1 - p.black))
	}
	return out
}

// encode returns the sample of sRGB for a linear value.
func encode(v float64) uint8 {
	if !(v > 0) {
		return 0
	}
	return encoded[int(min(v, 1)*float64(len(encoded)-1)+0.5)]
}

// encoded has sRGB's samples of linear values.
var encoded = func() (t [1 << 14]uint8) {
	for i := range t {
		v := float64(i) / float64(len(t)-1)
		if v <= 0.0031308 {
			v *= 12.92
		} else {
			v = 1.055*math.Pow(v, 1/2.4) - 0.055
		}
		t[i] = uint8(v*255 + 0.5)
	}
	return t
}()

// fixed reads a number with 16 bits before and 16 behind the point.
func fixed(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }
