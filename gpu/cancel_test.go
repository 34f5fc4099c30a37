package gpu

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/vertebra/vertebra/graph"
)

// chain returns a graph of many dispatches that fusion does not merge.
func chain(t *testing.T) *graph.Graph {
	return trace(t, func(g *graph.Graph) {
		x := g.Input("x", 8, 64)
		for range 12 {
			x = graph.Apply(graph.Softmax{Axis: -1}, x).Add(x)
		}
		g.Output("y", x)
	})
}

// TestCancel ends the context of a run after each of its submissions and then runs
// the plan again.
func TestCancel(t *testing.T) {
	d := open(t)
	g := chain(t)
	p, err := d.Compile(g)
	if err != nil {
		t.Fatal(err)
	}
	x := ramp(8, 64)
	want, err := p.Run(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	cancel, submissions, last := func() {}, 0, 0
	hook(d, hooked{submit: func() {
		p.pace.rate = 1 // one second per operation gives one submission per dispatch
		if submissions++; submissions == last {
			cancel()
		}
	}})
	p.pace.rate = 1
	if _, err := p.Run(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	all := submissions
	if all != len(p.dispatches) {
		t.Errorf("%d dispatches in %d submissions", len(p.dispatches), all)
	}
	for last = 1; last <= all; last++ {
		ctx, end := context.WithCancel(context.Background())
		defer end()
		cancel, submissions = end, 0
		if _, err := p.Run(ctx, x); !errors.Is(err, context.Canceled) {
			t.Errorf("ended at submission %d: %v", last, err)
		}
		if submissions != last {
			t.Errorf("ended at submission %d: %d followed", last, submissions-last)
		}
		submissions = all
		got, err := p.Run(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got[0].Data, want[0].Data) {
			t.Errorf("after an end at submission %d a run gives another result", last)
		}
	}
}

// ending is a context that ends at the nth call of its Err.
type ending struct {
	context.Context
	n int
}

func (e *ending) Err() error {
	if e.n--; e.n < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// TestCancelAnywhere ends a run at each place where it checks its context.
func TestCancelAnywhere(t *testing.T) {
	d := open(t)
	p, err := d.Compile(chain(t))
	if err != nil {
		t.Fatal(err)
	}
	x := ramp(8, 64)
	want, err := p.Run(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	p.pace.rate = 1
	hook(d, hooked{submit: func() { p.pace.rate = 1 }})
	for n := 0; ; n++ {
		got, err := p.Run(&ending{context.Background(), n}, x)
		if err == nil {
			if n < len(p.dispatches) {
				t.Errorf("a run of %d submissions looked at its context %d times", len(p.dispatches), n)
			}
			if !slices.Equal(got[0].Data, want[0].Data) {
				t.Error("a run after others that ended gives another result")
			}
			return
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
}

// TestCancelInTurn ends the context of a run that waits for another.
func TestCancelInTurn(t *testing.T) {
	d := open(t)
	p, err := d.Compile(chain(t))
	if err != nil {
		t.Fatal(err)
	}
	x := ramp(8, 64)
	ran := 0
	hook(d, hooked{submit: func() {
		if ran++; ran > 1 {
			return
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() {
			_, err := p.Run(ctx, x)
			done <- err
		}()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("a run that waits for its turn: %v", err)
		}
	}})
	if _, err := p.Run(context.Background(), x); err != nil {
		t.Fatal(err)
	}
}
