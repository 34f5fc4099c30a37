package serve

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// infer runs a model on values. It returns the outputs in the model's order.
func (s *Server) infer(ctx context.Context, name, version string, inputs []*Value) (outputs []*Value, err error) {
	start := time.Now()
	var waited time.Duration
	var m *live
	defer func() { s.metrics.request(m, name, time.Since(start), waited, err) }()
	m, err = s.acquire(ctx, name)
	if err != nil {
		return nil, err
	}
	defer m.release()
	if version != "" && version != m.of.version {
		return nil, fmt.Errorf("version %q of model %q is %w", version, name, ErrNotFound)
	}
	arrived := m.batcher.announce()
	defer arrived()
	held := share{s: s}
	defer held.give()
	if inputs, err = s.pictures(ctx, m.network, inputs, &held); err != nil {
		return nil, err
	}
	if inputs, err = arrange(m.network, inputs); err != nil {
		return nil, err
	}
	j, err := m.batcher.run(ctx, inputs, arrived)
	if err != nil {
		return nil, err
	}
	waited = j.waited
	return j.outputs, nil
}

// pictures replaces an input of encoded pictures by what the network takes, which is in held.
func (s *Server) pictures(ctx context.Context, n Network, inputs []*Value, held *share) ([]*Value, error) {
	if len(inputs) != 1 || inputs[0].Datatype != "BYTES" || n.Inputs()[0].Datatype == "BYTES" {
		return inputs, nil
	}
	if err := inputs[0].check(); err != nil {
		return nil, badRequest{err}
	}
	if n := len(inputs[0].Bytes); n > s.o.MaxQueue {
		return nil, badRequest{fmt.Errorf("input %q has %d pictures, and %d are allowed", inputs[0].Name, n, s.o.MaxQueue)}
	}
	var rows [][]*Value
	for i, file := range inputs[0].Bytes {
		one, _, err := s.picture(ctx, n, file)
		if err != nil {
			return nil, fmt.Errorf("input %q, picture %d: %w", inputs[0].Name, i, err)
		}
		if err := held.takeAll(one); err != nil {
			return nil, err
		}
		rows = append(rows, one)
	}
	if len(rows) == 0 {
		return nil, badRequest{fmt.Errorf("input %q has no pictures", inputs[0].Name)}
	}
	var joined []*Value
	for k := range rows[0] {
		var all []*Value
		for _, r := range rows {
			if !slices.Equal(r[k].Shape[1:], rows[0][k].Shape[1:]) {
				return nil, badRequest{fmt.Errorf("input %q: the pictures become tensors of different sizes %v and %v", inputs[0].Name, rows[0][k].Shape, r[k].Shape)}
			}
			all = append(all, r[k])
		}
		joined = append(joined, join(all))
	}
	return joined, nil
}

// picture prepares a picture, as soon as one of the cores is free for it.
func (s *Server) picture(ctx context.Context, n Network, file []byte) ([]*Value, [2]int, error) {
	select {
	case s.decode <- struct{}{}:
	case <-ctx.Done():
		return nil, [2]int{}, ctx.Err()
	}
	defer func() { <-s.decode }()
	inputs, size, err := n.Picture(ctx, file)
	if err != nil && ctx.Err() == nil {
		err = badRequest{err}
	}
	return inputs, size, err
}

// badRequest is an error of the client.
type badRequest struct{ error }

func (b badRequest) Unwrap() error { return b.error }

// arrange checks inputs and puts them into the order of the network's.
func arrange(n Network, inputs []*Value) ([]*Value, error) {
	var out []*Value
	ports, alone := n.Inputs(), alone(n)
	rows := -1
	for _, p := range ports {
		i := slices.IndexFunc(inputs, func(v *Value) bool { return v.Name == p.Name })
		if i < 0 && len(ports) == 1 && len(inputs) == 1 {
			i = 0 // the only one, under any name
		}
		if i < 0 {
			return nil, badRequest{fmt.Errorf("input %q is missing", p.Name)}
		}
		v := inputs[i]
		if err := v.check(); err != nil {
			return nil, badRequest{err}
		}
		fits := len(v.Shape) == len(p.Shape) && (alone || len(v.Shape) > 0)
		for k := 0; fits && k < len(p.Shape); k++ {
			fits = (p.Shape[k] < 0 || p.Shape[k] == v.Shape[k]) && v.Shape[k] > 0
		}
		if !fits {
			return nil, badRequest{fmt.Errorf("input %q is %v, want %v (-1 is any)", v.Name, v.Shape, p.Shape)}
		}
		if rows >= 0 && v.rows() != rows && !alone {
			return nil, badRequest{fmt.Errorf("input %q has %d rows, others %d", v.Name, v.rows(), rows)}
		}
		rows = v.rows()
		out = append(out, v)
	}
	if len(inputs) != len(ports) {
		return nil, badRequest{fmt.Errorf("%d inputs, want %d", len(inputs), len(ports))}
	}
	return out, nil
}
