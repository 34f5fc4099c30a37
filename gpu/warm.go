package gpu

import (
	"cmp"
	"context"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/shaders"
)

const (
	// warmers is the largest number of devices that compile at once.
	warmers = 8

	// warmable is the smallest number of kernels worth opening devices for.
	warmable = 4
)

// warm makes a software driver compile kernels on several cores while the caller
// goes on. The function it returns waits for that.
//
// Such a driver turns a kernel into machine code at the kernel's first dispatch.
// One device does so for one kernel after the other, which is most of the time to a
// first result. warm opens more devices of the same adapter and dispatches the
// kernels there on zero workgroups. The first device then finds the machine code in
// the driver's cache on disk. warm does so only with lavapipe, which is known to have
// such a cache, and leaves out texts that are known to be in it. It ignores errors: the
// first device reports them. It counts the kernels in fresh, and reports whether it does
// anything.
func (d *Device) warm(steps []plan.Step, fresh *fresh) (wait func(), warms bool) {
	none := func() {}
	if !isLavapipe(d.info) || cacheless() {
		return none, false
	}
	there := cachedBy(d.info).read()
	kernels, texts := map[string]shaders.Kernel{}, map[string]string{} // by name
	var known []string
	for _, s := range steps {
		if _, seen := texts[s.Name]; seen || s.Eval != nil {
			continue
		}
		text, err := s.Kernel.Source()
		texts[s.Name] = text
		switch {
		case err != nil || d.compiled(text):
		case there[sumOf(text)]:
			known = append(known, s.Name)
		default:
			kernels[s.Name] = s.Kernel
		}
	}
	workers := min(runtime.GOMAXPROCS(0), len(kernels), warmers)
	if workers < 2 || len(kernels) < warmable {
		return none, false
	}
	for _, name := range known {
		fresh.ready(name)
	}
	// The longest first, so that the workers end at about the same time.
	names := slices.SortedFunc(maps.Keys(kernels), func(a, b string) int {
		return cmp.Or(len(texts[b])-len(texts[a]), cmp.Compare(a, b))
	})
	queue := make(chan string, len(kernels))
	for _, name := range names {
		queue <- name
	}
	close(queue)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			w, err := Open(d.self)
			if err != nil {
				return
			}
			var done []sum
			for name := range queue {
				if w.dispatchNone(kernels[name]) != nil {
					break
				}
				done = append(done, sumOf(texts[name]))
				fresh.ready(name)
			}
			if w.Close() == nil { // its writes to the cache are then complete
				cachedBy(d.info).add(done)
			}
		})
	}
	return all.Wait, true
}

// isLavapipe tells Mesa's Vulkan in software by the name of its compiler.
func isLavapipe(i Info) bool { return i.Backend == "vulkan" && strings.HasPrefix(i.Name, "llvmpipe") }

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

// dispatchNone dispatches a kernel on zero workgroups.
func (d *Device) dispatchNone(k shaders.Kernel) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	p, err := d.pipeline(k)
	if err != nil {
		return err
	}
	var read, written driver.Buffer
	for _, b := range []*driver.Buffer{&read, &written} {
		if *b, err = d.driver.Buffer(shaders.Pane, driver.Storage); err != nil {
			return err
		}
		defer (*b).Release()
	}
	access := k.Access()
	ranges := make([]driver.Range, len(access))
	for i, a := range access {
		ranges[i] = driver.Range{Buffer: read, Size: shaders.Pane}
		if a == shaders.ReadWrite {
			ranges[i].Buffer = written
		}
	}
	group, err := d.driver.Group(p.compiled, ranges)
	if err != nil {
		return err
	}
	defer group.Release()
	return d.run(context.Background(), driver.Command{Pipeline: p.compiled, Group: group})
}
