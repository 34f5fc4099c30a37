package vision

import "github.com/vertebra/vertebra/vision/picture"

// reach is how far bicubic enlargement of colours and of alpha reaches together, and a
// little more.
const reach = 6

// bleed returns m with the colours of transparent pixels replaced, up to a distance from
// those that can be seen. Pixels next to visible ones get the mean of their colours,
// those next to these the mean of theirs, and so on. The result does not depend on what
// m has under transparency, as far as the distance goes.
func bleed(m, alpha *picture.Image, distance int) *picture.Image {
	out := *m
	out.Pix = append([]uint8(nil), m.Pix...)
	const unknown, edge, known = 0, 1, 2
	state := make([]uint8, len(alpha.Pix))
	for i, a := range alpha.Pix {
		if a > 0 {
			state[i] = known
		}
	}
	near := func(i int, use func(int)) {
		x, y := i%m.Width, i/m.Width
		for v := max(y-1, 0); v <= min(y+1, m.Height-1); v++ {
			for u := max(x-1, 0); u <= min(x+1, m.Width-1); u++ {
				use(v*m.Width + u)
			}
		}
	}
	var next []int
	list := func(i int) {
		if state[i] == unknown {
			state[i] = edge
			next = append(next, i)
		}
	}
	for i := range state {
		if state[i] == known {
			near(i, list)
		}
	}
	for range distance {
		for _, i := range next {
			var sum [3]int
			n := 0
			near(i, func(k int) {
				if state[k] == known {
					for c := range m.Channels {
						sum[c] += int(out.Pix[k*m.Channels+c])
					}
					n++
				}
			})
			for c := range m.Channels {
				out.Pix[i*m.Channels+c] = uint8((sum[c] + n/2) / n)
			}
		}
		done := next
		next = nil
		for _, i := range done {
			state[i] = known
		}
		for _, i := range done {
			near(i, list)
		}
	}
	return &out
}
