package vision

// tileSize is the height and width of tiles for a picture of a size: all of it if
// it is small, even parts if not, and flat ones for a wide picture, of which a row
// of tiles has to be in memory.
func (u Upscaler) tileSize(width, height int) [2]int {
	const side, row = 256, 32 << 20 // pixels
	h := side
	for h > 32 && h*u.Scale*u.Scale*width > row {
		h /= 2
	}
	return [2]int{evenly(height, h, u.Halo), evenly(width, side*side/h, u.Halo)}
}

// tileGrid is what tiles begin at multiples of. Winograd's convolution rounds
// according to a pixel's place in a grid of four; with tiles in step with it,
// their results are those of the whole to the last bit.
const tileGrid = 4

// evenly is the least size of tiles, up to most, with which no more of them
// cover n pixels and the last, which ends where the picture does, begins on the
// grid. Tiles overlap by a halo.
func evenly(n, most, halo int) int {
	if n <= most || most < 2*halo+2*tileGrid {
		return min(n, max(most, 2*halo+1))
	}
	size := most - (most-n%tileGrid)%tileGrid
	for fewest := len(spans(n, size, halo)); size-tileGrid > 2*halo && len(spans(n, size-tileGrid, halo)) == fewest; {
		size -= tileGrid
	}
	return size
}

// span is the place of a tile along one dimension: where it starts, and which
// pixels from there on are right in spite of its borders.
type span struct{ start, from, to int }

// spans covers n pixels with tiles of a size. Where a tile ends inside the
// picture, the last halo pixels are left to its neighbour.
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
