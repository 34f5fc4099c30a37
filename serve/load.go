package serve

import (
	"errors"
	"fmt"
	"time"
)

// unloadable is the error of a model that cannot be loaded. Clients read what it says; the
// error in it may have paths of the server, and goes to the log.
type unloadable struct{ error }

func (unloadable) Error() string { return "it cannot be loaded; the server's log says why" }

// Unwrap returns the error in u.
func (u unloadable) Unwrap() error { return u.error }

// load loads a model and measures its best batch.
func (s *Server) load(m *served, l *loading) {
	defer close(l.done)
	defer func() {
		if r := recover(); r != nil {
			l.err = unloadable{fmt.Errorf("internal error: %v", r)}
		}
		if err := l.err; err != nil {
			s.mu.Lock()
			m.loading, m.failed, m.claimed = nil, err, 0
			s.mu.Unlock()
			var why unloadable
			if errors.As(err, &why) {
				err = why.error
			}
			s.log.Error("not loaded", "model", m.name, "error", err)
		}
	}()
	start := time.Now()
	ctx := s.open
	n, err := m.load(ctx)
	if err != nil {
		l.err = unloadable{err}
		return
	}
	if err := s.makeRoom(m, n.Bytes()); err != nil {
		l.err = errors.Join(err, n.Close())
		return
	}
	best, err := bestBatch(ctx, n, s.o.MaxBatch)
	if err != nil {
		l.err = unloadable{errors.Join(err, n.Close())}
		return
	}
	b := newBatcher(n, s.o.MaxDelay, s.o.MaxQueue, best, func(rows int, waited, took time.Duration) {
		s.metrics.batch(m.name, m.version, rows, waited, took)
	})
	s.mu.Lock()
	off := m.off
	if !off {
		l.live = &live{of: m, network: n, batcher: b}
		l.live.users.Add(l.waiting)
		l.live.count.Store(int64(l.waiting))
		s.clock++
		m.live, m.loading, m.failed, m.claimed, m.used = l.live, nil, nil, 0, s.clock
		m.lazy = true // from now on it may leave and come back
	}
	s.mu.Unlock()
	if off { // unloaded meanwhile
		b.stop()
		l.err = errors.Join(errNotReady, n.Close())
		return
	}
	s.log.Info("loaded", "model", m.name, "seconds", time.Since(start).Seconds(), "best_batch", best, "bytes", n.Bytes())
}

// makeRoom unloads models that nobody uses, the least recently used first, until there is
// memory for another one, which it then claims. It waits for other loads that have claimed
// some: their models may leave when they are there.
func (s *Server) makeRoom(m *served, need int64) error {
	if s.o.Memory == 0 {
		return nil
	}
	for {
		s.mu.Lock()
		have := int64(0)
		var oldest *served
		var other *loading
		for _, o := range s.models {
			if o == m {
				continue
			}
			if o.claimed > 0 {
				have += o.claimed
				other = o.loading
			}
			if o.live == nil {
				continue
			}
			have += o.live.network.Bytes()
			if o.live.count.Load() == 0 && (oldest == nil || o.used < oldest.used) {
				oldest = o
			}
		}
		if have+need <= s.o.Memory {
			m.claimed = need
			s.mu.Unlock()
			return nil
		}
		s.mu.Unlock()
		switch {
		case oldest == nil && other != nil && need <= s.o.Memory:
			<-other.done
			continue
		case oldest == nil:
			return fmt.Errorf("it takes %d bytes, and %d of %d are taken by models in use", need, have, s.o.Memory)
		}
		if err := s.drop(oldest); err != nil {
			return err
		}
	}
}
