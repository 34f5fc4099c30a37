package icc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// curve maps a value of 0 to 1: by points, or else by a formula with seven numbers.
type curve struct {
	points             []float32
	g, a, b, c, d      float64
	add, low           float64 // added above and below d
	parametric, linear bool
}

// readCurve reads a curve, and returns how many bytes it takes.
func readCurve(data []byte) (curve, int, error) {
	if len(data) < 12 {
		return curve{}, 0, errShort
	}
	switch kind := string(data[:4]); kind {
	case "curv":
		n := uint64(binary.BigEndian.Uint32(data[8:]))
		if n > uint64(len(data)-12)/2 {
			return curve{}, 0, errShort
		}
		points := data[12 : 12+2*n]
		switch n {
		case 0:
			return curve{linear: true}, 12, nil
		case 1:
			return curve{parametric: true, g: float64(binary.BigEndian.Uint16(points)) / 256, a: 1}, 14, nil
		}
		return curve{points: words(points)}, 12 + len(points), nil
	case "para":
		kind := binary.BigEndian.Uint16(data[8:])
		if int(kind) >= len(parameters) {
			return curve{}, 0, fmt.Errorf("icc: a curve is of kind %d", kind)
		}
		size := 12 + 4*parameters[kind]
		if len(data) < size {
			return curve{}, 0, errShort
		}
		var v [7]float64
		for i := range parameters[kind] {
			v[i] = fixed(data[12+4*i:])
		}
		return formula(int(kind), v), size, nil
	}
	return curve{}, 0, errors.New("icc: there is no curve")
}

// parameters has the number of numbers in each kind of formula.
var parameters = [...]int{1, 3, 4, 5, 7}

// formula returns a curve of a kind. All are cases of the last:
// (a·x+b)^g + e from d on, c·x + f below d.
func formula(kind int, v [7]float64) curve {
	k := curve{parametric: true, g: v[0], a: v[1], b: v[2]}
	edge := func() float64 {
		if k.a == 0 {
			return math.Inf(1)
		}
		return -k.b / k.a
	}
	switch kind {
	case 0:
		k.a = 1
	case 1:
		k.d = edge()
	case 2:
		k.d, k.add, k.low = max(edge(), 0), v[3], v[3]
	case 3:
		k.c, k.d = v[3], v[4]
	case 4:
		k.c, k.d, k.add, k.low = v[3], v[4], v[5], v[6]
	}
	return k
}

// at returns the value of the curve. Outside of 0 to 1, points go on as they end.
func (k curve) at(x float64) float64 {
	switch {
	case k.linear:
		return x
	case k.parametric && x < k.d:
		return k.c*x + k.low
	case k.parametric:
		base := k.a*x + k.b
		if !(base > 0) {
			return k.add
		}
		return math.Pow(base, k.g) + k.add
	}
	if !(x > 0) {
		return float64(k.points[0])
	}
	most := len(k.points) - 1
	at := min(x, 1) * float64(most)
	i := min(int(at), most-1)
	low, high := float64(k.points[i]), float64(k.points[i+1])
	return low + (high-low)*(at-float64(i))
}

// words returns numbers of 16 bits as 0 to 1.
func words(data []byte) []float32 {
	out := make([]float32, len(data)/2)
	for i := range out {
		out[i] = float32(binary.BigEndian.Uint16(data[2*i:])) / 65535
	}
	return out
}

// octets returns numbers of 8 bits as 0 to 1.
func octets(data []byte) []float32 {
	out := make([]float32, len(data))
	for i, v := range data {
		out[i] = float32(v) / 255
	}
	return out
}
