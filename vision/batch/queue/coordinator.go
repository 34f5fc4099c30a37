package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vertebra/vertebra/vision/batch"
)

// Coordinator queues the units of a job until each has a file or a dead letter. In an
// engine, a job has one coordinator: the second one ends with a TakenError. Hold finds out about
// others with an engine of their own.
type Coordinator struct {
	Job   *batch.Job
	Out   string        // where workers find the store of results
	In    string        // where relative paths of pictures begin; empty means the job's folder
	Lease time.Duration // a worker that is silent for so long has lost its unit; 0 means 30 s
	Log   *slog.Logger

	// Progress, if it is not nil, is told of each unit that is done by a worker.
	Progress func(batch.Report)

	c     *connection
	names subjects
	run   string
	left  map[int]bool // units without a file or a letter, as far as is known
	round int          // how often units were queued
}

// event is what a worker tells.
type event struct {
	report *batch.Report
	letter *batch.Letter
}

// Run runs the job. It returns the letters of the units that were given up.
func (q *Coordinator) Run(ctx context.Context, a Access) ([]batch.Letter, error) {
	if q.Lease <= 0 {
		q.Lease = 30 * time.Second
	}
	q.run, q.names = fmt.Sprintf("%08x", rand.Uint32()), subjectsOf(q.Job.ID)
	var err error
	if q.c, err = a.connect("coordinator", time.Minute); err != nil {
		return nil, err
	}
	defer q.c.Close()
	events := make(chan event, 1024)
	if err := q.listen(ctx, events); err != nil {
		return nil, err
	}
	if err := q.look(ctx); err != nil {
		return nil, err
	}
	// Events may be lost, and the queue: the state is looked at from time to time.
	again := time.NewTicker(max(q.Lease/4, pause))
	defer again.Stop()
	for queued := false; len(q.left) > 0; {
		if !queued {
			switch err := q.fill(ctx); {
			case err == nil:
				queued = true
			case isTaken(err):
				return nil, err
			default:
				q.Log.Warn("units cannot be queued", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case e := <-events:
			q.note(e)
		case <-again.C:
			if lost, err := q.lost(ctx); isTaken(err) {
				return nil, err
			} else if err != nil {
				q.Log.Warn("the queue cannot be looked at", "error", err)
			} else if lost {
				queued = false
				if err := q.look(ctx); err != nil {
					return nil, err
				}
			}
		}
		if len(q.left) == 0 { // the files decide
			if err := q.look(ctx); err != nil {
				return nil, err
			}
			queued = queued && len(q.left) == 0
		}
	}
	q.c.Publish(q.names.end, nil)
	q.c.FlushTimeout(answer)
	if err := q.clear(ctx); err != nil {
		q.Log.Warn("the queue stays", "error", err)
	}
	return batch.Letters(ctx, q.Job.Out, q.run)
}

// listen hears what workers tell, and answers what they ask.
func (q *Coordinator) listen(ctx context.Context, events chan<- event) error {
	tell := func(e event) {
		select {
		case events <- e:
		case <-ctx.Done():
		}
	}
	about, err := json.Marshal(Announcement{q.Job.ID, q.Out, q.In, q.Lease})
	if err != nil {
		return err
	}
	for subject, hear := range map[string]nats.MsgHandler{
		announce: func(m *nats.Msg) { m.Respond(about) },
		q.names.done: func(m *nats.Msg) {
			r := &batch.Report{}
			if json.Unmarshal(m.Data, r) == nil {
				tell(event{report: r})
			}
		},
		q.names.dead: func(m *nats.Msg) {
			l := &batch.Letter{}
			if json.Unmarshal(m.Data, l) == nil {
				tell(event{letter: l})
			}
		},
	} {
		if _, err := q.c.Subscribe(subject, hear); err != nil {
			return err
		}
	}
	return q.c.FlushTimeout(time.Minute)
}

// note takes what a worker has told.
func (q *Coordinator) note(e event) {
	switch {
	case e.report != nil && q.left[e.report.Unit]:
		delete(q.left, e.report.Unit)
		if q.Progress != nil {
			q.Progress(*e.report)
		}
	case e.letter != nil && e.letter.Run == q.run:
		delete(q.left, e.letter.Unit)
		q.Log.Warn("unit given up", "unit", e.letter.Unit, "why", e.letter.Why)
	}
}

// look finds out by the files what is left.
func (q *Coordinator) look(ctx context.Context) error {
	missing, err := q.Job.Missing(ctx)
	if err != nil {
		return err
	}
	letters, err := batch.Letters(ctx, q.Job.Out, q.run)
	if err != nil {
		return err
	}
	before := q.left
	q.left = map[int]bool{}
	for _, n := range missing {
		q.left[n] = true
	}
	for _, l := range letters {
		delete(q.left, l.Unit)
	}
	for n := range before {
		if !q.left[n] && q.Progress != nil {
			q.Progress(batch.Report{Unit: n}) // nobody has told of it
		}
	}
	return nil
}

// clear deletes the queue.
func (q *Coordinator) clear(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, answer)
	defer stop()
	if err := q.c.stream.DeleteStream(ctx, q.names.stream); !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	return nil
}

// fill makes the queue, if it is not there, and queues what is left.
func (q *Coordinator) fill(ctx context.Context) error {
	if q.round == 0 {
		if err := q.claim(ctx); err != nil {
			return err
		}
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	s, err := q.create(ctx)
	if err != nil {
		return err
	}
	if _, err := s.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: q.Lease, MaxDeliver: -1, MaxAckPending: 1 << 14,
	}); err != nil {
		return err
	}
	if q.round == 0 {
		if err := q.hold(); err != nil {
			return err
		}
	}
	q.round++
	const together = 256
	var sent []jetstream.PubAckFuture
	settle := func() error {
		for _, f := range sent {
			select {
			case <-f.Ok():
			case err := <-f.Err():
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		sent = sent[:0]
		return nil
	}
	for n := range q.Job.Units() {
		if !q.left[n] {
			continue
		}
		b, err := json.Marshal(task{n, q.run})
		if err != nil {
			return err
		}
		f, err := q.c.stream.PublishAsync(q.names.units, b, jetstream.WithMsgID(fmt.Sprintf("%s.%d.%d", q.run, q.round, n)))
		if err != nil {
			return err
		}
		if sent = append(sent, f); len(sent) == together {
			if err := settle(); err != nil {
				return err
			}
		}
	}
	return settle()
}

// create makes the stream, with three copies in a cluster.
func (q *Coordinator) create(ctx context.Context) (jetstream.Stream, error) {
	ctx, stop := context.WithTimeout(ctx, answer)
	defer stop()
	s, err := q.c.stream.Stream(ctx, q.names.stream)
	if err == nil {
		return s, q.own(s)
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, err
	}
	o := jetstream.StreamConfig{
		Name: q.names.stream, Subjects: []string{q.names.units}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Replicas: 3,
		Metadata: map[string]string{keyRun: q.run, keyBy: self()},
	}
	s, err = q.c.stream.CreateStream(ctx, o)
	var refused *jetstream.APIError
	if errors.As(err, &refused) && (refused.ErrorCode == oneServer || refused.ErrorCode == fewServers) {
		o.Replicas = 1
		s, err = q.c.stream.CreateStream(ctx, o)
	}
	return s, err
}

// The codes of JetStream for a server without a cluster, and for a cluster of less than
// three servers.
const (
	oneServer  = 10074
	fewServers = 10005
)

// lost reports whether the queue is gone, or empty while units are left.
func (q *Coordinator) lost(ctx context.Context) (bool, error) {
	ctx, stop := context.WithTimeout(ctx, answer)
	defer stop()
	s, err := q.c.stream.Stream(ctx, q.names.stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return true, nil
	}
	if err == nil {
		err = q.own(s)
	}
	if err != nil {
		return false, err
	}
	if _, err := s.Consumer(ctx, consumer); errors.Is(err, jetstream.ErrConsumerNotFound) {
		return true, nil
	}
	return s.CachedInfo().State.Msgs == 0, nil
}
