package gpu

import (
	"context"
	"sync"
	"time"

	"github.com/vertebra/vertebra/gpu/driver"
)

const (
	// aim is how many seconds a submission should take. A submission cannot be
	// stopped, and a desktop resets its GPU after one of several seconds.
	aim = 0.5

	// glance is the longest wait before a look at the context.
	glance = 50 * time.Millisecond

	// mostQueued is the most submissions that wait in the device's queue.
	mostQueued = 64
)

// queue holds the submissions to a device that are not known to be done: at most
// two of aim seconds, or one longer one. This bounds how long the device is busy
// after a run is cancelled, and how long one plan delays another.
type queue struct {
	gate chan struct{} // holds a token while a goroutine is about to submit

	mu      sync.Mutex // guards all below
	waiting []waiting  // the oldest first
	seconds float64    // sum of theirs
}

type waiting struct {
	submission driver.Submission
	seconds    float64
}

// submit waits for room in the queue and submits commands, which are expected to
// take the given seconds. The caller has entered the device.
func (d *Device) submit(ctx context.Context, commands []driver.Command, seconds float64) (driver.Submission, error) {
	q := &d.queue
	select {
	case q.gate <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-q.gate }()
	for {
		oldest, full := q.full(seconds)
		if !full {
			break
		}
		if err := d.await(ctx, oldest); err != nil {
			return 0, err
		}
	}
	s, err := d.driver.Submit(commands)
	if err != nil {
		return 0, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, waiting{s, seconds})
	q.seconds += seconds
	return s, nil
}

// full reports whether the queue has no room for a submission of the given seconds.
// If so, it also returns the submission to wait for. An empty queue has room.
func (q *queue) full(seconds float64) (oldest driver.Submission, full bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 || len(q.waiting) < mostQueued && q.seconds+seconds <= 2*aim {
		return 0, false
	}
	return q.waiting[0].submission, true
}

// await waits for a submission and returns an error if ctx has ended.
func (d *Device) await(ctx context.Context, s driver.Submission) error {
	for !d.driver.Wait(s, glance) {
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	d.queue.done(s)
	return ctx.Err()
}

// done removes a submission that is done, and all before it.
func (q *queue) done(s driver.Submission) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.waiting) && q.waiting[n].submission <= s {
		q.seconds -= q.waiting[n].seconds
		n++
	}
	q.waiting = append(q.waiting[:0], q.waiting[n:]...)
	if len(q.waiting) == 0 {
		q.seconds = 0 // drop rounding errors
	}
}

// run submits commands and waits for them.
func (d *Device) run(ctx context.Context, commands ...driver.Command) error {
	s, err := d.submit(ctx, commands, 0)
	if err != nil {
		return err
	}
	return d.await(ctx, s)
}
