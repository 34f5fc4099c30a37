package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestBrowse opens the page with stand-ins for the desktop's programs. The secret is in a
// file for the user alone, which a confined browser can read, and in no argument.
func TestBrowse(t *testing.T) {
	caches(t)
	home, bin := t.TempDir(), t.TempDir()
	snap := filepath.Join(home, "snap", "firefox", "common")
	if err := os.MkdirAll(snap, 0o700); err != nil {
		t.Fatal(err)
	}
	opened := filepath.Join(home, "opened")
	for name, text := range map[string]string{
		"xdg-settings": "echo firefox_firefox.desktop\n",
		"xdg-open":     "{ echo \"$@\"; stat -c %a \"$1\"; cat \"$1\"; } >" + opened + ".part; mv " + opened + ".part " + opened + "; echo >" + opened + ".pipe\n",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(opened+".pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, out := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int)
	go func() { ended <- run(ctx, []string{"ui", "--json", "--device", "cpu"}, out, &stderr) }()
	var said struct{ Address string }
	if err := json.NewDecoder(r).Decode(&said); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(opened + ".pipe"); err != nil { // waits for xdg-open
		t.Fatal(err)
	}
	text, err := os.ReadFile(opened)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitN(string(text), "\n", 3)
	_, token, _ := strings.Cut(said.Address, "#t=")
	if strings.Contains(lines[0], token) || !strings.HasPrefix(lines[0], snap) || lines[1] != "600" || !strings.Contains(lines[2], said.Address) {
		t.Errorf("%s", text)
	}
	cancel()
	if status := <-ended; status != 0 || stderr.Len() > 0 {
		t.Errorf("status %d, %s", status, stderr.String())
	}
	if _, err := os.Stat(lines[0]); err == nil {
		t.Errorf("%s is still there", lines[0])
	}
}
