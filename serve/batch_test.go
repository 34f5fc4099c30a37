package serve

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// timed is a doubler whose runs take a time, on the clock of synctest.
type timed struct {
	doubler
	takes time.Duration
}

func (n *timed) Run(ctx context.Context, in []*Value) ([]*Value, error) {
	<-time.After(n.takes)
	return n.doubler.Run(ctx, in)
}

// ask sends a row, and returns how long it waited for its batch.
func ask(t *testing.T, b *batcher, arrived func()) time.Duration {
	t.Helper()
	j, err := b.run(t.Context(), []*Value{floats("x", 1, 2, 3)}, arrived)
	if err != nil {
		t.Error(err)
		return 0
	}
	return j.waited
}

// TestLone sends requests one after the other. None waits.
func TestLone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBatcher(&timed{takes: time.Millisecond}, time.Hour, 100, 8, nil)
		defer b.stop()
		for i := range 3 {
			if waited := ask(t, b, b.announce()); waited != 0 {
				t.Errorf("request %d waits %v", i, waited)
			}
		}
	})
}

// TestCompany has two clients. Where both asked before, a request waits for the other,
// no longer than the delay.
func TestCompany(t *testing.T) {
	const ms = time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		n := &timed{takes: 10 * ms}
		b := newBatcher(n, 2*ms, 100, 8, nil)
		defer b.stop()
		var other sync.WaitGroup
		other.Go(func() {
			<-time.After(5 * ms)
			if waited := ask(t, b, b.announce()); waited != 6*ms {
				t.Errorf("the other waits %v, want the rest of the first run and a millisecond for the first client", waited)
			}
		})
		ask(t, b, b.announce())
		<-time.After(ms)
		ask(t, b, b.announce())
		other.Wait()
		for i, want := range []time.Duration{2 * ms, 0, 0} { // the other asks no more
			if waited := ask(t, b, b.announce()); waited != want {
				t.Errorf("alone, request %d waits %v, want %v", i, waited, want)
			}
		}
		if want := []int{1, 2, 1, 1, 1}; !slices.Equal(n.runs, want) {
			t.Errorf("runs of %v rows, want %v", n.runs, want)
		}
	})
}

// TestAnnounced has a request that waits for another one, which comes or does not.
func TestAnnounced(t *testing.T) {
	const ms = time.Millisecond
	for _, comes := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			n := &timed{}
			b := newBatcher(n, time.Hour, 100, 8, nil)
			defer b.stop()
			first, second := b.announce(), b.announce()
			var all sync.WaitGroup
			all.Go(func() {
				if waited := ask(t, b, first); waited != ms {
					t.Errorf("the first waits %v", waited)
				}
			})
			<-time.After(ms)
			if comes {
				ask(t, b, second)
			} else {
				second()
			}
			all.Wait()
			want := []int{1}
			if comes {
				want = []int{2}
			}
			if !slices.Equal(n.runs, want) {
				t.Errorf("runs of %v rows, want %v", n.runs, want)
			}
		})
	}
}

// TestBound lets clients ask at odd times. No request waits longer than the delay and one
// batch, and those of many clients run together.
func TestBound(t *testing.T) {
	const delay, most, requests = 2 * time.Millisecond, 8, 50
	for _, clients := range []int{1, 2, 5, most} {
		t.Run(fmt.Sprint(clients), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var took time.Duration
				batches := 0
				b := newBatcher(&timed{takes: 4 * time.Millisecond}, delay, 100, most, func(_ int, _, one time.Duration) {
					took = max(took, one)
					batches++
				})
				waits := make([]time.Duration, clients)
				var all sync.WaitGroup
				for i := range clients {
					all.Go(func() {
						r := rand.New(rand.NewPCG(uint64(i), 1))
						for range requests {
							<-time.After(time.Duration(r.IntN(3000)) * time.Microsecond)
							waits[i] = max(waits[i], ask(t, b, b.announce()))
						}
					})
				}
				all.Wait()
				b.stop()
				if longest := slices.Max(waits); longest > delay+took || clients == 1 && longest > 0 {
					t.Errorf("a request waits %v; the delay is %v, a batch takes up to %v", longest, delay, took)
				}
				if 2*batches > clients*requests+requests {
					t.Errorf("%d batches for %d requests of %d clients", batches, clients*requests, clients)
				}
			})
		})
	}
}
