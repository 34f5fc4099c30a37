package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vertebra/vertebra/vision/batch"
	"github.com/vertebra/vertebra/vision/batch/store"
)

// TakenError says that another coordinator has the job.
type TakenError struct {
	By string // its process and computer
}

func (e *TakenError) Error() string { return "the job is coordinated by " + e.By }

// LockFile is a file in the store of results that the coordinator of its job has locked.
const LockFile = "_coordinator"

// Hold makes this process the only coordinator of a job, whichever engine it uses, until
// release or its end. If another process is that, the error is a TakenError. A store in S3,
// and a file system without locks, cannot tell: release then does nothing.
func Hold(j *batch.Job, log *slog.Logger) (release func() error, err error) {
	none := func() error { return nil }
	folder, ok := j.Out.(store.Folder)
	if !ok {
		return none, nil
	}
	release, err = folder.Lock(LockFile, self())
	var held *store.HeldError
	switch {
	case errors.As(err, &held):
		return nil, &TakenError{held.By}
	case errors.Is(err, errors.ErrUnsupported):
		log.Warn("a second coordinator of this job would not be noticed", "error", err)
		return none, nil
	}
	return release, err
}

// standing is what the coordinator of a queue answers to who asks for its state.
type standing struct {
	Running bool   `json:"running"`
	By      string `json:"by"`
}

// The keys in the metadata of a queue: the run of its coordinator, and who that is.
const (
	keyRun = "vertebra.run"
	keyBy  = "vertebra.by"
)

// self says which process this is.
func self() string {
	host, err := os.Hostname()
	if err != nil {
		host = "this computer"
	}
	return fmt.Sprintf("process %d on %s", os.Getpid(), host)
}

// claim deletes the queue of a coordinator that is gone. One that answers keeps it: the
// error is a TakenError.
func (q *Coordinator) claim(ctx context.Context) error {
	brief, stop := context.WithTimeout(ctx, answer)
	m, err := q.c.RequestWithContext(brief, q.names.state, nil)
	stop()
	var other standing
	if err == nil && json.Unmarshal(m.Data, &other) == nil {
		return &TakenError{other.By}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return q.clear(ctx)
}

// hold answers who asks for the state of the queue, which this coordinator has made.
func (q *Coordinator) hold() error {
	about, err := json.Marshal(standing{true, self()})
	if err != nil {
		return err
	}
	_, err = q.c.Subscribe(q.names.state, func(m *nats.Msg) { m.Respond(about) })
	return err
}

// own returns a TakenError if a queue is not this coordinator's.
func (q *Coordinator) own(s jetstream.Stream) error {
	if about := s.CachedInfo().Config.Metadata; about[keyRun] != q.run {
		return &TakenError{about[keyBy]}
	}
	return nil
}

// isTaken reports whether an error is a TakenError.
func isTaken(err error) bool {
	var taken *TakenError
	return errors.As(err, &taken)
}
