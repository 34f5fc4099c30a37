package codec

// Simple turns a picture with four channels into red, green and blue without a profile,
// as Pillow does: (255-k)·(255-c)/255. It works in place; others stay as they are.
func (p *Picture) Simple() {
	if p.Channels != 4 {
		return
	}
	for i := range p.Width * p.Height {
		from, to := p.Pix[4*i:4*i+4], p.Pix[3*i:3*i+3]
		left := 255 - int(from[3])
		for c := range to {
			v := int(from[c])*left + 128
			to[c] = clip8(left - (v>>8+v)>>8)
		}
	}
	p.Channels, p.Pix = 3, p.Pix[:3*p.Width*p.Height]
}
