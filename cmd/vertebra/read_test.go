package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRead gives the errors of read. vision.TestTextReal reads text.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	in, dict := filepath.Join(dir, "in.png"), filepath.Join(dir, "keys.txt")
	rowsPicture(t, in)
	if err := os.WriteFile(dict, []byte("a\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(dir, "rows.onnx")
	rowsFile(t, model)
	for want, args := range map[string][]string{
		"read needs --det FILE and --rec FILE":        {in},
		"--threshold 2, want a score between 0 and 1": {in, "--det", model, "--rec", model, "--threshold", "2"},
		"--batch 0, want 1 to":                        {in, "--det", model, "--rec", model, "--batch", "0"},
		"does not say which characters its classes are: give the list that belongs to it with --dict": {in, "--det", model, "--rec", model},
		"pictures are [1, 32, 32, 3] as [B, H, W, C]":                                                 {in, "--det", model, "--rec", model, "--dict", dict},
		"keys.png: no such file":  {in, "--det", model, "--rec", model, "--dict", filepath.Join(dir, "keys.png")},
		"would take the place of": {in, "--det", model, "--rec", model, "--dict", dict, "-o", in},
		"no.onnx":                 {in, "--det", filepath.Join(dir, "no.onnx"), "--rec", model, "--dict", dict},
	} {
		if status, _, stderr := vertebra(append([]string{"read", "--device", "cpu"}, args...)...); status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, %s, want %s", args, status, stderr, want)
		}
	}
}
