package vision

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/vertebra/vertebra/tensor"
)

// mostPlans is the number of plans that a model keeps, one for each size of pictures.
const mostPlans = 8

// plans is a cache of compiled graphs. It drops the plan that was least recently
// used.
type plans struct {
	mu     sync.Mutex
	all    map[string]*kept
	recent []string // keys, the latest last

	compiling sync.WaitGroup
}

// kept is a plan that is ready or being compiled.
type kept struct {
	ready chan struct{} // closed when plan or err is set
	plan  Plan
	err   error
	panic any // what the compilation panicked with
	users int
	gone  bool // dropped: its last user closes it
}

// run runs the plan for key. If there is none, compile makes it.
func (p *plans) run(ctx context.Context, key string, compile func() (Plan, error), inputs ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	k, err := p.get(ctx, key, compile)
	if err != nil {
		return nil, err
	}
	defer p.release(k)
	return k.plan.Run(ctx, inputs...)
}

// get returns the plan for key. If there is none, compile makes it. The caller
// releases it. If ctx ends first, compile goes on, and the plan is there for a later
// call.
func (p *plans) get(ctx context.Context, key string, compile func() (Plan, error)) (*kept, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	k := p.take(key, compile)
	select {
	case <-k.ready:
	case <-ctx.Done():
		p.release(k)
		return nil, ctx.Err()
	}
	if k.panic != nil {
		panic(k.panic)
	}
	if k.err != nil {
		p.release(k)
		return nil, k.err
	}
	return k, nil
}

// has reports whether there is a plan for key.
func (p *plans) has(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[key] != nil
}

// take returns the plan for key, which a goroutine may still be compiling.
func (p *plans) take(key string, compile func() (Plan, error)) *kept {
	p.mu.Lock()
	k, ok := p.all[key]
	if !ok {
		k = &kept{ready: make(chan struct{})}
		if p.all == nil {
			p.all = map[string]*kept{}
		}
		p.all[key] = k
	}
	k.users++
	p.recent = append(slices.DeleteFunc(p.recent, func(r string) bool { return r == key }), key)
	var old *kept
	if len(p.recent) > mostPlans {
		old = p.drop(p.recent[0])
	}
	if !ok {
		k.users++ // the compilation
		p.compiling.Add(1)
	}
	p.mu.Unlock()
	if old != nil {
		old.plan.Close() // first, because the new plan may need its memory
	}
	if !ok {
		go p.make(key, k, compile)
	}
	return k
}

// make compiles the plan of k.
func (p *plans) make(key string, k *kept, compile func() (Plan, error)) {
	defer p.compiling.Done()
	defer close(k.ready)
	defer p.release(k) // before ready: a plan that is dropped next is then closed at once
	defer func() {
		k.panic = recover()
		if k.err == nil && k.panic == nil {
			return
		}
		p.mu.Lock()
		if p.all[key] == k {
			p.drop(key) // the next one tries again
		}
		p.mu.Unlock()
	}()
	k.plan, k.err = compile()
}

// drop removes a plan from the cache, and returns it if nobody uses it. The caller
// holds the lock.
func (p *plans) drop(key string) *kept {
	k := p.all[key]
	delete(p.all, key)
	p.recent = slices.DeleteFunc(p.recent, func(r string) bool { return r == key })
	if k == nil || k.users > 0 {
		if k != nil {
			k.gone = true
		}
		return nil
	}
	return k
}

// release gives back a plan that take returned.
func (p *plans) release(k *kept) {
	p.mu.Lock()
	k.users--
	last := k.gone && k.users == 0 && k.plan != nil
	p.mu.Unlock()
	if last {
		k.plan.Close()
	}
}

// close closes all plans. It waits for those that are being compiled.
func (p *plans) close() error {
	p.compiling.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, k := range p.all {
		if k.plan != nil {
			errs = append(errs, k.plan.Close())
		}
	}
	p.all, p.recent = nil, nil
	return errors.Join(errs...)
}
