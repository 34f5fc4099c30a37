//go:build cluster

package queue

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// link is a way to an engine that can be cut.
type link struct {
	at, to string

	mu     sync.Mutex
	listen net.Listener
	open   []net.Conn
}

func newLink(t *testing.T, to string) *link {
	l := &link{at: fmt.Sprintf("127.0.0.1:%d", free(t)), to: to}
	l.mend(t)
	t.Cleanup(l.cut)
	return l
}

// mend lets connections through.
func (l *link) mend(t *testing.T) {
	t.Helper()
	listen, err := net.Listen("tcp", l.at)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.listen = listen
	l.mu.Unlock()
	go func() {
		for {
			in, err := listen.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", l.to)
			if err != nil {
				in.Close()
				continue
			}
			l.mu.Lock()
			l.open = append(l.open, in, out)
			l.mu.Unlock()
			go io.Copy(in, out)
			go io.Copy(out, in)
		}
	}()
}

// cut closes all connections and takes no more.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listen.Close()
	for _, c := range l.open {
		c.Close()
	}
	l.open = nil
}

// TestCluster runs 10,000 pictures by three engines and three workers of different speed.
// A worker is killed, the link of another is cut and mended, the leader of the queue is
// killed and comes back, and the queue is deleted. Each picture has one row at the end.
func TestCluster(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
	defer stop()
	const pictures, unit, engines = 10000, 50, 3
	j, out := job(t, pictures, unit)
	all := make([]setup, engines)
	var routes []string
	for i := range all {
		all[i] = setup{Engine: fmt.Sprintf("n%d", i), Client: free(t), Route: free(t), Folder: filepath.Join(t.TempDir(), "js")}
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", all[i].Route))
	}
	running := map[string]*process{}
	var urls []string
	for i := range all {
		all[i].Routes = routes
		running[all[i].Engine] = start(t, all[i])
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", all[i].Client))
	}
	for _, p := range running {
		p.next(t, ctx)
	}
	a := Access{URL: strings.Join(urls, ",")}
	r := coordinate(ctx, t, j, out, a)
	c, err := a.connect("test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	way := newLink(t, strings.TrimPrefix(urls[2], "nats://"))
	held := start(t, setup{Worker: "held", URL: a.URL, Hold: true, Die: -1})
	held.next(t, ctx) // it has a unit
	fast := start(t, setup{Worker: "fast", URL: a.URL, Die: -1})
	start(t, setup{Worker: "slow", URL: a.URL, Die: -1, Slow: 3})
	far := start(t, setup{Worker: "far", URL: "nats://" + way.at, Die: -1, Slow: 1})
	r.wait(t, ctx, 10)
	held.Process.Kill()
	far.next(t, ctx)
	way.cut()
	r.wait(t, ctx, 10)

	name := subjectsOf(j.ID).stream
	leader := leaderOf(t, ctx, c, name)
	t.Logf("the leader is %s", leader)
	running[leader].Process.Kill()
	r.wait(t, ctx, 20)
	for _, s := range all {
		if s.Engine == leader {
			running[leader] = start(t, s)
		}
	}
	running[leader].next(t, ctx)
	way.mend(t)
	r.wait(t, ctx, 20)
	for {
		brief, cancel := context.WithTimeout(ctx, answer)
		err := c.stream.DeleteStream(brief, name)
		if cancel(); err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	r.end(t, ctx)
	count(t, j, pictures)
	s, err := j.Status(ctx)
	if err != nil || len(r.dead) > 0 {
		t.Errorf("%v, %v given up", err, r.dead)
	}
	t.Logf("%+v", s.Workers)
	for name, p := range running {
		most := p.memory(t)
		t.Logf("engine %s: %.1f MB", name, float64(most)/1e6)
		if most > 64e6 {
			t.Errorf("engine %s has had %d bytes", name, most)
		}
	}
	if err := fast.Wait(); err != nil {
		t.Error(err)
	}
	if path := os.Getenv("VERTEBRA_BATCH_OUT"); path != "" {
		if err := os.CopyFS(path, os.DirFS(out)); err != nil {
			t.Error(err)
		}
	}
}

// leaderOf waits for the leader of a stream, which has three copies.
func leaderOf(t *testing.T, ctx context.Context, c *connection, name string) string {
	t.Helper()
	for {
		brief, cancel := context.WithTimeout(ctx, answer)
		s, err := c.stream.Stream(brief, name)
		if cancel(); err == nil {
			if info := s.CachedInfo(); info.Cluster.Leader != "" {
				if info.Config.Replicas != 3 {
					t.Fatalf("%d copies", info.Config.Replicas)
				}
				return info.Cluster.Leader
			}
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

// memory returns the most memory that a process has had, in bytes.
func (p *process) memory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// free returns a free port.
func free(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
