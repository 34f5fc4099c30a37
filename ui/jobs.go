package ui

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/vertebra/vertebra/internal/files"
)

// The states of a job.
const (
	waiting   = "waiting" // for other jobs
	running   = "running"
	done      = "done"
	failed    = "failed"
	cancelled = "cancelled"
	forgotten = "forgotten" // told once to those who watch
)

// Job is work that takes long.
type Job struct {
	ID      string  `json:"id"`
	Kind    string  `json:"kind"`
	State   string  `json:"state"` // waiting, running, done, failed, cancelled or forgotten
	Request Request `json:"request"`

	Done  int64  `json:"done"`
	Total int64  `json:"total"`          // 0 if it is unknown
	Unit  string `json:"unit,omitempty"` // of Done and Total, such as "tiles" or "bytes"
	Note  string `json:"note,omitempty"` // what is being done

	Error   string    `json:"error,omitempty"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"` // until it ended
	Files   []string  `json:"files,omitempty"`
	Result  any       `json:"result,omitempty"` // not in events

	version int64
	cancel  context.CancelFunc
	folder  string // of Files
}

// ended reports whether the job has ended.
func (j *Job) ended() bool { return j.State != waiting && j.State != running }

// jobs are all jobs of a server. Those that compute take turns, two at once.
type jobs struct {
	temp string
	stop context.CancelFunc

	ctx   context.Context
	turns chan struct{}
	all   sync.WaitGroup

	mu      sync.Mutex
	list    []*Job // the oldest first
	next    int
	version int64
	changed chan struct{} // closed at the next change
}

// mostEnded is the number of ended jobs that are kept.
const mostEnded = 50

func newJobs(temp string) *jobs {
	q := &jobs{temp: temp, turns: make(chan struct{}, 2), changed: make(chan struct{})}
	q.ctx, q.stop = context.WithCancel(context.Background())
	return q
}

// wait waits for all jobs to end.
func (q *jobs) wait() { q.all.Wait() }

// touch notes that j has changed. The caller holds the lock.
func (q *jobs) touch(j *Job) {
	q.version++
	j.version = q.version
	close(q.changed)
	q.changed = make(chan struct{})
}

// task is the view that a job's work has of it.
type task struct {
	q *jobs
	j *Job
}

// progress says how far the work is.
func (t *task) progress(done, total int64, unit string) {
	t.q.mu.Lock()
	defer t.q.mu.Unlock()
	t.j.Done, t.j.Total, t.j.Unit = done, total, unit
	t.q.touch(t.j)
}

// note says what is being done.
func (t *task) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	t.q.mu.Lock()
	defer t.q.mu.Unlock()
	if t.j.Note != text {
		t.j.Note = text
		t.q.touch(t.j)
	}
}

// compiling notes in the jobs that compute how many kernels are ready: they may be of any
// of them.
func (q *jobs) compiling(done, total int) {
	note := fmt.Sprintf("compiling kernels: %d of %d", done, total)
	if done == total {
		note = "computing"
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range q.list {
		if j.State == running && j.Kind != "download" {
			j.Note = note
			q.touch(j)
		}
	}
}

// partial shows a result before the work has ended.
func (t *task) partial(v any) {
	t.q.mu.Lock()
	defer t.q.mu.Unlock()
	t.j.Result = v
	t.q.touch(t.j)
}

// write writes a file of the result.
func (t *task) write(name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(t.j.folder, 0o700); err != nil {
		return err
	}
	if err := files.Write(filepath.Join(t.j.folder, name), write); err != nil {
		return err
	}
	t.q.mu.Lock()
	defer t.q.mu.Unlock()
	t.j.Files = append(t.j.Files, name)
	return nil
}

// start starts a job. Work that computes waits for its turn.
func (q *jobs) start(r Request, computes bool, work func(context.Context, *task) (any, error)) (Job, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ctx.Err() != nil {
		return Job{}, &statusError{503, "the server is ending"}
	}
	ctx, cancel := context.WithCancel(q.ctx)
	q.next++
	j := &Job{ID: fmt.Sprint(q.next), Kind: r.Kind, State: waiting, Request: r, Started: time.Now(), cancel: cancel}
	j.folder = filepath.Join(q.temp, "job-"+j.ID)
	q.list = append(q.list, j)
	q.touch(j)
	q.all.Go(func() {
		defer cancel()
		q.run(ctx, j, computes, work)
	})
	return *j, nil
}

func (q *jobs) run(ctx context.Context, j *Job, computes bool, work func(context.Context, *task) (any, error)) {
	if computes {
		select {
		case q.turns <- struct{}{}:
			defer func() { <-q.turns }()
		case <-ctx.Done():
		}
	}
	q.mu.Lock()
	j.State = running
	q.touch(j)
	q.mu.Unlock()
	result, err := attempt(ctx, &task{q, j}, work)
	q.mu.Lock()
	defer q.mu.Unlock()
	j.Seconds, j.Note = time.Since(j.Started).Seconds(), ""
	switch {
	case err == nil:
		j.State, j.Result = done, result
	case ctx.Err() != nil:
		j.State = cancelled
	default:
		j.State, j.Error = failed, line(err)
	}
	q.touch(j)
	q.trim()
}

// attempt does the work, unless ctx has ended. A panic becomes an error.
func attempt(ctx context.Context, t *task, work func(context.Context, *task) (any, error)) (_ any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error, please report: %v", r)
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return work(ctx, t)
}

// trim forgets the oldest jobs that have ended, beyond mostEnded. The caller holds the
// lock.
func (q *jobs) trim() {
	ended := 0
	for _, j := range q.list {
		if j.ended() {
			ended++
		}
	}
	for i := 0; ended > mostEnded; i++ {
		if j := q.list[i]; j.ended() {
			os.RemoveAll(j.folder)
			q.list = slices.Delete(q.list, i, i+1)
			ended--
			i--
		}
	}
}

// find returns a job. The caller holds the lock.
func (q *jobs) find(id string) (*Job, error) {
	for _, j := range q.list {
		if j.ID == id && j.State != forgotten {
			return j, nil
		}
	}
	return nil, missing("no job %q", id)
}

// get returns a copy of a job.
func (q *jobs) get(id string) (Job, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	j, err := q.find(id)
	if err != nil {
		return Job{}, err
	}
	return *j, nil
}

// end cancels a job. One that has ended stays as it is.
func (q *jobs) end(id string) (Job, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	j, err := q.find(id)
	if err != nil {
		return Job{}, err
	}
	j.cancel()
	return *j, nil
}

// forget removes a job that has ended, with its files.
func (q *jobs) forget(id string) (Job, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	j, err := q.find(id)
	switch {
	case err != nil:
		return Job{}, err
	case !j.ended():
		return Job{}, &statusError{409, "the job has not ended: cancel it first"}
	}
	j.State, j.Result, j.Files = forgotten, nil, nil
	q.touch(j)
	return *j, os.RemoveAll(j.folder)
}

// busy returns the kinds of the jobs that have not ended, other than downloads.
func (q *jobs) busy() (kinds []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range q.list {
		if !j.ended() && j.Kind != "download" {
			kinds = append(kinds, j.Kind)
		}
	}
	return kinds
}

// underWay reports whether a job has not ended.
func (q *jobs) underWay() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(q.list, func(j *Job) bool { return !j.ended() })
}

// since returns the jobs that have changed after a version, without their results, the
// version now, and a channel that is closed at the next change.
func (q *jobs) since(version int64) (changed []Job, now int64, next <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range q.list {
		if j.version > version && (version > 0 || j.State != forgotten) {
			one := *j
			one.Result = nil
			changed = append(changed, one)
		}
	}
	return changed, q.version, q.changed
}
