package serve

import (
	"context"
	"time"
)

// bestBatch measures which number of rows takes the least time for each, up to most. A
// larger batch has to gain 5 %, because it makes others wait.
func bestBatch(ctx context.Context, n Network, most int) (best int, err error) {
	var one []*Value
	for _, p := range n.Inputs() {
		v := &Value{Name: p.Name, Datatype: p.Datatype}
		for i, d := range p.Shape {
			if i == 0 && !alone(n) {
				d = 1
			}
			if d < 1 {
				return 1, nil // the size is not known before the first request
			}
			v.Shape = append(v.Shape, d)
		}
		size, known := sizes[p.Datatype]
		if !known || len(v.Shape) == 0 {
			return 1, nil
		}
		count, err := elements(v.Shape, 1<<30)
		if err != nil {
			return 1, nil
		}
		v.Raw = make([]byte, size*count)
		one = append(one, v)
	}
	if alone(n) {
		_, err := n.Run(ctx, one)
		return 1, err
	}
	best = 1
	least := time.Duration(0)
	for rows := 1; rows <= most; rows *= 2 {
		inputs := make([]*Value, len(one))
		for i, v := range one {
			all := make([]*Value, rows)
			for k := range all {
				all[k] = v
			}
			inputs[i] = join(all)
		}
		var each time.Duration
		for run := range 4 { // the first compiles
			start := time.Now()
			if _, err := n.Run(ctx, inputs); err != nil {
				if rows > 1 && ctx.Err() == nil {
					return best, nil // such as too large for the device
				}
				return 0, err
			}
			if took := time.Since(start) / time.Duration(rows); run > 0 && (each == 0 || took < each) {
				each = took
			}
		}
		switch {
		case least == 0 || float64(each) < 0.95*float64(least):
			best, least = rows, each
		case float64(each) > 1.2*float64(least):
			return best, nil
		}
	}
	return best, nil
}
