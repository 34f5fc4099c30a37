package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/batch"
	"github.com/vertebra/vertebra/vision/batch/queue"
	"github.com/vertebra/vertebra/vision/batch/store"
)

// engineFlags are the flags of commands that use an engine.
type engineFlags struct {
	join, token, credentials, authority string
}

func (e *engineFlags) flags(c *cobra.Command, join string) {
	f := c.Flags()
	f.StringVar(&e.join, "join", "", join)
	f.StringVar(&e.token, "token-file", "", "file with the token that clients of the engine bring")
	f.StringVar(&e.credentials, "credentials", "", "file with a user's credentials for NATS, .creds")
	f.StringVar(&e.authority, "tls-ca", "", "certificate of who signs the engine's, PEM (default: the system's)")
	c.MarkFlagFilename("credentials", "creds")
}

// access says how the engine of --join is used.
func (e *engineFlags) access() (a queue.Access, err error) {
	a.URL, a.Credentials = e.join, e.credentials
	if a.Token, err = tokenIn(e.token); err != nil {
		return a, err
	}
	if e.authority != "" {
		text, err := files.ReadFile(e.authority)
		if err != nil {
			return a, err
		}
		a.TLS = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
		if !a.TLS.RootCAs.AppendCertsFromPEM(text) {
			return a, fmt.Errorf("%s: no certificate in it", files.Quote(e.authority))
		}
	}
	return a, nil
}

// tokenIn reads the token in a file, if there is one.
func tokenIn(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := files.ReadFile(path)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("%s: no token in it", files.Quote(path))
	}
	return token, nil
}

// queueFlags are the flags of a run with an engine.
type queueFlags struct {
	engineFlags
	listen, cert, key string
	workers           int
	lease             time.Duration
}

func (q *queueFlags) flags(c *cobra.Command) {
	q.engineFlags.flags(c, "addresses of a NATS cluster with JetStream to use, such as nats://a:4222,nats://b:4222 (default: an engine in this process)")
	f := c.Flags()
	f.StringVar(&q.listen, "listen", "", "address and port for workers on other computers, such as 0.0.0.0:4222")
	f.StringVar(&q.cert, "tls-cert", "", "certificate for --listen, PEM")
	f.StringVar(&q.key, "tls-key", "", "key of the certificate, PEM")
	f.IntVar(&q.workers, "workers", 1, "workers on this computer, each a process of its own; 0 for none")
	f.DurationVar(&q.lease, "lease", 30*time.Second, "how long a worker may be silent before its unit goes to another")
	c.MarkFlagsMutuallyExclusive("listen", "join")
	c.MarkFlagsRequiredTogether("tls-cert", "tls-key")
}

func (q *queueFlags) check() error {
	switch {
	case q.workers < 0:
		return fmt.Errorf("--workers %d, want 0 or more", q.workers)
	case q.workers == 0 && q.listen == "" && q.join == "":
		return errors.New("--workers 0 needs --listen or --join, or nobody does the work")
	case q.lease < time.Second/2:
		return fmt.Errorf("--lease %v, want half a second or more", q.lease)
	case q.cert != "" && q.listen == "":
		return errors.New("--tls-cert needs --listen")
	}
	return nil
}

// engine starts an engine, or says where that of --join is. local is for processes of this
// computer, and token is the file with its token. The caller calls stop.
func (q *queueFlags) engine() (a, local queue.Access, token string, stop func() error, err error) {
	if q.join != "" {
		a, err = q.access()
		return a, a, q.token, func() error { return nil }, err
	}
	o := queue.EngineOptions{Listen: q.listen}
	if o.Token, err = tokenIn(q.token); err != nil {
		return a, local, "", nil, err
	}
	if q.cert != "" {
		pair, err := tls.LoadX509KeyPair(q.cert, q.key)
		if err != nil {
			return a, local, "", nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
		o.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	e, err := queue.StartEngine(o)
	if err != nil {
		return a, local, "", nil, fmt.Errorf("--listen: %w", err)
	}
	return e.Access, e.Local, e.TokenFile, e.Close, nil
}

// invite prints how workers join.
func (q *queueFlags) invite(w io.Writer, a queue.Access) {
	host, port, err := net.SplitHostPort(strings.TrimPrefix(strings.TrimPrefix(a.URL, "nats://"), "tls://"))
	if err != nil {
		return
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		if host, err = os.Hostname(); err != nil {
			return
		}
	}
	at, more := net.JoinHostPort(host, port), ""
	switch {
	case q.token == "":
		at = a.Token + "@" + at
	default:
		more = " --token-file FILE"
	}
	if q.cert != "" {
		more += " --tls-ca FILE"
	}
	fmt.Fprintf(w, "on other computers: vertebra worker --join nats://%s%s\n", at, more)
}

// distribute runs the job with an engine and workers.
func (b *batchRun) distribute(c *cobra.Command, j *batch.Job) error {
	missing, err := j.Missing(c.Context())
	if err != nil {
		return err
	}
	total := batched{Output: b.out, Units: j.Units()}
	if len(missing) == 0 {
		return b.tellBatch(total)
	}
	release, err := queue.Hold(j, b.logger())
	if err != nil {
		return b.taken(err)
	}
	defer release()
	a, own, token, stop, err := b.queue.engine()
	if err != nil {
		return err
	}
	defer stop()
	if b.queue.listen != "" && !b.quiet {
		b.queue.invite(b.modelFlags.err, a)
	}
	out := b.out
	if !store.IsS3(out) {
		if out, err = filepath.Abs(out); err != nil {
			return err
		}
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	var done atomic.Int64
	bar := b.bar(b.err, "units", len(missing))
	q := queue.Coordinator{Job: j, Out: out, In: here, Lease: b.queue.lease, Log: b.logger(), Progress: func(r batch.Report) {
		done.Add(1)
		total.add(r)
		bar.Add(1)
	}}
	local, end := context.WithCancel(ctx)
	defer end()
	var workers sync.WaitGroup
	for i := range b.queue.workers {
		workers.Go(func() {
			err := queue.Supervise(local, func() *exec.Cmd { return b.workerProcess(c, own, token, i) }, func() int { return int(done.Load()) })
			if err != nil && b.queue.listen == "" && b.queue.join == "" {
				cancel(err)
			} else if err != nil {
				complain(b.err, err)
			}
		})
	}
	letters, err := q.Run(ctx, a)
	end()
	workers.Wait()
	bar.Clear()
	if err != nil {
		return b.taken(err)
	}
	if err := b.tellBatch(total); err != nil || len(letters) == 0 {
		return err
	}
	l := letters[0]
	return fmt.Errorf("%s: given up %d of %d units: %s, whose first picture is %s: %s; a second start tries again", files.Quote(b.out), len(letters), j.Units(), l.File(), files.Quote(l.First), l.Why)
}

// taken adds the folder, and what can be done, to the error of a job that another process
// coordinates.
func (b *batchRun) taken(err error) error {
	var taken *queue.TakenError
	if errors.As(err, &taken) {
		return fmt.Errorf("%s: %w; \"vertebra worker --join\" helps with it, if it listens", files.Quote(b.out), err)
	}
	return err
}

// logger logs what goes wrong on the way.
func (b *batchRun) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// workerProcess makes the process of worker i on this computer.
func (b *batchRun) workerProcess(c *cobra.Command, a queue.Access, token string, i int) *exec.Cmd {
	name, err := os.Hostname()
	if err != nil {
		name = "local"
	}
	if i > 0 {
		name = fmt.Sprintf("%s-%d", name, i+1)
	}
	args := []string{"worker", "--child", "--join", a.URL, "--name", name, "--output", b.out, "--quiet"}
	if token != "" {
		args = append(args, "--token-file", token)
	}
	c.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "credentials", "tls-ca", "batch", "memory", "device", "backend", "limits", "kind", "f16", "f16-values", "untuned":
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	p := exec.Command(self, args...)
	p.Stderr = b.err
	return p
}
