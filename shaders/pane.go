package shaders

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// The pane kernels are for devices that read uniforms faster than storage. They see
// one operand of a matrix product through a uniform binding, one Pane at a time.
const (
	paneFloats = Pane / 4

	// paneAlign is the alignment of a pane's offset, in floats.
	paneAlign = 256 / 4
)

// cut says how a weight [Z, N, C, taps] is cut into panes. A pane holds step channels of
// cols columns, for depth Zs.
type cut struct {
	z, n, c, taps     int // c a multiple of 4, as packed
	rows, unit        int // rows and columns of the result that an invocation computes
	step, cols, depth int
}

// newCut cuts a weight for m rows of x. An invocation computes rows by unit columns. newCut
// reports false if the taps of 4 channels of unit columns do not fit in a pane.
func newCut(m, z, n, c, taps, rows, unit int) (cut, bool) {
	w := cut{z: z, n: n, c: 4 * ceil(c, 4), taps: taps, rows: rows, unit: unit, depth: 1}
	most := paneFloats / (taps * unit) / 4 * 4 // channels, for the fewest columns
	if most == 0 {
		return w, false
	}
	// With few rows of x, a pane must hold more columns to give work to a hundred
	// workgroups.
	for most > 64 && ceil(m, rows)*(paneFloats/(taps*most)/unit) < 100 {
		most = most / 2 / 4 * 4
	}
	w.step = 4 * ceil(ceil(w.c, ceil(w.c, most)), 4)
	w.cols = min(unit*ceil(n, unit), paneFloats/(taps*w.step)/unit*unit)
	if w.step >= w.c && w.cols >= n {
		w.depth = max(1, min(z, paneFloats/(taps*w.step*w.cols)))
	}
	return w, true
}

// pane says what one pane of a weight holds.
type pane struct {
	first, step, column, cols, z, depth int
	part                                int // bits: 1 has the first channels, 2 the last
	at                                  int // in the packed weight, in floats
}

// panes lists the panes in the order in which their sums over channels are added. floats
// is the length of the packed weight, with the room of a pane at its end.
func (w cut) panes() (panes []pane, floats int) {
	at := 0
	for first := 0; first < w.c; first += w.step {
		p := pane{first: first, step: min(w.step, w.c-first)}
		if first == 0 {
			p.part |= 1
		}
		if first+p.step == w.c {
			p.part |= 2
		}
		for p.z = 0; p.z < w.z; p.z += w.depth {
			p.depth = min(w.depth, w.z-p.z)
			for p.column = 0; p.column < w.n; p.column += w.cols {
				p.cols = min(w.cols, w.unit*ceil(w.n-p.column, w.unit))
				p.at = at
				panes = append(panes, p)
				at += paneAlign * ceil(p.cols*w.taps*p.step*p.depth, paneAlign)
			}
		}
	}
	return panes, at + paneFloats
}

// kernels returns one dispatch of k for each pane of binding 1, the weight. If y holds the
// residual, the first part of the sum adds to y, too.
func (w cut) kernels(m int, k Kernel, e epilogue, bind []int, sizes func(p pane) Sizes) []Kernel {
	panes, _ := w.panes()
	ks := make([]Kernel, len(panes))
	for i, p := range panes {
		if e.onto {
			p.part &^= 1
		}
		k.Grid = Flat(ceil(m, w.rows)*(p.cols/w.unit)*p.depth, 8)
		k.Bindings = inOut(bind[4], bind[:4]...)
		k.Bindings[1] = Binding{Arg: bind[1], Access: Uniform, Offset: int64(4 * p.at)}
		k.Sizes = sizes(p)
		ks[i] = k
	}
	return ks
}

// layout turns the weight [Z, N, C, taps] into panes [depth, cols/4, taps, step/4, 4, 4],
// one after the other. Their blocks have 4 columns by 4 channels, channels innermost.
// Columns and channels that the weight lacks are zeros.
func (w cut) layout() Layout {
	name := fmt.Sprintf("pane %d×%d×%d/%d", w.step, w.cols, w.depth, w.unit)
	return moves(name, func(t *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor {
		panes, floats := w.panes()
		out := s.Like(t, floats)
		if t.Halves != nil {
			fillPanes(w, panes, out.Halves, t.Halves)
		} else {
			fillPanes(w, panes, out.Data, t.Data)
		}
		return out
	})
}

// fillPanes fills the panes of a weight, in out.
func fillPanes[T float32 | uint16](w cut, panes []pane, out, in []T) {
	c := len(in) / (w.z * w.n * w.taps)
	for _, p := range panes {
		at := p.at
		for z := p.z; z < p.z+p.depth; z++ {
			for n := p.column; n < p.column+p.cols; n += 4 {
				for tap := range w.taps {
					for k := p.first; k < p.first+p.step; k += 4 {
						for i := n; i < n+4; i++ {
							for j := k; j < k+4; j++ {
								if i < w.n && j < c {
									out[at] = in[((z*w.n+i)*c+j)*w.taps+tap]
								}
								at++
							}
						}
					}
				}
			}
		}
	}
}

// lanes turns w [Z, N, K] into [Z, ceil(N/(8·cols)), K/4, 8·cols, 4], for kernels whose
// invocations compute cols columns each. A workgroup of eight then reads neighbours.
func lanes(z, n, k, cols int) Layout {
	wide := 8 * cols
	slabs := ceil(n, wide)
	return moves(fmt.Sprint("lanes ", cols), func(t *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor {
		out := s.Like(t, z*slabs*k*wide)
		for i := range z {
			for j := range n {
				for l := 0; l < k; l += 4 {
					t.Copy((i*n+j)*k+l, 4, out, (((i*slabs+j/wide)*(k/4)+l/4)*wide+j%wide)*4)
				}
			}
		}
		return out
	})
}
