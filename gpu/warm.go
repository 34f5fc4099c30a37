package gpu

import (
	"os"
	"runtime"
	"sort"
	"strings"
	"sync"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/shaders"
)

const (
	// warmers is the most devices that compile at once.
	warmers = 8

	// warmable is the fewest kernels that are worth opening devices for.
	warmable = 4
)

// warm has a software driver compile kernels on several cores while the caller
// goes on; the function it returns waits for that.
//
// Such a driver turns a kernel into machine code at its first dispatch, one
// after the other in a device's queue, and that is most of the time to a first
// result. Here further devices dispatch the kernels on no workgroups, and the
// driver's cache on disk hands the code over. Where there is none, though the user
// has not said so, the work is in vain, and nothing else changes: errors are left
// to the device that computes.
func (d *Device) warm(steps []plan.Step) (wait func()) {
	var sources []string
	seen := map[string]bool{}
	for _, s := range steps {
		text := s.Kernel.Source
		if d.pipelines[text] == nil && !seen[text] {
			seen[text] = true
			sources = append(sources, text)
		}
	}
	workers := min(runtime.GOMAXPROCS(0), len(sources), warmers)
	if d.info.Limits.Kind != shaders.CPU || workers < 2 || len(sources) < warmable || cacheless() {
		return func() {}
	}
	// The longest first, so that the workers end at about the same time.
	sort.SliceStable(sources, func(i, j int) bool { return len(sources[i]) > len(sources[j]) })
	queue := make(chan string, len(sources))
	for _, s := range sources {
		queue <- s
	}
	close(queue)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			w, err := Open(d.self)
			if err != nil {
				return
			}
			defer w.Close() // which completes what it writes into the cache
			for s := range queue {
				if w.dispatchNone(s) != nil {
					return
				}
			}
		})
	}
	return all.Wait
}

// cacheless reports whether the user has told Mesa to keep no cache.
func cacheless() bool {
	for _, name := range []string{"MESA_SHADER_CACHE_DISABLE", "MESA_GLSL_CACHE_DISABLE"} {
		switch strings.ToLower(os.Getenv(name)) {
		case "1", "true", "y", "yes":
			return true
		}
	}
	return false
}

// dispatchNone dispatches a kernel on no workgroups.
func (d *Device) dispatchNone(source string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, err := d.pipeline(source)
	if err != nil {
		return err
	}
	var read, written driver.Buffer
	for _, b := range []*driver.Buffer{&read, &written} {
		if *b, err = d.driver.Buffer(shaders.Window, driver.Storage); err != nil {
			return err
		}
		defer (*b).Release()
	}
	ranges := make([]driver.Range, len(p.access))
	for i, a := range p.access {
		ranges[i] = driver.Range{Buffer: read, Size: shaders.Window}
		if a == shaders.ReadWrite {
			ranges[i].Buffer = written
		}
	}
	group, err := d.driver.Group(p.Pipeline, ranges)
	if err != nil {
		return err
	}
	defer group.Release()
	return d.run(driver.Command{Pipeline: p.Pipeline, Group: group})
}
