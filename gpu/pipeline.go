package gpu

import (
	"sync"
	"sync/atomic"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/shaders"
)

// pipeline is a compiled kernel text. The first plan that needs it compiles it.
type pipeline struct {
	once     sync.Once
	compiled driver.Pipeline
	err      error
	ran      atomic.Bool // has run or will soon
}

// pipeline returns the compiled form of a kernel. It comes from the cache if a
// kernel with the same text was compiled before: a pipeline depends on nothing but
// the text.
func (d *Device) pipeline(k shaders.Kernel) (*pipeline, error) {
	source, err := k.Source()
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	p := d.pipelines[source]
	if p == nil {
		p = &pipeline{}
		d.pipelines[source] = p
	}
	d.mu.Unlock()
	p.once.Do(func() { p.compiled, p.err = d.driver.Pipeline(source, k.Access()) })
	if p.err != nil {
		d.mu.Lock()
		if d.pipelines[source] == p {
			delete(d.pipelines, source)
		}
		d.mu.Unlock()
		return nil, p.err
	}
	return p, nil
}

// compiled reports whether a kernel with this text is compiled or being compiled.
func (d *Device) compiled(source string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pipelines[source] != nil
}
