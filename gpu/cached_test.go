package gpu

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
)

// caches gives the test folders of its own for the driver's cache and ours.
func caches(t *testing.T) (driverFolder string) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	folder := t.TempDir()
	t.Setenv("MESA_SHADER_CACHE_DIR", folder)
	return filepath.Join(folder, "mesa_shader_cache_db")
}

func TestCached(t *testing.T) {
	folder, info := caches(t), driver.Info{Name: "llvmpipe", Driver: "1"}
	if c := cachedBy(info); c != "" {
		t.Fatalf("%s without a cache of the driver", c)
	}
	cached("").add([]sum{sumOf("a")})
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	c := cachedBy(info)
	if got := c.read(); c != "" && len(got) > 0 {
		t.Errorf("%v before anything was added", got)
	}
	if number(stat(t, folder)) == 0 {
		if c != "" {
			t.Errorf("%s where folders have no numbers", c)
		}
		return
	}
	c.add([]sum{sumOf("a"), sumOf("b")})
	c.add([]sum{sumOf("c")})
	if err := appendTo(string(c), "short"); err != nil {
		t.Fatal(err)
	}
	got := c.read()
	for text, want := range map[string]bool{"a": true, "b": true, "c": true, "d": false} {
		if got[sumOf(text)] != want {
			t.Errorf("text %s: %v", text, got[sumOf(text)])
		}
	}
	if other := cachedBy(driver.Info{Name: "llvmpipe", Driver: "2"}); other == c {
		t.Error("another driver has the same file")
	}
	if err := appendTo(string(c), string(make([]byte, mostCached))); err != nil {
		t.Fatal(err)
	}
	c.add([]sum{sumOf("e")})
	if got := c.read(); len(got) != 1 || !got[sumOf("e")] {
		t.Errorf("%d sums after the file was too large", len(got))
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func appendTo(path, data string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// TestWarm has no devices opened for kernels that are in the driver's cache, and has them
// opened again once the cache is deleted.
func TestWarm(t *testing.T) {
	folder := caches(t)
	d, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	g := trace(t, func(g *graph.Graph) {
		x := g.Input("x", 4, 4)
		g.Output("y", x.Softmax(1).Add(x.Permute(1, 0)).Normalize(1).LogSoftmax(1))
	})
	p, err := plan.New(g, d.info.Limits, d.info.MaxBufferSize, Choice{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false, true} {
		wait, warms := d.warm(p.Steps, nil)
		wait()
		if warms != (want && isLavapipe(d.info)) {
			t.Errorf("warms: %v, want %v", warms, want)
		}
		if !want {
			if err := os.RemoveAll(folder); err != nil {
				t.Fatal(err)
			}
		}
	}
}
