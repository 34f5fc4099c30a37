package models

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// mask reads rows of '#' (on) and '.', separated by spaces.
func mask(rows string) *Mask {
	lines := strings.Fields(rows)
	m := NewMask(len(lines[0]), len(lines))
	for y, line := range lines {
		for x, c := range line {
			m.On[y*m.Width+x] = c == '#'
		}
	}
	return m
}

func (m *Mask) String() string {
	var b strings.Builder
	for i, on := range m.On {
		if i > 0 && i%m.Width == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(".#"[map[bool]int{true: 1}[on]])
	}
	return b.String()
}

func TestRegions(t *testing.T) {
	for _, c := range []struct {
		do      func(m *Mask, area int) (*Mask, bool)
		mask    string
		area    int
		want    string
		changed bool
	}{
		{(*Mask).FillHoles, "#### #..# #### ....", 3, "#### #### #### ....", true},
		{(*Mask).FillHoles, "#### #..# #### ....", 2, "#### #..# #### ....", false},
		{(*Mask).FillHoles, "#### #.## ##.# ####", 2, "#### #.## ##.# ####", false}, // joined at a corner
		{(*Mask).FillHoles, ".... ....", 9, "#### ####", true},
		{(*Mask).DropIslands, ".##. .##. ...# ....", 5, ".##. .##. ...# ....", false},
		{(*Mask).DropIslands, "##.. ##.. .... ...#", 4, "##.. ##.. .... ....", true},
		{(*Mask).DropIslands, "#..# ...# .... #...", 9, "...# ...# .... ....", true}, // all small: the largest stays
		{(*Mask).DropIslands, ".... ....", 9, ".... ....", false},
	} {
		got, changed := c.do(mask(c.mask), c.area)
		if got.String() != c.want || changed != c.changed {
			t.Errorf("%s, %d: %v, %v, want %s, %v", c.mask, c.area, got, changed, c.want, c.changed)
		}
	}
}

func TestRLE(t *testing.T) {
	for _, c := range []struct {
		mask   string
		counts []int
	}{
		{"#", []int{0, 1}},
		{"..", []int{2}},
		{"#.# #..", []int{0, 2, 2, 1, 1}},
	} {
		m := mask(c.mask)
		r := m.RLE()
		if !slices.Equal(r.Counts, c.counts) || r.Area() != m.Area() {
			t.Errorf("%s: %v with %d on, want %v", c.mask, r.Counts, r.Area(), c.counts)
		}
		if back, err := r.Mask(); err != nil || back.String() != c.mask {
			t.Errorf("%s came back as %v, %v", c.mask, back, err)
		}
	}
	for _, r := range []RLE{
		{Size: [2]int{2, 2}, Counts: []int{3}},
		{Size: [2]int{2, 2}, Counts: []int{3, 2}},
		{Size: [2]int{2, 2}, Counts: []int{5, -1}},
		{Size: [2]int{1 << 40, 1 << 40}},
		{Size: [2]int{0, 3}},
	} {
		if _, err := r.Mask(); err == nil {
			t.Errorf("%v made a mask", r)
		}
	}
}

func TestNMS(t *testing.T) {
	boxes := [][4]float32{{0, 0, 10, 10}, {1, 0, 11, 10}, {20, 0, 30, 10}, {0, 0, 10, 10}}
	scores := []float32{0.5, 0.9, 0.1, 0.5}
	for _, c := range []struct {
		categories []int
		threshold  float64
		want       []int
	}{
		{nil, 0.5, []int{1, 2}},
		{nil, 0.9, []int{1, 0, 2}},
		{[]int{0, 1, 0, 0}, 0.5, []int{1, 0, 2}},
	} {
		if got := NMS(boxes, scores, c.categories, c.threshold); !slices.Equal(got, c.want) {
			t.Errorf("%v, %v: kept %v, want %v", c.categories, c.threshold, got, c.want)
		}
	}
	if got := NMS(nil, nil, nil, 0.5); len(got) != 0 {
		t.Errorf("of no boxes kept %v", got)
	}
}

func TestNearCropEdge(t *testing.T) {
	crop, picture := [4]int{100, 0, 300, 200}, [4]int{0, 0, 400, 200}
	for box, want := range map[[4]float32]bool{
		{150, 50, 250, 150}: false,
		{115, 50, 250, 150}: true,
		{150, 5, 250, 195}:  false, // the picture's own edges
		{150, 50, 281, 150}: true,
	} {
		if got := NearCropEdge(box, crop, picture); got != want {
			t.Error(fmt.Sprint(box, got))
		}
	}
}
