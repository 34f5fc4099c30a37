package serve

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync"
	"time"
)

// ErrBusy is in the error of a request that finds the queue of its model full.
var ErrBusy = errors.New("the queue is full")

// errStopped is the error of a request to a model that is unloaded meanwhile.
var errStopped = errors.New("the model is unloaded")

// job is a request that waits for its turn.
type job struct {
	ctx     context.Context
	inputs  []*Value
	rows    int
	arrived time.Time

	done    chan struct{} // closed when the next two are set
	outputs []*Value
	err     error
	waited  time.Duration
}

// like reports whether two jobs can run in one batch.
func (j *job) like(o *job) bool {
	return slices.EqualFunc(j.inputs, o.inputs, func(a, b *Value) bool {
		return a.Datatype == b.Datatype && slices.Equal(a.Shape[min(1, len(a.Shape)):], b.Shape[min(1, len(b.Shape)):])
	})
}

// batcher runs the jobs of a model one batch after another.
//
// A batch that is not full waits while it has a reason to: a request is on its way, being
// decoded for example; or fewer jobs wait than when the last batch ended, whose clients may
// be about to ask again. So a lone request never waits: it runs in its own goroutine. A
// batch waits no longer than delay after its oldest job has come and the batch before it has
// ended. So a job of a queue that is no longer than a batch waits at most delay and the time
// of one batch.
type batcher struct {
	network Network
	delay   time.Duration // the longest that a batch waits for more jobs
	queue   int           // most rows that wait
	most    int           // rows of a batch
	note    func(rows int, waited, took time.Duration)

	mu      sync.Mutex
	waiting []*job
	rows    int
	coming  int       // requests that are announced and do not wait yet
	company int       // jobs that were there when the last batch ended: its own and those that waited
	free    time.Time // when the last batch ended
	running bool
	stopped bool
	wake    chan struct{} // has a token after a change
	ended   chan struct{}
}

// newBatcher starts a batcher, which stop ends.
func newBatcher(n Network, delay time.Duration, queue, most int, note func(rows int, waited, took time.Duration)) *batcher {
	b := &batcher{network: n, delay: delay, queue: queue, most: max(most, 1), note: note, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go b.loop()
	return b
}

// announce says that a request is on its way to run, which calls arrived when it is there.
// A request that fails before that calls it, too. To call it again does nothing.
func (b *batcher) announce() (arrived func()) {
	b.mu.Lock()
	b.coming++
	b.mu.Unlock()
	return sync.OnceFunc(func() {
		b.mu.Lock()
		b.coming--
		others := len(b.waiting) > 0
		b.mu.Unlock()
		if others {
			b.signal()
		}
	})
}

// run computes a request that was announced. It waits for its turn, and fails at once if
// the queue is full.
func (b *batcher) run(ctx context.Context, inputs []*Value, arrived func()) (*job, error) {
	defer arrived()
	j := &job{ctx: ctx, inputs: inputs, rows: inputs[0].rows(), arrived: time.Now(), done: make(chan struct{})}
	b.mu.Lock()
	switch {
	case b.stopped:
		b.mu.Unlock()
		return nil, errStopped
	case b.rows > 0 && b.rows+j.rows > b.queue:
		b.mu.Unlock()
		return nil, ErrBusy
	case !b.running && len(b.waiting) == 0 && (b.most == 1 || b.coming == 1 && b.company <= 1):
		b.running = true
		b.mu.Unlock()
		arrived()
		b.compute([]*job{j})
		return j, j.err
	}
	b.waiting = append(b.waiting, j)
	b.rows += j.rows
	b.mu.Unlock()
	arrived()
	select {
	case <-j.done:
		return j, j.err
	case <-ctx.Done():
		b.mu.Lock()
		if i := slices.Index(b.waiting, j); i >= 0 {
			b.waiting = slices.Delete(b.waiting, i, i+1)
			b.rows -= j.rows
		}
		b.mu.Unlock()
		return nil, ctx.Err()
	}
}

func (b *batcher) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// depth returns the rows that wait.
func (b *batcher) depth() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rows
}

// stop ends the batcher after the jobs that wait.
func (b *batcher) stop() {
	b.mu.Lock()
	b.stopped = true
	b.mu.Unlock()
	b.signal()
	<-b.ended
}

func (b *batcher) loop() {
	defer close(b.ended)
	for {
		batch := b.next()
		if batch == nil {
			return
		}
		b.compute(batch)
	}
}

// next waits until no batch runs, and for the jobs of the next batch: those that are like the
// oldest one. It returns nil at the end.
func (b *batcher) next() []*job {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		b.mu.Lock()
		if b.running {
			b.mu.Unlock()
			<-b.wake
			continue
		}
		batch, rows := b.candidates()
		stopped := b.stopped
		if len(batch) > 0 {
			since := batch[0].arrived
			if b.free.After(since) {
				since = b.free
			}
			left := b.delay - time.Since(since)
			lone := b.coming == 0 && len(b.waiting) >= b.company
			if left <= 0 || rows >= b.most || b.most == 1 || lone || stopped {
				b.take(batch)
				b.mu.Unlock()
				return batch
			}
			timer.Reset(left)
		}
		b.mu.Unlock()
		if len(batch) == 0 && stopped {
			return nil
		}
		if len(batch) == 0 {
			<-b.wake
			continue
		}
		select {
		case <-b.wake:
		case <-timer.C:
		}
	}
}

// candidates returns the jobs that can run with the oldest one, and their rows. It drops
// jobs that nobody waits for. The caller holds the lock.
func (b *batcher) candidates() (batch []*job, rows int) {
	var left []*job
	for _, j := range b.waiting {
		if j.ctx.Err() != nil {
			b.rows -= j.rows
			j.err = j.ctx.Err()
			close(j.done)
			continue
		}
		left = append(left, j)
		if len(batch) == 0 || !alone(b.network) && j.like(batch[0]) && rows+j.rows <= b.most {
			batch, rows = append(batch, j), rows+j.rows
		}
	}
	b.waiting = left
	return batch, rows
}

// take removes jobs from the queue. The caller holds the lock.
func (b *batcher) take(batch []*job) {
	var left []*job
	i := 0
	for _, j := range b.waiting {
		if i < len(batch) && j == batch[i] {
			b.rows -= j.rows
			i++
			continue
		}
		left = append(left, j)
	}
	b.waiting, b.running = left, true
}

// busy reports whether a batch is being computed.
func (b *batcher) busy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.running
}

// compute runs a batch. If it fails, each job runs alone, so that one cannot fail others.
func (b *batcher) compute(batch []*job) {
	start := time.Now()
	rows := 0
	for _, j := range batch {
		j.waited = start.Sub(j.arrived)
		rows += j.rows
	}
	ctx := context.Background()
	if len(batch) == 1 {
		ctx = batch[0].ctx
	}
	outputs, err := b.rowsOf(ctx, batch, rows)
	if err != nil && len(batch) > 1 {
		for _, j := range batch {
			j.outputs, j.err = b.rowsOf(j.ctx, []*job{j}, j.rows)
		}
	} else {
		at := 0
		for _, j := range batch {
			j.err = err
			if alone(b.network) {
				j.outputs = outputs
				break
			}
			for _, o := range outputs {
				j.outputs = append(j.outputs, o.slice(at, at+j.rows))
			}
			at += j.rows
		}
	}
	b.mu.Lock()
	b.running, b.free, b.company = false, time.Now(), len(batch)+len(b.waiting)
	next := b.stopped || len(b.waiting) > 0
	b.mu.Unlock()
	if next {
		b.signal()
	}
	took := time.Since(start)
	if b.note != nil {
		b.note(rows, batch[0].waited, took)
	}
	for _, j := range batch {
		close(j.done)
	}
}

// rowsOf runs the rows of jobs in parts whose sizes are powers of two, so that a network
// has few plans.
func (b *batcher) rowsOf(ctx context.Context, batch []*job, rows int) (outputs []*Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			outputs, err = nil, fmt.Errorf("internal error: %v", r)
		}
	}()
	if alone(b.network) {
		return b.network.Run(ctx, batch[0].inputs)
	}
	var inputs []*Value
	for i := range batch[0].inputs {
		var all []*Value
		for _, j := range batch {
			all = append(all, j.inputs[i])
		}
		inputs = append(inputs, join(all))
	}
	var parts [][]*Value
	for at := 0; at < rows; {
		n := min(1<<(bits.Len(uint(rows-at))-1), b.most)
		part := make([]*Value, len(inputs))
		for i, v := range inputs {
			part[i] = v.slice(at, at+n)
		}
		out, err := b.network.Run(ctx, part)
		if err != nil {
			return nil, err
		}
		for _, o := range out {
			if o.rows() != n {
				return nil, fmt.Errorf("output %q has %d rows for %d of the input", o.Name, o.rows(), n)
			}
		}
		parts = append(parts, out)
		at += n
	}
	for i := range parts[0] {
		var all []*Value
		for _, p := range parts {
			all = append(all, p[i])
		}
		outputs = append(outputs, join(all))
	}
	return outputs, nil
}
