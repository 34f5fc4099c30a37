package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vertebra/vertebra/vision/batch"
)

// Deliveries is how many workers may fail at a unit before it is given up.
const Deliveries = 3

// ErrGone is the error of a worker that has heard from no coordinator for its patience.
var ErrGone = errors.New("no job is heard of")

// Client is a connection of a worker.
type Client struct {
	*connection
	patience time.Duration
}

// Dial connects to an engine, for a worker of some name. A client that gets no answer
// tries again for the time of patience.
func Dial(a Access, name string, patience time.Duration) (*Client, error) {
	c, err := a.connect(name, patience)
	if err != nil {
		return nil, err
	}
	return &Client{c, patience}, nil
}

// Job asks for the job to work at.
func (c *Client) Job(ctx context.Context) (Announcement, error) {
	var a Announcement
	err := c.ask(ctx, announce, &a)
	return a, err
}

// pause is how long a client waits before it tries again.
const pause = 250 * time.Millisecond

// answer is how long a client waits for an answer. A server that does not answer, such as
// one of a cluster that has no leader at the moment, is asked again.
const answer = 5 * time.Second

// ask sends a request and decodes its answer.
func (c *Client) ask(ctx context.Context, subject string, into any) error {
	ctx, stop := context.WithTimeoutCause(ctx, c.patience, ErrGone)
	defer stop()
	for {
		one, cancel := context.WithTimeout(ctx, answer)
		m, err := c.RequestWithContext(one, subject, nil)
		cancel()
		if err == nil {
			return json.Unmarshal(m.Data, into)
		}
		if err := rest(ctx); err != nil {
			return err
		}
	}
}

// rest waits before another try. Its error is that of ctx.
func rest(ctx context.Context) error {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Worker does units until its job has ended.
type Worker struct {
	*batch.Worker
	Client *Client
	Lease  time.Duration // of the Announcement
	Log    *slog.Logger

	// Begin, if it is not nil, is told of each unit before it is done.
	Begin func(unit int)

	names    subjects
	failures int  // at units
	able     bool // it has done a unit
}

// Run does units. It returns nil when the job has ended. If ctx ends, the unit goes back
// to the queue. If the worker fails at several units and has done none, the fault is its
// own, and Run returns the last error.
func (w *Worker) Run(ctx context.Context) error {
	w.names = subjectsOf(w.Job.ID)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ended := errors.New("the job has ended")
	end, err := w.Client.Subscribe(w.names.end, func(*nats.Msg) { stop(ended) })
	if err != nil {
		return err
	}
	defer end.Unsubscribe()
	for err == nil {
		if err = w.next(ctx); err != nil && errors.Is(context.Cause(ctx), ended) {
			return nil
		}
	}
	if errors.Is(err, errEnded) {
		return nil
	}
	return err
}

// errEnded says that the coordinator has ended the job.
var errEnded = errors.New("ended")

// next waits for a unit and does it.
func (w *Worker) next(ctx context.Context) error {
	brief, cancel := context.WithTimeout(ctx, answer)
	queue, err := w.Client.stream.Consumer(brief, w.names.stream, consumer)
	cancel()
	if err != nil {
		return w.idle(ctx)
	}
	wait, cancel := context.WithTimeout(ctx, w.Lease)
	defer cancel()
	got, err := queue.Fetch(1, jetstream.FetchContext(wait))
	if err != nil {
		return w.idle(ctx)
	}
	for m := range got.Messages() {
		return w.do(ctx, m)
	}
	return w.idle(ctx)
}

// idle looks whether the job goes on when there is no unit.
func (w *Worker) idle(ctx context.Context) error {
	if err := rest(ctx); err != nil {
		return err
	}
	var now standing
	err := w.Client.ask(ctx, w.names.state, &now)
	switch {
	case errors.Is(err, ErrGone):
		if missing, bad := w.Job.Missing(ctx); bad == nil && len(missing) == 0 {
			return errEnded
		}
		return err
	case err == nil && !now.Running:
		return errEnded
	}
	return err
}

// do does the unit of a message, and tells the engine meanwhile that this worker lives.
func (w *Worker) do(ctx context.Context, m jetstream.Msg) error {
	var t task
	about, err := m.Metadata()
	if err == nil {
		err = json.Unmarshal(m.Data(), &t)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("a message that is no unit: %w", err), m.Term())
	}
	if about.NumDelivered > Deliveries {
		return w.giveUp(ctx, m, t, fmt.Sprintf("%d workers were lost with it", Deliveries))
	}
	if w.Begin != nil {
		w.Begin(t.Unit)
	}
	alive, stop := context.WithCancel(ctx)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		beat := time.NewTicker(w.Lease / 3)
		defer beat.Stop()
		for {
			select {
			case <-beat.C:
				m.InProgress() // a lost one is followed by others
			case <-alive.Done():
				return
			}
		}
	}()
	report, err := w.Do(ctx, t.Unit)
	stop()
	<-beating
	var broken *batch.OutError
	switch {
	case err == nil:
		w.able = true
		w.publish(w.names.done, report)
		m.Ack() // if it is lost, the unit comes again, and its file is there
		return nil
	case ctx.Err() != nil || errors.As(err, &broken):
		return errors.Join(err, w.giveBack(m))
	case about.NumDelivered >= Deliveries:
		w.Log.Warn("unit given up", "unit", t.Unit, "error", err)
		return w.giveUp(ctx, m, t, err.Error())
	}
	w.Log.Warn("unit failed", "unit", t.Unit, "try", about.NumDelivered, "error", err)
	if bad := m.NakWithDelay(w.Lease / 10); bad != nil {
		err = errors.Join(err, bad)
	}
	const most = 3
	if w.failures++; !w.able && w.failures >= most {
		return err
	}
	return nil
}

// giveBack queues a unit as if it had not been tried.
func (w *Worker) giveBack(m jetstream.Msg) error {
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	if _, err := w.Client.stream.Publish(ctx, w.names.units, m.Data()); err != nil {
		return m.Nak()
	}
	return m.DoubleAck(ctx)
}

// giveUp writes a dead letter.
func (w *Worker) giveUp(ctx context.Context, m jetstream.Msg, t task, why string) error {
	l := batch.Letter{Unit: t.Unit, Run: t.Run, Worker: w.Name, Why: why}
	if items, err := w.Job.Items(t.Unit); err == nil {
		l.First = items[0].Path
	}
	if err := l.Send(ctx, w.Job.Out); err != nil {
		return err
	}
	w.publish(w.names.dead, l)
	return m.Term()
}

// publish tells those who listen. Who does not hear it finds the file.
func (w *Worker) publish(subject string, v any) {
	if b, err := json.Marshal(v); err == nil {
		w.Client.Publish(subject, b)
	}
}
