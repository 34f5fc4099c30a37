package vision

import (
	"context"
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
)

// DriverError is the error of a device that computes wrong numbers.
type DriverError struct {
	Device string  // with its driver
	Off    float64 // the largest difference, of a range of 0 to 1
}

func (e *DriverError) Error() string {
	return fmt.Sprintf("the device computes wrong numbers: a part of the first picture is off by %.2g on %s", e.Off, e.Device)
}

const (
	provenSide   = 8    // pixels of the input whose results are compared
	tolerated    = 1e-3 // ten times what models are held to
	toleratedF16 = 2e-2

	// softwareWork is the most operations of a proof on a software device, whose cores
	// have to do both.
	softwareWork = 100e6
)

// proven is a comparison under way. wait returns its error.
type proven chan error

func (p proven) wait(ctx context.Context) error {
	if p == nil {
		return nil
	}
	select {
	case err := <-p:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// prove compares a corner of a tile's result y with plain Go, once for each model: a driver
// that computes nonsense is found at the first picture. It takes the corner with most
// contrast, since a wrong result may be right where all is black. The network computes
// meanwhile.
func (m *Model) prove(ctx context.Context, u Upscaler, x, y *tensor.Tensor) proven {
	d := m.Device().GPU()
	if d == nil || !m.proving.CompareAndSwap(false, true) {
		return nil
	}
	h, w := min(provenSide+u.Halo, x.Shape[1]), min(provenSide+u.Halo, x.Shape[2])
	top, left := corner(x, h, w)
	part := cut(x, top, left, h, w)
	g, err := models.Trace(m.Network, part.Shape...)
	if err != nil || d.Info().Type == "software" && operations(g) > softwareWork {
		return nil
	}
	// Pixels near a cut see less than they do in the tile.
	rows, columns := sure(top, h, x.Shape[1], u.Halo), sure(left, w, x.Shape[2], u.Halo)
	got := cut(y, (top+rows[0])*u.Scale, (left+columns[0])*u.Scale, (rows[1]-rows[0])*u.Scale, (columns[1]-columns[0])*u.Scale)
	done := make(proven, 1)
	go func() {
		out, err := g.Eval(ctx, part)
		if err != nil {
			done <- err
			return
		}
		want := cut(out[0], rows[0]*u.Scale, columns[0]*u.Scale, got.Shape[1], got.Shape[2])
		off, err := tensor.Diff(got, want)
		most := tolerated
		if d.F16() {
			most = toleratedF16
		}
		if err == nil && !(off.Max <= most) {
			err = &DriverError{m.Device().String(), off.Max}
		}
		done <- err
	}()
	return done
}

// corner returns the place of the corner h×w of x that has the most contrast.
func corner(x *tensor.Tensor, h, w int) (top, left int) {
	best := float32(-1)
	for _, at := range [][2]int{{0, 0}, {0, x.Shape[2] - w}, {x.Shape[1] - h, 0}, {x.Shape[1] - h, x.Shape[2] - w}} {
		part := cut(x, at[0], at[1], h, w).Data
		low, high := part[0], part[0]
		for _, v := range part {
			low, high = min(low, v), max(high, v)
		}
		if high-low > best {
			best, top, left = high-low, at[0], at[1]
		}
	}
	return top, left
}

// sure returns which of the n pixels from start on, of all, are more than a halo away from
// a cut.
func sure(start, n, all, halo int) [2]int {
	s := [2]int{0, n}
	if start > 0 {
		s[0] = halo
	}
	if start+n < all {
		s[1] = n - halo
	}
	return s
}

// cut returns a part of a picture [1, H, W, C].
func cut(x *tensor.Tensor, top, left, h, w int) *tensor.Tensor {
	c := x.Shape[3]
	part := tensor.New(1, h, w, c)
	for i := range h {
		copy(part.Data[i*w*c:(i+1)*w*c], x.Data[((top+i)*x.Shape[2]+left)*c:])
	}
	return part
}

// operations returns the operations of a graph.
func operations(g *graph.Graph) (n float64) {
	for _, v := range g.Nodes {
		if v.Op != nil {
			n += float64(graph.FLOPs(v.Op, v.ArgShapes(), v.Shape))
		}
	}
	return n
}
