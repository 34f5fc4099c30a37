package bench

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// lineColors are the colours of the models in a plot.
var lineColors = []string{"#c0392b", "#2471a3", "#1e8449", "#9a7d0a", "#6c3483", "#117a65"}

// The dimensions of a plot, in pixels.
const (
	chartWidth, chartHeight = 380, 260
	chartLeft, chartTop     = 70, 40
	chartGap, legendWidth   = 90, 170
)

// line is a value over the number of pixels, one for each model.
type line struct {
	of   func(ScaleResult) float64
	dash string // of an SVG's stroke
}

// chart is a part of a plot with its own vertical axis.
type chart struct {
	title string
	lines []line
}

// scaleCharts show the time, and the memory of attention beside the memory that a
// matrix of scores would take.
var scaleCharts = []chart{
	{"time of a run, ms", []line{
		{func(r ScaleResult) float64 { return 1e3 * r.Median }, ""},
	}},
	{"memory of attention, MB (dashed: a matrix of scores)", []line{
		{func(r ScaleResult) float64 { return float64(r.AttentionBytes) / 1e6 }, ""},
		{func(r ScaleResult) float64 { return float64(r.ScoreBytes) / 1e6 }, ` stroke-dasharray="5 4"`},
	}},
}

// PlotScale draws the results as an SVG, over the number of pixels.
func PlotScale(w io.Writer, report Report[ScaleResult]) error {
	if len(report.Results) == 0 {
		return fmt.Errorf("bench: nothing to plot")
	}
	var names []string
	of := map[string][]ScaleResult{}
	var sizes []int
	for _, r := range report.Results {
		if of[r.Name] == nil {
			names = append(names, r.Name)
		}
		of[r.Name] = append(of[r.Name], r)
		sizes = append(sizes, r.Size)
	}
	slices.Sort(sizes)
	sizes = slices.Compact(sizes)
	pixels := float64(sizes[len(sizes)-1]) * float64(sizes[len(sizes)-1])

	var b strings.Builder
	right := chartLeft + len(scaleCharts)*(chartWidth+chartGap) - chartGap
	bottom := chartTop + chartHeight
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", right+legendWidth, bottom+50)
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	for i, c := range scaleCharts {
		left := chartLeft + i*(chartWidth+chartGap)
		x := func(size int) float64 { return float64(left) + chartWidth*float64(size)*float64(size)/pixels }
		marks := ticks(c.most(report.Results))
		y := func(v float64) float64 { return chartTop + chartHeight*(1-v/marks[len(marks)-1]) }
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-size="14">%s</text>`+"\n", left, chartTop-16, c.title)
		for _, v := range marks {
			fmt.Fprintf(&b, `<path d="M%d %.1fh%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
				left, y(v), chartWidth, left-6, y(v)+4, strconv.FormatFloat(v, 'f', -1, 64))
		}
		for _, size := range sizes {
			fmt.Fprintf(&b, `<path d="M%.1f %dv5" stroke="#333"/><text x="%.1f" y="%d" text-anchor="middle">%d²</text>`+"\n",
				x(size), bottom, x(size), bottom+18, size)
		}
		for n, name := range names {
			own := slices.SortedFunc(slices.Values(of[name]), func(a, b ScaleResult) int { return cmp.Compare(a.Size, b.Size) })
			for _, l := range c.lines {
				var points []string
				for _, r := range own {
					points = append(points, fmt.Sprintf("%.1f,%.1f", x(r.Size), y(l.of(r))))
				}
				fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>`+"\n",
					strings.Join(points, " "), lineColors[n%len(lineColors)], l.dash)
			}
		}
	}
	for n, name := range names {
		x, y := right+20, chartTop+10+20*n
		fmt.Fprintf(&b, `<path d="M%d %dh20" stroke="%s" stroke-width="2"/><text x="%d" y="%d">%s</text>`+"\n",
			x, y, lineColors[n%len(lineColors)], x+26, y+4, html.EscapeString(name))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d">height × width of the input, by pixels; %s</text>`+"\n</svg>\n", chartLeft, bottom+40, html.EscapeString(report.Adapter))
	_, err := io.WriteString(w, b.String())
	return err
}

// most returns the largest value in a chart.
func (c chart) most(results []ScaleResult) float64 {
	m := 0.0
	for _, r := range results {
		for _, l := range c.lines {
			m = max(m, l.of(r))
		}
	}
	return m
}

// ticks returns four to six round numbers from 0 to the first that is at least most:
// multiples of 1, 2 or 5 times a power of ten.
func ticks(most float64) []float64 {
	if !(most > 0) || math.IsInf(most, 0) {
		return []float64{0, 1}
	}
	power := math.Floor(math.Log10(most / 5))
	for _, digit := range []float64{1, 2, 5, 10, 20} {
		n := math.Ceil(most / (digit * math.Pow(10, power)))
		if n > 5 {
			continue
		}
		var marks []float64
		for i := range int(n) + 1 {
			// 3/10 prints as 0.3, but 3·0.1 does not.
			if v := float64(i) * digit; power < 0 {
				marks = append(marks, v/math.Pow(10, -power))
			} else {
				marks = append(marks, v*math.Pow(10, power))
			}
		}
		return marks
	}
	return []float64{0, most}
}
