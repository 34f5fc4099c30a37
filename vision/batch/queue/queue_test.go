package queue

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vertebra/vertebra/vision/batch"
)

// within is how long a test may wait for an event.
const within = 2 * time.Minute

// TestLost runs 480 pictures by two workers as processes. One is killed in the middle of a
// unit, the queue is deleted once, and one unit kills every worker that takes it.
func TestLost(t *testing.T) {
	const pictures, unit = 480, 24
	ctx, j, out, e := begin(t, pictures, unit)
	work := setup{URL: e.URL, Token: e.Token, Die: -1}
	held := work
	held.Worker, held.Hold = "held", true
	first := start(t, held)
	r := coordinate(ctx, t, j, out, e.Access)
	lost := first.next(t, ctx)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	work.Worker = "fast"
	fast := start(t, work)
	r.wait(t, ctx, 3)
	c, err := e.connect("test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.stream.DeleteStream(ctx, subjectsOf(j.ID).stream); err != nil {
		t.Fatal(err)
	}
	r.end(t, ctx)
	count(t, j, pictures)
	if len(r.dead) > 0 {
		t.Errorf("%v is given up", r.dead)
	}
	if err := fast.Wait(); err != nil {
		t.Errorf("the worker ends with %v", err)
	}
	again := false
	for line := range fast.lines {
		again = again || line == lost
	}
	if !again {
		t.Errorf("nobody has done unit %s of the worker that was killed", lost)
	}
}

// TestDead ends a job of which one unit kills its workers. The next run gives up no unit.
func TestDead(t *testing.T) {
	const pictures, unit, fatal = 64, 16, 2
	ctx, j, out, e := begin(t, pictures, unit)
	r := coordinate(ctx, t, j, out, e.Access)
	deaths := 0
	for r.dead == nil && len(r.ended) == 0 {
		p := start(t, setup{Worker: "w", URL: e.URL, Token: e.Token, Die: fatal})
		if p.Wait() == nil {
			break
		}
		if deaths++; deaths > Deliveries {
			t.Fatalf("the unit has killed %d workers", deaths)
		}
	}
	r.end(t, ctx)
	if len(r.dead) != 1 || r.dead[0].Unit != fatal || deaths != Deliveries || !strings.Contains(r.dead[0].Why, "3 workers were lost") {
		t.Errorf("%+v after %d deaths", r.dead, deaths)
	}
	s, err := j.Status(ctx)
	if err != nil || s.Done != 3 || s.Units != 4 || len(s.Dead) != 1 || len(s.Workers) != 1 || s.Workers[0].Units != 3 {
		t.Errorf("%+v, %v", s, err)
	}
	r = coordinate(ctx, t, j, out, e.Access)
	start(t, setup{Worker: "w", URL: e.URL, Token: e.Token, Die: -1})
	r.end(t, ctx)
	count(t, j, pictures)
	if s, err := j.Status(ctx); len(r.dead) > 0 || err != nil || len(s.Dead) > 0 || s.Done != 4 || s.Left != 0 {
		t.Errorf("%v, %+v, %v", r.dead, s, err)
	}
}

// TestBadUnits does a job of which the pictures of three units are gone. A worker that has
// done another gives them up and does the rest. One that has done none ends.
func TestBadUnits(t *testing.T) {
	ctx, j, out, e := begin(t, 80, 1)
	m := opened(t)
	for unit := 1; unit < 4; unit++ {
		items, err := j.Items(unit)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(j.Folder, items[0].Path)); err != nil {
			t.Fatal(err)
		}
	}
	r := coordinate(ctx, t, j, out, e.Access)
	work := func(folder string) error {
		c, err := Dial(e.Access, "me", within)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return (&Worker{Worker: &batch.Worker{Job: j, Model: m, Name: "me", Folder: folder}, Client: c, Lease: time.Second, Log: slog.New(slog.DiscardHandler)}).Run(ctx)
	}
	if err := work(""); err != nil {
		t.Error(err)
	}
	r.end(t, ctx)
	if len(r.dead) != 3 {
		t.Errorf("%+v", r.dead)
	}
	count(t, j, 77)
	coordinate(ctx, t, j, out, e.Access)
	var place *batch.PlaceError
	if err := work(t.TempDir()); !errors.As(err, &place) {
		t.Error(err)
	}
}

// TestInterrupted ends a worker in a unit. The unit is as if it had not been tried.
func TestInterrupted(t *testing.T) {
	ctx, j, out, e := begin(t, 32, 16)
	m := opened(t)
	r := coordinate(ctx, t, j, out, e.Access)
	for range Deliveries + 2 {
		c, err := Dial(e.Access, "me", within)
		if err != nil {
			t.Fatal(err)
		}
		own, interrupt := context.WithCancel(ctx)
		w := &Worker{Worker: &batch.Worker{Job: j, Model: m, Name: "me"}, Client: c, Lease: time.Second, Begin: func(int) { interrupt() }}
		if err := w.Run(own); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		c.Close()
	}
	start(t, setup{Worker: "w", URL: e.URL, Token: e.Token, Die: -1})
	r.end(t, ctx)
	if count(t, j, 32); len(r.dead) > 0 {
		t.Errorf("%v is given up", r.dead)
	}
}

// TestAccess connects with and without the token, with TLS and where nobody listens.
func TestAccess(t *testing.T) {
	s := httptest.NewUnstartedServer(nil) // it has a certificate
	s.StartTLS()
	defer s.Close()
	e, err := StartEngine(EngineOptions{Listen: "127.0.0.1:0", TLS: &tls.Config{Certificates: s.TLS.Certificates}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	trust := &tls.Config{RootCAs: pool}
	for _, c := range []struct {
		what, want string
		Access
	}{
		{"all", "", Access{URL: e.URL, Token: e.Token, TLS: trust}},
		{"inside", "", e.Access},
		{"local", "", e.Local},
		{"a token in the URL", "", Access{URL: strings.Replace(e.URL, "://", "://"+e.Token+"@", 1), TLS: trust}},
		{"no token", "Authorization Violation", Access{URL: e.URL, TLS: trust}},
		{"a wrong token", "Authorization Violation", Access{URL: strings.Replace(e.URL, "://", "://secret@", 1), TLS: trust}},
		{"no trust", "certificate", Access{URL: e.URL, Token: e.Token}},
		{"no TLS", "", Access{URL: strings.Replace(e.URL, "tls://", "nats://", 1), Token: e.Token, TLS: trust}},
		{"nobody there", "no servers available", Access{URL: "nats://secret@127.0.0.1:1"}},
	} {
		client, err := Dial(c.Access, "me", 0)
		switch {
		case err == nil:
			client.Close()
			if c.want != "" {
				t.Errorf("%s: connected", c.what)
			}
		case c.want == "" || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret"):
			t.Errorf("%s: %v, want %s", c.what, err, c.want)
		}
	}
	for _, c := range []struct{ url, want string }{
		{"nats://secret@127.0.0.1:bad", `nats://127.0.0.1:bad: invalid port ":bad" after host, want a URL such as `},
		{"secret@127.0.0.1:bad", `nats://127.0.0.1:bad: invalid port ":bad" after host, `},
		{"nats://127.0.0.1:1,nats://secret@[::1", "nats://[::1: missing ']' in host, "},
		{"nats://secret@:4222", "nats://:4222: no host, "},
		{"nats://secret@desk:99999", "nats://desk:99999: port 99999, want a number to 65535, "},
		{"nats://secret@desk:4222/x", "nats://desk:4222/x: more than a host and a port, "},
		{"nats://secret/secret@desk:4222", "nats://desk:4222: the token before it has characters "},
		{"nats://sec%ret@desk:4222", "nats://desk:4222: the token before it has characters "},
		{"nats://s:ecret/x@desk:4222", "nats://desk:4222: the token before it has characters "},
		{" , ", "no URL, want one such as "},
	} {
		// A client that tried again would do so for hours.
		client, err := Dial(Access{URL: c.url}, "me", 24*time.Hour)
		if err == nil {
			client.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "ecret") {
			t.Errorf("%s: %v, want %s", c.url, err, c.want)
		}
	}
	if _, err := Dial(Access{URL: "secret@127.0.0.1:1"}, "me", 0); err == nil || !strings.HasPrefix(err.Error(), "nats://127.0.0.1:1: ") {
		t.Error(err)
	}
	if s := (Access{URL: "secret@a:1, tls://secret@b/"}).String(); s != "nats://a:1,tls://b" {
		t.Error(s)
	}
	for _, listen := range []string{"nowhere", "127.0.0.1:x", "127.0.0.1:99999"} {
		if _, err := StartEngine(EngineOptions{Listen: listen}); err == nil {
			t.Errorf("an engine listens on %s", listen)
		}
	}
}
