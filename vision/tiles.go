package vision

// tileSize returns the height and width of the tiles of a picture. A small picture is
// one tile, and a large one has tiles of equal size. Tiles of a wide picture are flat,
// because a row of tiles has to fit in memory. most is the most pixels of a side, or 0.
func (u Upscaler) tileSize(width, height, most int) [2]int {
	const row = 32 << 20 // pixels
	if most > 0 {
		return [2]int{evenly(height, most, u.Halo), evenly(width, most, u.Halo)}
	}
	side := 256
	if u.Halo > 16 { // of which a small tile has little left
		side = 384
	}
	h := side
	for h/2 >= max(32, leastTile(u.Halo)) && h*u.Scale*u.Scale*width > row {
		h /= 2
	}
	return [2]int{evenly(height, h, u.Halo), evenly(width, side*side/h, u.Halo)}
}

// tileGrid is the grid on which tiles begin. Winograd's convolution rounds according
// to a pixel's place in a grid of four. On this grid, the results of tiles equal
// those of the whole picture to the last bit.
const tileGrid = 4

// leastTile is the least size of tiles that overlap by a halo and begin on the grid.
func leastTile(halo int) int { return 2*halo + 2*tileGrid }

// evenly returns the size of the tiles that cover n pixels: the least size that needs
// no more tiles than size most does. The last tile ends with the picture, and also
// begins on the grid. Tiles overlap by a halo.
func evenly(n, most, halo int) int {
	if n <= most || most < leastTile(halo) {
		return min(n, max(most, 2*halo+1))
	}
	size := most - (most-n%tileGrid)%tileGrid
	for fewest := len(spans(n, size, halo)); size-tileGrid > 2*halo && len(spans(n, size-tileGrid, halo)) == fewest; {
		size -= tileGrid
	}
	return size
}

// span is a tile along one dimension: its start, and the range from…to of the pixels
// that its borders do not affect.
type span struct{ start, from, to int }

// spans covers n pixels with tiles of a size. If a tile ends inside the picture, its
// neighbour computes its last halo pixels.
func spans(n, size, halo int) []span {
	if size >= n {
		return []span{{0, 0, n}}
	}
	all := []span{{0, 0, size - halo}}
	for {
		from := all[len(all)-1].to
		start := from - halo
		if on := start / tileGrid * tileGrid; on+size-halo > from {
			start = on
		}
		start = min(start, n-size)
		if start+size >= n {
			return append(all, span{start, from, n})
		}
		all = append(all, span{start, from, start + size - halo})
	}
}
