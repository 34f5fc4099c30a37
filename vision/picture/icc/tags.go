package icc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// tags are the parts of a profile by their names.
type tags struct {
	version int
	parts   map[string][]byte
}

var errShort = errors.New("icc: the profile is cut off")

// used has the names of the parts that are used.
var used = []string{"A2B0", "A2B1", "A2B2", "kTRC", "rTRC", "gTRC", "bTRC", "rXYZ", "gXYZ", "bXYZ"}

// readTags reads the table of a profile's parts. Parts that end outside count as
// absent.
func readTags(data []byte) (tags, error) {
	if len(data) < 132 || string(data[36:40]) != "acsp" {
		return tags{}, errors.New("icc: not a profile")
	}
	t := tags{int(data[8]), map[string][]byte{}}
	n := binary.BigEndian.Uint32(data[128:])
	for table := data[132:]; n > 0 && len(table) >= 12; n, table = n-1, table[12:] {
		at, size := uint64(binary.BigEndian.Uint32(table[4:])), uint64(binary.BigEndian.Uint32(table[8:]))
		name := string(table[:4])
		if slices.Contains(used, name) && at+size <= uint64(len(data)) && size >= 8 && t.parts[name] == nil {
			t.parts[name] = data[at : at+size]
		}
	}
	return t, nil
}

// transform returns the transform of a device's colours. Tables come before curves
// with a matrix, and the perceptual table before others.
func (t tags) transform(channels int, lab bool) (transform, error) {
	for _, name := range []string{"A2B0", "A2B1", "A2B2"} {
		if part := t.parts[name]; part != nil {
			return readTable(part, channels, lab)
		}
	}
	switch {
	case channels == 1:
		c, err := t.curve("kTRC")
		return &grey{c, lab}, err
	case channels == 3 && !lab:
		return t.matrix()
	}
	return nil, errors.New("icc: the profile has no table of colours")
}

// shaper reports whether there are curves with a matrix.
func (t tags) shaper(channels int) bool {
	if channels == 1 {
		return t.parts["kTRC"] != nil
	}
	for _, name := range []string{"rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"} {
		if t.parts[name] == nil {
			return false
		}
	}
	return channels == 3
}

// black returns Y of what becomes black. For tables of version 4 that is agreed on.
// Otherwise it is as dark as the device's black.
func (t tags) black(of transform, channels int) float64 {
	switch {
	case t.parts["A2B0"] == nil && !t.shaper(channels):
		return 0
	case t.version >= 4 && !t.shaper(channels):
		return 0.0034731
	}
	darkest := [4]float64{}
	if channels == 4 {
		darkest = [4]float64{1, 1, 1, 1}
	}
	rgb := of.linear(darkest)
	y := 0.2224845402*rgb[0] + 0.7169050786*rgb[1] + 0.0606103812*rgb[2]
	if !(y > 0 && y <= lightness(50)) {
		return 0
	}
	return y
}

// curve reads a curve by its name.
func (t tags) curve(name string) (curve, error) {
	c, _, err := readCurve(t.parts[name])
	if err != nil {
		err = fmt.Errorf("%w (%s)", err, name)
	}
	return c, err
}

// matrix reads three curves and the colours of red, green and blue.
func (t tags) matrix() (*matrix, error) {
	m := &matrix{}
	var colorants [3][3]float64
	for c, name := range []string{"r", "g", "b"} {
		part := t.parts[name+"XYZ"]
		if len(part) < 20 {
			return nil, fmt.Errorf("icc: the profile has no %sXYZ", name)
		}
		for i := range 3 {
			colorants[i][c] = fixed(part[8+4*i:])
		}
		shape, err := t.curve(name + "TRC")
		if err != nil {
			return nil, err
		}
		for v := range 256 {
			m.curves[c][v] = shape.at(float64(v) / 255)
		}
	}
	for c := range 3 {
		column := linear([3]float64{colorants[0][c], colorants[1][c], colorants[2][c]})
		for r := range 3 {
			m.rgb[r][c] = column[r]
		}
	}
	return m, nil
}

// grey is the transform of a grey device: its curve gives Y, or the lightness.
type grey struct {
	curve
	lab bool
}

func (g *grey) linear(device [4]float64) [3]float64 {
	y := g.at(device[0])
	if g.lab {
		y = lightness(100 * y)
	}
	return [3]float64{y, y, y}
}

// matrix is the transform of a device with three colorants.
type matrix struct {
	curves [3][256]float64 // of 8-bit samples
	rgb    [3][3]float64
}

func (m *matrix) linear(device [4]float64) (out [3]float64) {
	var v [3]float64
	for c := range v {
		v[c] = m.curves[c][int(device[c]*255+0.5)]
	}
	for i, row := range m.rgb {
		out[i] = row[0]*v[0] + row[1]*v[1] + row[2]*v[2]
	}
	return out
}

// convert is Convert for RGB, which most pictures with a profile are.
func (m *matrix) convert(to, from []uint8, black float64) {
	by := m.rgb
	for r := range by {
		for c := range by[r] {
			by[r][c] /= 1 - black
		}
	}
	add := -black / (1 - black)
	for ; len(from) >= 3; from, to = from[3:], to[3:] {
		r, g, b := m.curves[0][from[0]], m.curves[1][from[1]], m.curves[2][from[2]]
		to[0] = encode(by[0][0]*r + by[0][1]*g + by[0][2]*b + add)
		to[1] = encode(by[1][0]*r + by[1][1]*g + by[1][2]*b + add)
		to[2] = encode(by[2][0]*r + by[2][1]*g + by[2][2]*b + add)
	}
}

// lightness returns Y of CIE's L*.
func lightness(l float64) float64 { return cube((l + 16) / 116) }

// cube is the function by which CIE's L*a*b* becomes X, Y and Z.
func cube(t float64) float64 {
	if t <= 24.0/116 {
		return 108.0 / 841 * (t - 16.0/116)
	}
	return t * t * t
}
