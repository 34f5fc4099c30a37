package main

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
)

// count is what the kernels of an op accessed.
type count struct {
	row
	kernels        []string
	least          int64
	bytes, lines   int64 // of all accesses; of the lines that come from memory
	accesses, wide int64
}

func (c count) asked() float64  { return float64(c.bytes) / float64(c.least) }
func (c count) memory() float64 { return float64(c.lines) / float64(c.least) }

const (
	line    = 64       // bytes
	near    = 16 << 10 // bytes of lines that stay near a workgroup
	entries = 8 << 20  // most accesses of a kernel
	align   = 256      // of a uniform
)

// measure runs the kernels of an op on zeros: where they read does not depend on numbers.
func measure(d driver.Device, r row) (count, error) {
	c := count{row: r}
	g, err := graph.Trace(func(g *graph.Graph) {
		var args []*graph.Value
		for i, s := range r.args {
			args = append(args, g.Input(fmt.Sprint("x", i), s...))
			c.least += 4 * int64(s.Len())
		}
		y := graph.Apply(r.op, args...)
		c.least += 4 * int64(y.Shape.Len())
		g.Output("y", y)
	})
	if err != nil {
		return c, err
	}
	p, err := plan.New(g, shaders.Default, 256<<20, plan.Choice{})
	if err != nil {
		return c, err
	}
	zeros, err := d.Buffer(align, driver.Storage)
	if err != nil {
		return c, err
	}
	defer zeros.Release()
	var buffers []driver.Buffer
	for _, bytes := range p.Sizes {
		b, err := d.Buffer(bytes, driver.Storage)
		if err != nil {
			return c, err
		}
		defer b.Release()
		buffers = append(buffers, b)
	}
	for _, s := range p.Steps {
		if s.Eval != nil {
			return c, fmt.Errorf("%s has no kernel", s.Op)
		}
		c.kernels = append(c.kernels, s.Name)
		ranges := make([]driver.Range, len(s.Bindings))
		for i, b := range s.Bindings {
			if ranges[i] = (driver.Range{Buffer: zeros, Size: align}); b.Buffer >= 0 {
				ranges[i] = driver.Range{Buffer: buffers[b.Buffer], Offset: b.Offset, Size: b.Size}
			}
		}
		if err := c.step(d, s.Kernel, ranges); err != nil {
			return c, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return c, nil
}

// step runs a kernel with a record of its accesses.
func (c *count) step(d driver.Device, k shaders.Kernel, ranges []driver.Range) error {
	text, widths, err := k.Traced()
	if err != nil {
		return err
	}
	words, err := k.Sizes.Words()
	if err != nil {
		return err
	}
	uniform := make([]byte, max(align, 4*len(words)))
	for i, w := range words {
		binary.LittleEndian.PutUint32(uniform[4*i:], w)
	}
	size := int64(8 + 8*entries)
	var made []driver.Buffer
	for _, bytes := range []int64{int64(len(uniform)), size} {
		b, err := d.Buffer(bytes, driver.Storage)
		if err != nil {
			return err
		}
		defer b.Release()
		made = append(made, b)
	}
	back, err := d.Buffer(size, driver.Readable)
	if err != nil {
		return err
	}
	defer back.Release()
	if err := d.Write(made[0], 0, uniform); err != nil {
		return err
	}
	pipe, err := d.Pipeline(text, append(k.Access(), shaders.ReadWrite))
	if err != nil {
		return err
	}
	defer pipe.Release()
	log := driver.Range{Buffer: made[1], Size: size}
	group, err := d.Group(pipe, append(ranges[:len(ranges):len(ranges)], driver.Range{Buffer: made[0], Size: int64(len(uniform))}, log))
	if err != nil {
		return err
	}
	defer group.Release()
	submission, err := d.Submit([]driver.Command{{Pipeline: pipe, Group: group, Grid: k.Grid}, {From: log, To: driver.Range{Buffer: back, Size: size}}})
	if err != nil {
		return err
	}
	for !d.Wait(submission, time.Second) {
	}
	all := make([]byte, size)
	if err := d.Read(back, all); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(all))
	if n > entries {
		return fmt.Errorf("%d accesses, more than %d", n, entries)
	}
	c.add(all[8:8+8*n], widths, ranges)
	return nil
}

// add counts the entries of a record.
func (c *count) add(record []byte, widths []int, ranges []driver.Range) {
	type place struct{ group, line uint32 } // the line's highest bits are the binding
	seen, of := map[place]int64{}, map[uint32]int64{}
	for ; len(record) > 0; record = record[8:] {
		group, at := binary.LittleEndian.Uint32(record), binary.LittleEndian.Uint32(record[4:])
		binding := at >> 28
		width := int64(widths[binding])
		first := int64(at&0xfffffff) * width
		if first >= ranges[binding].Size {
			continue // it returns something without a look at memory
		}
		if ranges[binding].Size <= near { // all workgroups share it
			group = 1<<31 | binding
		}
		c.accesses++
		c.bytes += width
		if width >= 16 {
			c.wide++
		}
		for l := first / line; l*line < first+width; l++ {
			p := place{group, binding<<28 | uint32(l)}
			if seen[p] == 0 {
				of[group] += line
			}
			seen[p] += min(width, line)
		}
	}
	for p, bytes := range seen {
		if of[p.group] <= near {
			bytes = line
		}
		c.lines += (bytes + line - 1) / line * line
	}
}
