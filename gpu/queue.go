package gpu

import (
	"context"
	"sync"
	"time"

	"github.com/vertebra/vertebra/gpu/driver"
)

const (
	// aim is how many seconds a submission should take: one of several makes a
	// desktop reset its GPU, and nothing can end one.
	aim = 0.5

	// glance is how long a wait goes on without a look at its context.
	glance = 50 * time.Millisecond

	// mostQueued is the most submissions that wait in the device's queue.
	mostQueued = 64
)

// queue is what was submitted to a device and is not known to be done. It holds
// no more than two submissions of the length aimed at, or one that is longer, so
// that who gives up leaves the device busy for no longer, and no plan keeps others
// waiting for longer.
type queue struct {
	gate chan struct{} // holds one token of whoever is about to submit

	mu      sync.Mutex // guards all below
	waiting []waiting  // the oldest first
	seconds float64    // of all of them
}

type waiting struct {
	submission driver.Submission
	seconds    float64
}

// submit has the device run commands, which should take so many seconds, once
// there is room for them. The caller has entered.
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

// full reports whether the queue has no room for so many seconds, and what to
// wait for then. An empty queue has room.
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

// done takes note that a submission is done, and with it all before.
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
		q.seconds = 0 // whatever was lost to rounding
	}
}

// run has the device run commands and waits for them.
func (d *Device) run(ctx context.Context, commands ...driver.Command) error {
	s, err := d.submit(ctx, commands, 0)
	if err != nil {
		return err
	}
	return d.await(ctx, s)
}
