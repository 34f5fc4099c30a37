package bench

import (
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// The dimensions of a roofline, in pixels.
const (
	roofWidth, roofHeight = 620, 380
	roofLeft, roofTop     = 80, 40
)

// axis is a logarithmic axis between two powers of ten.
type axis struct {
	from, to   int // exponents
	at, length float64
}

// newAxis returns the axis that has all values.
func newAxis(least, most, at, length float64) axis {
	a := axis{int(math.Floor(math.Log10(least))), int(math.Ceil(math.Log10(most))), at, length}
	if a.to == a.from {
		a.to++
	}
	return a
}

// place returns where v is, in pixels.
func (a axis) place(v float64) float64 {
	return a.at + a.length*(math.Log10(v)-float64(a.from))/float64(a.to-a.from)
}

// Plot draws the roofline of the device as an SVG, with a point for each program of each
// model: operations per second over operations per byte. The area of a point is the
// program's share of its model's time.
func (c Card) Plot(w io.Writer) error {
	if c.Peak == nil {
		return errors.New("bench: no roofline without the peak")
	}
	ridge := c.Peak.GFLOPS / c.Peak.GBS
	leastX, mostX, leastY := ridge/10, ridge*10, c.Peak.GFLOPS/100
	c.points(func(_ int, _ CardModel, _ CardKernel, x, y, _ float64) {
		leastX, mostX, leastY = min(leastX, x), max(mostX, x), min(leastY, y)
	})
	across := newAxis(leastX, mostX, roofLeft, roofWidth)
	up := newAxis(leastY, c.Peak.GFLOPS*1.01, roofTop+roofHeight, -roofHeight)

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", roofLeft+roofWidth+legendWidth+30, roofTop+roofHeight+60)
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	fmt.Fprintf(&b, `<text x="%d" y="%d" font-size="14">%s: %.1f GFLOP/s, %.2f GB/s</text>`+"\n", roofLeft, roofTop-16, html.EscapeString(c.Adapter), c.Peak.GFLOPS, c.Peak.GBS)
	for e := across.from; e <= across.to; e++ {
		x := across.place(math.Pow10(e))
		fmt.Fprintf(&b, `<path d="M%.1f %dv%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n", x, roofTop, roofHeight, x, roofTop+roofHeight+18, math.Pow10(e))
	}
	for e := up.from; e <= up.to; e++ {
		y := up.place(math.Pow10(e))
		fmt.Fprintf(&b, `<path d="M%d %.1fh%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", roofLeft, y, roofWidth, roofLeft-6, y+4, math.Pow10(e))
	}
	low := max(math.Pow10(across.from), math.Pow10(up.from)/c.Peak.GBS)
	fmt.Fprintf(&b, `<polyline points="%.1f,%.1f %.1f,%.1f %.1f,%.1f" fill="none" stroke="#333" stroke-width="2"/>`+"\n",
		across.place(low), up.place(low*c.Peak.GBS), across.place(ridge), up.place(c.Peak.GFLOPS), across.place(math.Pow10(across.to)), up.place(c.Peak.GFLOPS))
	c.points(func(i int, m CardModel, k CardKernel, x, y, share float64) {
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s" fill-opacity="0.6"><title>%s</title></circle>`+"\n",
			across.place(x), up.place(y), max(2, 18*math.Sqrt(share)), lineColors[i%len(lineColors)],
			html.EscapeString(fmt.Sprintf("%s, %s: %.1f GFLOP/s, %.1f FLOP/byte, %.0f %% of the time", m.Name, k.Program, y, x, 100*share)))
	})
	for i, m := range c.Models {
		x, y := roofLeft+roofWidth+20, roofTop+10+20*i
		fmt.Fprintf(&b, `<circle cx="%d" cy="%d" r="6" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", x, y, lineColors[i%len(lineColors)], x+14, y+4, html.EscapeString(m.Name))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d">operations per byte; upwards GFLOP/s; a point is a program, its area the share of the model's time</text>`+"\n</svg>\n", roofLeft, roofTop+roofHeight+44)
	_, err := io.WriteString(w, b.String())
	return err
}

// points calls f for each program that computes something.
func (c Card) points(f func(i int, m CardModel, k CardKernel, x, y, share float64)) {
	for i, m := range c.Models {
		all := 0.0
		for _, k := range m.Kernels {
			all += k.Seconds
		}
		for _, k := range m.Kernels {
			if k.FLOPs > 0 && k.Bytes > 0 && k.Seconds > 0 {
				f(i, m, k, float64(k.FLOPs)/float64(k.Bytes), float64(k.FLOPs)/k.Seconds/1e9, k.Seconds/all)
			}
		}
	}
}
