package picture

// turn puts a picture with this EXIF orientation upright.
func (m *Image) turn(orientation int) *Image {
	if orientation == 1 {
		return m
	}
	flipX := orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8
	flipY := orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7
	// Orientations from 5 on swap the sides: pixel (x, y) of the result is pixel
	// (y, x) of m, counted from the end if flipped.
	out := New(m.Width, m.Height, m.Channels)
	if orientation >= 5 {
		out.Width, out.Height = m.Height, m.Width
	}
	i := 0
	for y := range out.Height {
		for x := range out.Width {
			u, v := x, y
			if orientation >= 5 {
				u, v = y, x
			}
			if flipX {
				u = m.Width - 1 - u
			}
			if flipY {
				v = m.Height - 1 - v
			}
			i += copy(out.Pix[i:], m.Pix[(v*m.Width+u)*m.Channels:][:m.Channels])
		}
	}
	return out
}
