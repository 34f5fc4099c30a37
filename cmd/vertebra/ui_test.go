package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestUI starts the page with a folder and a checkpoint, asks for both by the printed
// address, and ends it by a signal.
func TestUI(t *testing.T) {
	caches(t)
	in, w := filepath.Dir(photograph(t, 8, 8)), smallSAM(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, out := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"ui", "--open=false", "--json", "--device", "cpu", in, w}, out, &stderr)
	}()
	var said struct{ Address string }
	if err := json.NewDecoder(r).Decode(&said); err != nil {
		t.Fatal(err)
	}
	host, token, ok := strings.Cut(said.Address, "/#t=")
	if !ok || !strings.HasPrefix(host, "http://127.0.0.1:") {
		t.Fatal(said.Address)
	}
	for path, want := range map[string]string{"folders": in, "models": filepath.Base(w), "devices": "plain Go"} {
		a, err := http.Get(host + "/api/" + path + "?token=" + token)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(a.Body)
		a.Body.Close()
		if err != nil || a.StatusCode != 200 || !strings.Contains(string(text), want) {
			t.Errorf("%s: %d %s, %v, want %s", path, a.StatusCode, text, err, want)
		}
	}
	cancel()
	if status := <-ended; status != 0 || stderr.Len() > 0 {
		t.Errorf("status %d, %s", status, stderr.String())
	}
	for args, want := range map[string]string{"--port 70000": "--port 70000, want 0 to 65535", "/none": "/none: no such file"} {
		status, _, stderr := vertebra(append([]string{"ui", "--open=false"}, strings.Fields(args)...)...)
		if status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %s", args, status, stderr)
		}
	}
}
