package vision

import (
	"context"
)

// await returns what f returns, or ctx's error if ctx ends before. f then goes on by
// itself. It is for reads and compilations, which cannot be interrupted.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
		panic any
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			r.panic = recover()
			done <- r
		}()
		r.value, r.err = f()
	}()
	select {
	case r := <-done:
		if r.panic != nil {
			panic(r.panic) // in the caller's goroutine, where it can be recovered
		}
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
