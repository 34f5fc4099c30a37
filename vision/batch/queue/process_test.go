package queue

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/batch"
	"github.com/vertebra/vertebra/vision/batch/store"
)

// role is the environment of a process that is a worker or an engine.
const role = "VERTEBRA_TEST_ROLE"

// setup is how such a process is.
type setup struct {
	Worker, URL, Token string
	Slow               int  // how often this worker computes each unit
	Hold               bool // it stays at its first unit for ever
	Die                int  // a unit that kills it, or -1

	Holds string // the folder of a job that this process holds for ever

	Engine        string
	Client, Route int
	Routes        []string
	Folder        string
}

func TestMain(m *testing.M) {
	if text := os.Getenv(role); text != "" {
		var s setup
		err := json.Unmarshal([]byte(text), &s)
		switch {
		case err != nil:
		case s.Engine != "":
			err = s.engine()
		case s.Holds != "":
			err = s.holds()
		default:
			err = s.worker()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "process:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func lenet() (*vision.Model, error) {
	return vision.Open("lenet", vision.Options{Device: "cpu", Batch: 8})
}

// worker does units until the job ends. It prints the number of each that it begins.
func (s setup) worker() error {
	ctx := context.Background()
	c, err := Dial(Access{URL: s.URL, Token: s.Token}, s.Worker, time.Minute)
	if err != nil {
		return err
	}
	defer c.Close()
	at, err := c.Job(ctx)
	if err != nil {
		return err
	}
	j, err := batch.Attach(ctx, store.Folder(at.Out), &store.Places{})
	if err != nil {
		return err
	}
	defer j.Close()
	m, err := lenet()
	if err != nil {
		return err
	}
	defer m.Close()
	w := &Worker{Worker: &batch.Worker{Job: j, Model: m, Name: s.Worker}, Client: c, Lease: at.Lease, Log: slog.Default()}
	w.Begin = func(unit int) {
		fmt.Println(unit)
		if s.Hold {
			select {}
		}
		if s.Die == unit {
			os.Exit(7)
		}
		for range s.Slow {
			items, err := j.Items(unit)
			if err != nil {
				panic(err)
			}
			for _, i := range items {
				for range m.Classify(ctx, vision.File(filepath.Join(j.Folder, i.Path))) {
				}
			}
		}
	}
	return w.Run(ctx)
}

// holds is the coordinator of a job.
func (s setup) holds() error {
	j, err := batch.Attach(context.Background(), store.Folder(s.Holds), &store.Places{})
	if err != nil {
		return err
	}
	if _, err := Hold(j, slog.Default()); err != nil {
		return err
	}
	fmt.Println(self())
	select {}
}

// engine is a server of a cluster. Clients hear of no other server.
func (s setup) engine() error {
	o := &server.Options{
		ServerName: s.Engine, Host: "127.0.0.1", Port: s.Client, JetStream: true, StoreDir: s.Folder, NoSigs: true, NoLog: true,
		Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: s.Route, NoAdvertise: true},
		Routes:  server.RoutesFromStr(strings.Join(s.Routes, ",")),
	}
	n, err := server.NewServer(o)
	if err != nil {
		return err
	}
	n.Start()
	fmt.Println(s.Engine)
	n.WaitForShutdown()
	return nil
}

// process is a running process.
type process struct {
	*exec.Cmd
	lines chan string // that it prints; closed when it ends
}

// start starts a process, which ends with the test.
func start(t *testing.T, s setup) *process {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), role+"="+string(text), "GOMAXPROCS=1")
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{c, make(chan string, 1<<16)}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.lines <- lines.Text()
		}
		close(p.lines)
	}()
	t.Cleanup(func() {
		p.Process.Kill()
		p.Wait()
	})
	return p
}

// next waits for a line.
func (p *process) next(t *testing.T, ctx context.Context) string {
	t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			t.Fatal("a process has ended")
		}
		return line
	case <-ctx.Done():
		t.Fatal("a process says nothing")
	}
	return ""
}

// opened opens the model of jobs, until the test ends.
func opened(t *testing.T) *vision.Model {
	t.Helper()
	m, err := lenet()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// begin begins a job of small pictures, and starts an engine, which ends with the test.
func begin(t *testing.T, pictures, unit int) (ctx context.Context, j *batch.Job, out string, e *Engine) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), within)
	t.Cleanup(stop)
	j, out = job(t, pictures, unit)
	e, err := StartEngine(EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return ctx, j, out, e
}

// job begins a job of small pictures.
func job(t *testing.T, pictures, unit int) (j *batch.Job, out string) {
	t.Helper()
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	for i := range pictures {
		m := image.NewGray(image.Rect(0, 0, 28, 28))
		m.SetGray(i%28, i/28%28, color.Gray{Y: 255})
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, fmt.Sprintf("%02d", i%16), fmt.Sprintf("%05d.png", i))
		if i < 16 {
			if err := os.Mkdir(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := opened(t)
	sum, err := batch.Fingerprint(m)
	if err != nil {
		t.Fatal(err)
	}
	j, err = batch.Open(t.Context(), batch.Options{
		Out: store.Folder(out), Sources: []string{"."}, Folder: dir, Unit: unit,
		Spec: batch.Spec{Task: batch.Classify, Top: 1, Model: m.Name, Fingerprint: sum},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, out
}

// running is a coordinator that runs.
type running struct {
	done  chan batch.Report // as it hears of units
	ended chan error
	dead  []batch.Letter // when it has ended
}

// coordinate runs a coordinator until it ends or the test does.
func coordinate(ctx context.Context, t *testing.T, j *batch.Job, out string, a Access) *running {
	t.Helper()
	r := &running{done: make(chan batch.Report, 1<<16), ended: make(chan error, 1)}
	ctx, stop := context.WithCancel(ctx)
	q := &Coordinator{Job: j, Out: out, Lease: time.Second, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Progress: func(b batch.Report) { r.done <- b }}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		var err error
		r.dead, err = q.Run(ctx, a)
		r.ended <- err
	}()
	t.Cleanup(func() {
		stop()
		<-stopped
	})
	return r
}

// wait waits until the coordinator has heard of n more units.
func (r *running) wait(t *testing.T, ctx context.Context, n int) {
	t.Helper()
	for range n {
		select {
		case <-r.done:
		case err := <-r.ended:
			t.Fatalf("the coordinator has ended: %v", err)
		case <-ctx.Done():
			t.Fatal("no unit is done")
		}
	}
}

// end waits until the job has ended.
func (r *running) end(t *testing.T, ctx context.Context) {
	t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-ctx.Done():
		t.Fatal("the job does not end")
	}
}

// count reads all rows: each picture has one, and none has an error.
func count(t *testing.T, j *batch.Job, want int) {
	t.Helper()
	rows, distinct, errors, err := j.Count(t.Context())
	if err != nil || rows != want || distinct != want || errors != 0 {
		t.Errorf("%d rows, %d paths, %d errors, %v, want %d rows", rows, distinct, errors, err, want)
	}
}
