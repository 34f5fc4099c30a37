package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/vision/batch"
	"github.com/vertebra/vertebra/vision/batch/queue"
	"github.com/vertebra/vertebra/vision/batch/store"
)

// pictures writes n pictures, of which the first cannot be read.
func batchPictures(t *testing.T, n int) string {
	t.Helper()
	photo, err := os.ReadFile(photograph(t, 9, 8))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i := range n {
		content := photo
		if i == 0 {
			content = []byte("x")
		}
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))+".png"), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestBatch embeds pictures by a worker that is a process of its own, and searches them by
// words as search finds them in their folder. It ends the first run before it begins.
func TestBatch(t *testing.T) {
	in, out, clip := batchPictures(t, 5), filepath.Join(t.TempDir(), "out"), smallCLIP(t, 1)
	args := []string{"batch", "embed", in, "--weights", clip, "-o", out, "--unit", "2", "--device", "cpu", "--json"}
	ended, end := context.WithCancel(t.Context())
	end()
	var none strings.Builder
	if status := run(ended, args, &none, &none); status != interrupted {
		t.Errorf("status %d, %s", status, none.String())
	}
	var got batched
	if err := json.Unmarshal([]byte(ok(t, args...)), &got); err != nil || got.Units != 3 || got.Done != 3 || got.Pictures != 5 || got.Errors != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if err := json.Unmarshal([]byte(ok(t, args...)), &got); err != nil || got.Done != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	var s stated
	if err := json.Unmarshal([]byte(ok(t, "batch", "status", out, "--count", "--json")), &s); err != nil || s.Done != 3 || s.Rows.Rows != 5 || s.Rows.Errors != 1 || len(s.Workers) != 1 || s.Workers[0].Device == "" {
		t.Errorf("%+v, %v", s, err)
	}
	if text := ok(t, "batch", "status", out, "--count"); !strings.Contains(text, "3 of 3 units, of 5 pictures\n") || !strings.HasSuffix(text, "5 rows, 5 paths, 1 without a result\n") {
		t.Error(text)
	}
	var folder, vectors searched
	status, stdout, errs := vertebra("search", in, "ab", "--weights", clip, "--index", filepath.Join(t.TempDir(), "i"), "--device", "cpu", "--json")
	if err := json.Unmarshal([]byte(stdout), &folder); err != nil || status != 0 {
		t.Fatal(err, errs)
	}
	if err := json.Unmarshal([]byte(ok(t, "search", out, "ab", "--weights", clip, "--device", "cpu", "--json")), &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Found) != 4 || len(folder.Found) != 4 || vectors.Found[0] != folder.Found[0] || vectors.Found[3] != folder.Found[3] {
		t.Errorf("%+v, want %+v", vectors, folder)
	}
	if status, _, errs := vertebra("search", out, "ab", "--weights", smallCLIP(t, 2), "--device", "cpu"); status != 1 || !strings.Contains(errs, "with other weights") {
		t.Errorf("status %d, %s", status, errs)
	}
	if err := os.Remove(filepath.Join(out, "part-00001.parquet")); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := vertebra("batch", "status", out, "--count"); status != 1 || !strings.Contains(errs, "3 rows with 3 paths for 5 pictures") {
		t.Errorf("status %d, %s", status, errs)
	}
	j, err := batch.Attach(t.Context(), store.Folder(out), &store.Places{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	release, err := queue.Hold(j, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if status, _, errs := vertebra(args...); status != 1 || !strings.Contains(errs, "the job is coordinated by process ") {
		t.Errorf("status %d, %s", status, errs)
	}
	release()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"batch", "status", in}, "_job.parquet: no such file"},
		{append(args[:len(args):len(args)], "--workers", "0"), "--workers 0 needs --listen or --join"},
		{append(args[:len(args):len(args)], "--lease", "1ms"), "--lease 1ms, want half a second or more"},
		{append(args[:len(args):len(args)], "--listen", "x"), "--listen: "},
		{append(args[:len(args):len(args)], "--device", "none such"), "given twice"},
		{[]string{"worker", "--join", "nats://127.0.0.1:1", "--patience", "1ms"}, "--join: nats://127.0.0.1:1: "},
		{[]string{"worker", "--join", "sekrit@127.0.0.1:1", "--patience", "1ms"}, "waiting 1ms for a job at nats://127.0.0.1:1\n"},
		{[]string{"worker"}, "worker needs --join"},
	} {
		if status, _, errs := vertebra(c.args...); status != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("%v: status %d, %s", c.args, status, errs)
		}
	}
}

// TestBatchNoDevice runs a job whose worker cannot begin.
func TestBatchNoDevice(t *testing.T) {
	in, out := batchPictures(t, 3), filepath.Join(t.TempDir(), "out")
	status, _, errs := vertebra("batch", "upscale", in, "-o", out, "--device", "none such")
	if status != 1 || !strings.Contains(errs, "none such") || !strings.Contains(errs, "the worker of this computer has ended") {
		t.Errorf("status %d, %s", status, errs)
	}
}

// TestInvite names the address that an engine listens on, unless that is any.
func TestInvite(t *testing.T) {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for listens, want := range map[string]string{
		"localhost:1": "localhost:1", "127.0.0.1:1": "127.0.0.1:1", "[::1]:1": "[::1]:1", "0.0.0.0:1": name + ":1", "[::]:1": name + ":1",
	} {
		var said strings.Builder
		(&queueFlags{}).invite(&said, queue.Access{URL: "nats://" + listens, Token: "t"})
		if got := said.String(); !strings.HasSuffix(got, " --join nats://t@"+want+"\n") {
			t.Errorf("%s: %s", listens, got)
		}
	}
}
