package vision

import (
	"context"
	"fmt"
	"runtime/debug"

	"golang.org/x/sync/semaphore"
)

// usualMemory is what pictures of a call take together if Options.Memory is 0. A larger
// picture is then read alone.
const usualMemory = 2 << 30

// MemoryError is the error of a picture that takes more memory than Options.Memory
// allows.
type MemoryError struct{ Need, Limit int64 } // bytes

func (e *MemoryError) Error() string {
	return fmt.Sprintf("reading it takes %s of memory, only %s are allowed", bytesText(e.Need), bytesText(e.Limit))
}

// bytesText returns a number of bytes with a unit.
func bytesText(n int64) string {
	v, unit := float64(n), 0
	units := [...]string{"bytes", "kB", "MB", "GB", "TB", "PB", "EB"}
	for v >= 1000 && unit < len(units)-1 {
		v, unit = v/1000, unit+1
	}
	return fmt.Sprintf("%.3g %s", v, units[unit])
}

// budget is the memory of the pictures that a call reads. A call has a budget of its
// own, because calls that wait for each other's pictures might wait for ever.
type budget struct {
	free  *semaphore.Weighted
	limit int64
}

func newBudget(limit int64) *budget {
	if limit == 0 {
		limit = usualMemory
	}
	return &budget{semaphore.NewWeighted(limit), limit}
}

// share is what a picture holds of a budget. The zero value holds nothing.
type share struct {
	of *budget
	n  int64
}

// take waits for n bytes. It calls wait before, if they are not free.
func (b *budget) take(ctx context.Context, n int64, wait func()) (share, error) {
	n = min(n, b.limit)
	if !b.free.TryAcquire(n) {
		wait()
		if err := b.free.Acquire(ctx, n); err != nil {
			return share{}, err
		}
	}
	sweep(n)
	return share{b, n}, nil
}

// sweep gives to the system what other pictures, and the decoder of a large picture,
// have left. Otherwise garbage would come up to the size of all that is in use.
func sweep(need int64) {
	if need >= 100<<20 {
		debug.FreeOSMemory()
	}
}

// keep gives back all but n bytes.
func (s *share) keep(n int64) {
	if s.n > n {
		s.of.free.Release(s.n - n)
		s.n = n
	}
}

// enough returns an error if a picture needs more than a limit.
func enough(need, limit int64) error {
	if limit > 0 && need > limit {
		return &MemoryError{need, limit}
	}
	return nil
}
