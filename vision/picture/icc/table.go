package icc

import (
	"encoding/binary"
	"fmt"
)

// table is the transform of a device by a table of colours. Steps that a profile lacks
// are nil.
type table struct {
	before *affine
	in     []curve // of each channel
	grid   *grid
	middle []curve
	then   *affine
	out    []curve

	lab   bool // the result is L*a*b*
	scale float64
}

// affine multiplies by a matrix and adds.
type affine struct {
	by  [3][3]float64
	add [3]float64
}

func readAffine(data []byte, add bool) *affine {
	m := &affine{}
	for i := range 9 {
		m.by[i/3][i%3] = fixed(data[4*i:])
	}
	if add {
		for i := range 3 {
			m.add[i] = fixed(data[36+4*i:])
		}
	}
	return m
}

func (m *affine) at(v *[4]float64) {
	x, y, z := v[0], v[1], v[2]
	for i, row := range m.by {
		v[i] = row[0]*x + row[1]*y + row[2]*z + m.add[i]
	}
}

// shape applies curves.
func shape(all []curve, v *[4]float64) {
	for i, c := range all {
		v[i] = c.at(v[i])
	}
}

// linear computes L*a*b* or XYZ, and from it linear sRGB.
func (t *table) linear(device [4]float64) [3]float64 {
	v := device
	if t.before != nil {
		t.before.at(&v)
	}
	shape(t.in, &v)
	if t.grid != nil {
		v = t.grid.at(v)
	}
	shape(t.middle, &v)
	if t.then != nil {
		t.then.at(&v)
	}
	shape(t.out, &v)
	out := [3]float64{v[0] * t.scale, v[1] * t.scale, v[2] * t.scale}
	if t.lab {
		y := (100*out[0] + 16) / 116
		x, z := y+(255*out[1]-128)/500, y-(255*out[2]-128)/200
		out = [3]float64{white[0] * cube(x), white[1] * cube(y), white[2] * cube(z)}
	}
	return linear(out)
}

// The largest XYZ that there is a number for, and what the old L*a*b* of 16 bits is
// too small by.
const (
	mostXYZ = 1 + 32767.0/32768
	oldLab  = 65535.0 / 65280
)

// readTable reads a table in one of its three forms.
func readTable(data []byte, channels int, lab bool) (*table, error) {
	t := &table{lab: lab, scale: 1}
	if !lab {
		t.scale = mostXYZ
	}
	if len(data) < 32 {
		return nil, errShort
	}
	if int(data[8]) != channels || data[9] != 3 {
		return nil, fmt.Errorf("icc: a table has %d channels and gives %d, want %d and 3", data[8], data[9], channels)
	}
	switch kind := string(data[:4]); kind {
	case "mft1":
		return t, t.old(data, channels, 1)
	case "mft2":
		if lab {
			t.scale = oldLab
		}
		return t, t.old(data, channels, 2)
	case "mAB ":
		return t, t.modern(data, channels)
	default:
		return nil, fmt.Errorf("icc: a table is of kind %q", kind)
	}
}

// old reads a table of version 2, whose numbers have width bytes.
func (t *table) old(data []byte, channels, width int) error {
	head, in, out := 48, 256, 256
	if width == 2 {
		head = 52
	}
	if len(data) < head {
		return errShort
	}
	if width == 2 {
		in, out = int(binary.BigEndian.Uint16(data[48:])), int(binary.BigEndian.Uint16(data[50:]))
	}
	if in < 2 || out < 2 {
		return fmt.Errorf("icc: curves have %d and %d points", in, out)
	}
	if m := readAffine(data[12:], false); channels == 3 && m.by != [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}} {
		t.before = m
	}
	grids := make([]int, channels)
	for i := range grids {
		grids[i] = int(data[10])
	}
	rest := data[head:]
	var err error
	if t.in, rest, err = pointed(rest, channels, in, width); err != nil {
		return err
	}
	if t.grid, rest, err = readGrid(rest, grids, width); err != nil {
		return err
	}
	t.out, _, err = pointed(rest, 3, out, width)
	return err
}

// pointed reads curves of n points each.
func pointed(data []byte, curves, n, width int) (all []curve, rest []byte, err error) {
	for range curves {
		if len(data) < n*width {
			return nil, nil, errShort
		}
		all = append(all, curve{points: numbers(data[:n*width], width)})
		data = data[n*width:]
	}
	return all, data, nil
}

// numbers returns numbers of width bytes as 0 to 1.
func numbers(data []byte, width int) []float32 {
	if width == 1 {
		return octets(data)
	}
	return words(data)
}

// modern reads a table of version 4. Its steps stand at offsets, where 0 means that
// there is no such step.
func (t *table) modern(data []byte, channels int) error {
	part := func(i int) ([]byte, error) {
		at := binary.BigEndian.Uint32(data[12+4*i:])
		if at == 0 {
			return nil, nil
		}
		if uint64(at) > uint64(len(data)) {
			return nil, errShort
		}
		return data[at:], nil
	}
	var parts [5][]byte // out, matrix, middle, grid, in
	for i := range parts {
		var err error
		if parts[i], err = part(i); err != nil {
			return err
		}
	}
	var err error
	if t.out, err = curves(parts[0], 3); err != nil {
		return err
	}
	if m := parts[1]; m != nil {
		if len(m) < 48 {
			return errShort
		}
		t.then = readAffine(m, true)
	}
	if t.middle, err = curves(parts[2], 3); err != nil {
		return err
	}
	if t.in, err = curves(parts[4], channels); err != nil {
		return err
	}
	g := parts[3]
	switch {
	case g == nil && channels != 3:
		return fmt.Errorf("icc: a table of %d channels has no grid", channels)
	case g == nil:
		return nil
	case len(g) < 20:
		return errShort
	}
	width := int(g[16])
	if width != 1 && width != 2 {
		return fmt.Errorf("icc: the numbers of a grid have %d bytes", width)
	}
	grids := make([]int, channels)
	for i := range grids {
		grids[i] = int(g[i])
	}
	t.grid, _, err = readGrid(g[20:], grids, width)
	return err
}

// curves reads n curves. Each begins at a multiple of four bytes.
func curves(data []byte, n int) ([]curve, error) {
	if data == nil {
		return nil, nil
	}
	all := make([]curve, n)
	for i := range all {
		c, size, err := readCurve(data)
		if err != nil {
			return nil, err
		}
		all[i] = c
		data = data[min((size+3)&^3, len(data)):]
	}
	return all, nil
}
