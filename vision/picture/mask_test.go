package picture

import (
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
		{(*Mask).FillHoles, "#### #.## ##.# ####", 2, "#### #.## ##.# ####", false}, // connected at a corner
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
