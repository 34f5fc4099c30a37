package tensor

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Parallel calls f(0) to f(n-1) on all cores and waits until all have returned. If
// one panics, Parallel panics with the same value.
func Parallel(n int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	var once sync.Once
	var panicked any // the value of the first panic
	for range workers {
		wg.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					next.Store(int64(n)) // the others stop, too
					once.Do(func() { panicked = r })
				}
			}()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
	if panicked != nil {
		panic(panicked)
	}
}
