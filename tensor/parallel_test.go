package tensor

import (
	"sync/atomic"
	"testing"
)

// TestParallel counts the calls, and expects a panic of one where Parallel was
// called.
func TestParallel(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100} {
		var calls atomic.Int64
		Parallel(n, func(i int) { calls.Add(int64(i) + 1) })
		if want := int64(n * (n + 1) / 2); calls.Load() != want {
			t.Errorf("%d calls add up to %d, want %d", n, calls.Load(), want)
		}
		if n == 0 {
			continue
		}
		func() {
			defer func() {
				if r := recover(); r != "broken" {
					t.Errorf("%d calls: recovered %v", n, r)
				}
			}()
			Parallel(n, func(i int) {
				if i == n/2 {
					panic("broken")
				}
			})
		}()
	}
}
