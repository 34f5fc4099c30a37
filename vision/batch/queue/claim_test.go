package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// TestTaken has a second coordinator, which ends and names the first. When the first is
// gone, another takes its queue and does what is left.
func TestTaken(t *testing.T) {
	ctx, j, out, e := begin(t, 32, 8)
	own, leave := context.WithCancel(ctx)
	first := coordinate(own, t, j, out, e.Access)
	held := start(t, setup{Worker: "held", URL: e.URL, Token: e.Token, Hold: true, Die: -1})
	held.next(t, ctx)
	var taken *TakenError
	second := <-coordinate(ctx, t, j, out, e.Access).ended
	if !errors.As(second, &taken) || taken.By != self() {
		t.Errorf("the second coordinator: %v", second)
	}
	start(t, setup{Worker: "w", URL: e.URL, Token: e.Token, Die: -1})
	first.wait(t, ctx, 2) // its queue is there
	leave()
	if err := <-first.ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := held.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	coordinate(ctx, t, j, out, e.Access).end(t, ctx)
	count(t, j, 32)
}

// TestHold has two processes for one folder of results, which would have an engine each. The
// second one names the first, until that is killed.
func TestHold(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), within)
	defer stop()
	j, out := job(t, 1, 1)
	log := slog.New(slog.DiscardHandler)
	for range 2 { // the second finds the lock of a process that is gone
		first := start(t, setup{Holds: out})
		name := first.next(t, ctx)
		_, err := Hold(j, log)
		var taken *TakenError
		if !errors.As(err, &taken) || taken.By != name || !strings.Contains(name, fmt.Sprint(first.Process.Pid)) {
			t.Errorf("%v, want that it is taken by %s", err, name)
		}
		if err := first.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		first.Wait()
	}
	release, err := Hold(j, log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Hold(j, log); err == nil || err.Error() != "the job is coordinated by "+self() {
		t.Error(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if release, err = Hold(j, log); err != nil {
		t.Fatal(err)
	}
	release()
}

// TestOvertaken has a coordinator whose queue another one has made anew, such as after a
// link was cut. It ends.
func TestOvertaken(t *testing.T) {
	ctx, j, out, e := begin(t, 32, 8)
	r := coordinate(ctx, t, j, out, e.Access)
	held := start(t, setup{Worker: "held", URL: e.URL, Token: e.Token, Hold: true, Die: -1})
	held.next(t, ctx)
	other := &Coordinator{Job: j, names: subjectsOf(j.ID), run: "other"}
	var err error
	if other.c, err = e.connect("other", within); err != nil {
		t.Fatal(err)
	}
	defer other.c.Close()
	if err := other.clear(ctx); err != nil {
		t.Fatal(err)
	}
	for _, err = other.create(ctx); err != nil; _, err = other.create(ctx) { // unless the first was faster
		if err := errors.Join(other.clear(ctx), ctx.Err()); err != nil {
			t.Fatal(err)
		}
	}
	var taken *TakenError
	if err := <-r.ended; !errors.As(err, &taken) || taken.By != self() {
		t.Error(err)
	}
}

// TestFolders starts an engine where others were killed. Their folders go; those of engines
// that live, or that are about to, stay.
func TestFolders(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	at := func(name string) string { return filepath.Join(os.TempDir(), temporary+name) }
	for _, name := range []string{"killed", "live", "new"} {
		if err := errors.Join(os.Mkdir(at(name), 0o700), os.WriteFile(filepath.Join(at(name), "units"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	lock := flock.New(lockOf(at("live")))
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	before := time.Now().Add(-2 * settled)
	for _, name := range []string{"killed", "live"} {
		if err := os.Chtimes(at(name), before, before); err != nil {
			t.Fatal(err)
		}
	}
	e, err := StartEngine(EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, stays := range map[string]bool{"killed": false, "live": true, "new": true} {
		if _, err := os.Stat(at(name)); err == nil != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
	token, err := os.ReadFile(e.TokenFile)
	info, bad := os.Stat(e.TokenFile)
	if err != nil || bad != nil || string(token) != e.Token || info.Mode() != 0o600 {
		t.Errorf("token %q, %v, %v, %v", token, err, info, bad)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(at("*")); err != nil || fmt.Sprint(left) != fmt.Sprint([]string{at("live"), at("new")}) {
		t.Errorf("%v, %v", left, err)
	}
	if _, err := os.Stat(e.TokenFile); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
