// Package serve answers requests for models over the network: the Open Inference
// Protocol by REST and gRPC, Immich's machine learning, and OpenAI's embeddings.
//
// New makes a Server, Add gives it models, and Run listens and loads them. Requests that
// wait for the same model run in batches. How large these are is measured when a model is
// loaded.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how a Server works. Zero fields have the values of the comments.
type Options struct {
	MaxDelay time.Duration // that a batch waits for more requests, if it has a reason to; 0 means none
	MaxQueue int           // rows that may wait for a model; 0 means 256
	MaxBatch int           // most rows of a batch; 0 means 16
	Memory   int64         // that loaded models may take together, in bytes; 0 means any
	MaxBody  int64         // bytes of a request; 0 means 64 MiB
	Token    string        // that requests must bring; empty means none
	Upstream string        // address that gets what of Immich's requests is not served
	Version  string        // of the program
	Log      *slog.Logger  // nil means none
}

// Server serves models. Goroutines may share it.
type Server struct {
	o       Options
	log     *slog.Logger
	metrics *metrics
	decode  chan struct{} // holds a token for each picture that is being decoded

	draining atomic.Bool
	slow     time.Duration // that a client may take to send a request, or to take a part of an answer
	held     atomic.Int64  // bytes of requests; see share

	open context.Context // that models are loaded in; Close ends it
	shut context.CancelFunc

	mu     sync.Mutex
	models map[string]*served
	clock  int64 // counts uses, for the least recently used model
}

// Loader opens a network. It is called when a model is loaded, maybe several times.
type Loader func(ctx context.Context) (Network, error)

// served is a model of a server.
type served struct {
	name, version, platform string
	load                    Loader

	// These are guarded by the server's lock.
	lazy    bool // the model need not be loaded for the server to be ready
	loading *loading
	failed  error // of the last load
	live    *live // nil if the model is not loaded
	off     bool  // unloaded by a request
	used    int64
	claimed int64 // bytes that a load has been granted; 0 when the model is live
}

// live is what a loaded model has. It is closed when its last user has left.
type live struct {
	of      *served
	network Network
	batcher *batcher

	users sync.WaitGroup // grows under the server's lock, while the model has this
	count atomic.Int64   // of users
}

// loading is a model that is being loaded.
type loading struct {
	done chan struct{} // closed when err is set, or live
	err  error

	// These are guarded by the server's lock.
	waiting int   // requests for it, which are users of live from the start: others may want its memory
	live    *live // nil until it is loaded
}

// The errors that decide the status of an answer.
var (
	ErrNotFound = errors.New("not found")
	errNotReady = errors.New("is not loaded")
	errLoading  = errors.New("is being loaded")
	errStopping = errors.New("the server stops")
)

// New makes a server without models.
func New(o Options) *Server {
	if o.MaxQueue == 0 {
		o.MaxQueue = 256
	}
	if o.MaxBatch == 0 {
		o.MaxBatch = 16
	}
	if o.MaxBody == 0 {
		o.MaxBody = 64 << 20
	}
	s := &Server{o: o, log: o.Log, slow: time.Minute, decode: make(chan struct{}, runtime.GOMAXPROCS(0)), models: map[string]*served{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.open, s.shut = context.WithCancel(context.Background())
	s.metrics = newMetrics(s)
	return s
}

// Add gives the server a model. A lazy model is loaded at its first request. Another one
// is loaded by Run, or before it by Load. Until then the server is not ready, and requests
// for that model fail.
func (s *Server) Add(name, version, platform string, lazy bool, load Loader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.models[name] != nil {
		return fmt.Errorf("serve: two models are called %q", name)
	}
	s.models[name] = &served{name: name, version: version, platform: platform, lazy: lazy, load: load}
	return nil
}

// Load loads the models that are not lazy.
func (s *Server) Load(ctx context.Context) error {
	for _, name := range s.names() {
		s.mu.Lock()
		m := s.models[name]
		lazy := m.lazy
		s.mu.Unlock()
		if lazy {
			continue
		}
		if err := s.LoadModel(ctx, name); err != nil {
			var why unloadable
			if errors.As(err, &why) {
				err = fmt.Errorf("model %q: %w", name, why.error)
			}
			return err
		}
	}
	return nil
}

// LoadModel loads a model, also one that was unloaded.
func (s *Server) LoadModel(ctx context.Context, name string) error {
	s.mu.Lock()
	m := s.models[name]
	if m == nil {
		s.mu.Unlock()
		return fmt.Errorf("model %q is %w", name, ErrNotFound)
	}
	m.off = false
	s.mu.Unlock()
	l, err := s.loaded(ctx, name)
	if err == nil {
		l.release()
	}
	return err
}

// UnloadModel unloads a model. Requests that wait are answered first.
func (s *Server) UnloadModel(name string) error {
	s.mu.Lock()
	m := s.models[name]
	if m == nil {
		s.mu.Unlock()
		return fmt.Errorf("model %q is %w", name, ErrNotFound)
	}
	m.off = true
	s.mu.Unlock()
	return s.drop(m)
}

// drop frees what a model has loaded, after its last user has left.
func (s *Server) drop(m *served) error {
	s.mu.Lock()
	l := m.live
	m.live = nil
	s.mu.Unlock()
	if l == nil {
		return nil
	}
	l.users.Wait()
	l.batcher.stop()
	s.log.Info("unloaded", "model", m.name)
	return l.network.Close()
}

// acquire returns what a model has loaded, which stays until release. A request does not
// wait for a model that the server needs to be ready.
func (s *Server) acquire(ctx context.Context, name string) (*live, error) {
	s.mu.Lock()
	m := s.models[name]
	starting := m != nil && m.live == nil && !m.lazy && !m.off
	s.mu.Unlock()
	if starting {
		return nil, fmt.Errorf("model %q %w", name, errLoading)
	}
	return s.loaded(ctx, name)
}

// loaded is acquire, and loads the model if that is necessary.
func (s *Server) loaded(ctx context.Context, name string) (*live, error) {
	s.mu.Lock()
	m := s.models[name]
	switch {
	case m == nil:
		s.mu.Unlock()
		return nil, fmt.Errorf("model %q is %w", name, ErrNotFound)
	case m.off:
		s.mu.Unlock()
		return nil, fmt.Errorf("model %q %w", name, errNotReady)
	case m.live != nil:
		l := m.live
		l.users.Add(1)
		l.count.Add(1)
		s.clock++
		m.used = s.clock
		s.mu.Unlock()
		return l, nil
	}
	l := m.loading
	if l == nil {
		l = &loading{done: make(chan struct{})}
		m.loading = l
		go s.load(m, l)
	}
	l.waiting++
	s.mu.Unlock()
	select {
	case <-l.done:
	case <-ctx.Done():
		s.mu.Lock()
		l.waiting--
		mine := l.live
		s.mu.Unlock()
		if mine != nil {
			mine.release()
		}
		return nil, ctx.Err()
	}
	if l.err != nil {
		return nil, fmt.Errorf("model %q: %w", name, l.err)
	}
	return l.live, nil
}

func (l *live) release() {
	l.count.Add(-1)
	l.users.Done()
}

// Ready returns nil if the server takes requests: it does not stop, and all models that
// are not lazy have been loaded. Otherwise it returns what is missing.
func (s *Server) Ready() error {
	if s.draining.Load() {
		return errStopping
	}
	for _, name := range s.names() {
		s.mu.Lock()
		m := s.models[name]
		waits, failed := !m.lazy && !m.off, m.failed
		s.mu.Unlock()
		switch {
		case waits && failed != nil:
			return fmt.Errorf("model %q: %w", name, failed)
		case waits:
			return fmt.Errorf("model %q %w", name, errLoading)
		}
	}
	return nil
}

// Drain makes the server not ready. It goes on to answer, and asks clients to close their
// connections.
func (s *Server) Drain() { s.draining.Store(true) }

// Close unloads all models, after the loads that are under way.
func (s *Server) Close() error {
	s.shut()
	var errs []error
	for _, name := range s.names() {
		errs = append(errs, s.UnloadModel(name))
		s.mu.Lock()
		l := s.models[name].loading
		s.mu.Unlock()
		if l != nil {
			<-l.done
		}
	}
	return errors.Join(errs...)
}

// names lists the models in alphabetical order.
func (s *Server) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.models {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
