package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBatches sends many requests at once: they run in batches, a wrong one fails alone,
// and each gets its own answer.
func TestBatches(t *testing.T) {
	d := &doubler{gate: make(chan struct{}, 1000)}
	for range 100 {
		d.gate <- struct{}{}
	}
	b := newBatcher(d, 20*time.Millisecond, 100, 8, nil)
	defer b.stop()
	var all sync.WaitGroup
	for i := range 20 {
		arrived := b.announce()
		all.Go(func() {
			x := float32(i)
			j, err := b.run(context.Background(), []*Value{floats("x", x, x, x)}, arrived)
			if i == 13 {
				if err == nil || err.Error() != "13 is not computed" {
					t.Errorf("row 13: %v", err)
				}
				return
			}
			if err != nil || !slices.Equal(j.outputs[0].Raw, floats("y", 2*x, 2*x, 2*x).Raw) {
				t.Errorf("row %d: %v, %v", i, j, err)
			}
		})
	}
	all.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if most := slices.Max(d.runs); most > 8 || most < 2 {
		t.Errorf("runs of %v rows", d.runs)
	}
}

// TestQueue fills the queue of a model whose network is busy.
func TestQueue(t *testing.T) {
	d := &doubler{gate: make(chan struct{}, 100)}
	for range 50 {
		d.gate <- struct{}{} // for the warm-up
	}
	s := start(t, d, Options{MaxQueue: 2, MaxBatch: 1})
	for len(d.gate) > 0 {
		<-d.gate
	}
	web := httptest.NewServer(s.Handler())
	defer web.Close()
	const body = `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}`
	s.mu.Lock()
	b := s.models["m"].live.batcher
	s.mu.Unlock()
	var all sync.WaitGroup
	for i := range 3 { // one runs, two wait
		all.Go(func() {
			if code, text, _ := post(t, web.URL+"/v2/models/m/infer", body); code != 200 {
				t.Errorf("%d %s", code, text)
			}
		})
		for b.depth() < i {
			runtime.Gosched()
		}
		if i == 0 {
			for b.depth() != 0 || !b.busy() {
				runtime.Gosched()
			}
		}
	}
	for b.depth() < 2 {
		runtime.Gosched()
	}
	code, text, header := post(t, web.URL+"/v2/models/m/infer", body)
	if code != 503 || header.Get("Retry-After") == "" || !strings.Contains(text, "queue is full") {
		t.Errorf("%d %s %v", code, text, header)
	}
	for range 3 {
		d.gate <- struct{}{}
	}
	all.Wait()
}

// TestDrain ends a server under 16 clients whose connections are kept alive. They stop
// when it is not ready, and no request fails.
func TestDrain(t *testing.T) {
	s := start(t, &doubler{}, Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, Listeners{HTTP: l}, 500*time.Millisecond, 10*time.Second) }()
	at := "http://" + l.Addr().String()
	const body = `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}`
	var answered atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			for s.Ready() == nil {
				response, err := client.Post(at+"/v2/models/m/infer", "application/json", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
				if response.StatusCode != 200 {
					t.Error(response.Status)
				}
				if answered.Add(1) == 200 {
					stop()
				}
			}
		})
	}
	all.Wait()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if answered.Load() < 200 {
		t.Errorf("%d answers", answered.Load())
	}
}

// TestMemory has two models where there is memory for one.
func TestMemory(t *testing.T) {
	s := New(Options{Memory: 150})
	a, b := &doubler{size: 100}, &doubler{size: 100}
	for name, d := range map[string]*doubler{"a": a, "b": b} {
		if err := s.Add(name, "1", "test", true, func(context.Context) (Network, error) { return d, nil }); err != nil {
			t.Fatal(err)
		}
	}
	defer s.Close()
	for i, name := range []string{"a", "b", "a"} {
		if _, err := s.infer(t.Context(), name, "1", []*Value{floats("x", 1, 2, 3)}); err != nil {
			t.Fatal(err)
		}
		if a.closed.Load() != (i > 0) || b.closed.Load() != (i > 1) {
			t.Errorf("after %d: a closed %v, b closed %v", i, a.closed.Load(), b.closed.Load())
		}
	}
	if err := s.UnloadModel("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.infer(t.Context(), "a", "", []*Value{floats("x", 1, 2, 3)}); !errors.Is(err, errNotReady) {
		t.Error(err)
	}
	if text := fmt.Sprint(s.index()); text != "[{a 1 UNAVAILABLE unloaded} {b 1 UNAVAILABLE loaded at the first request}]" {
		t.Error(text)
	}
}

// TestMemoryHot has two models where there is memory for one. The first is loaded for a
// request, which has not come to use it yet: it stays until then.
func TestMemoryHot(t *testing.T) {
	s := New(Options{Memory: 150})
	d := &doubler{size: 100}
	if err := s.Add("a", "1", "test", true, func(context.Context) (Network, error) { return d, nil }); err != nil {
		t.Fatal(err)
	}
	a, b := s.models["a"], &served{name: "b"}
	l := &loading{done: make(chan struct{}), waiting: 1}
	a.loading = l
	s.load(a, l)
	<-l.done
	if err := s.makeRoom(b, 100); err == nil || d.closed.Load() {
		t.Errorf("%v, closed %v: a model leaves before its request has come", err, d.closed.Load())
	}
	l.live.release()
	if err := s.makeRoom(b, 100); err != nil || !d.closed.Load() {
		t.Errorf("%v, closed %v: a model that nobody uses does not leave", err, d.closed.Load())
	}
}

// TestClaims loads a model while another one is being loaded, where there is memory for
// one.
func TestClaims(t *testing.T) {
	s := New(Options{Memory: 150})
	a := &served{name: "a", claimed: 100, loading: &loading{done: make(chan struct{})}}
	b := &served{name: "b"}
	s.models["a"], s.models["b"] = a, b
	if err := s.makeRoom(b, 200); err == nil {
		t.Error("there is room for more than the memory")
	}
	var ended atomic.Bool
	granted := make(chan error)
	go func() {
		err := s.makeRoom(b, 60)
		if !ended.Load() {
			err = errors.Join(err, errors.New("there was room before the other load ended"))
		}
		granted <- err
	}()
	runtime.Gosched()
	s.mu.Lock()
	a.claimed = 0
	ended.Store(true)
	s.mu.Unlock()
	close(a.loading.done)
	if err := <-granted; err != nil || b.claimed != 60 {
		t.Errorf("%v, claimed %d", err, b.claimed)
	}
}
