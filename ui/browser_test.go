//go:build browser

package ui

import (
	"bytes"
	"image"
	"image/png"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBrowser drives the page in Chromium: browser/pages.mjs says how. Its pictures of the
// page are in the folder out/ui. The device is whatever there is.
func TestBrowser(t *testing.T) {
	cat, err := os.ReadFile("../golden/testdata/chelsea.png")
	if err != nil {
		t.Fatal(err)
	}
	photos := filepath.Join(t.TempDir(), "photos")
	write(t, photos, "cat.png", cat)
	whole, err := png.Decode(bytes.NewReader(cat))
	if err != nil {
		t.Fatal(err)
	}
	eye := whole.(interface {
		SubImage(image.Rectangle) image.Image
	}).SubImage(image.Rect(120, 85, 240, 160))
	var small bytes.Buffer
	if err := png.Encode(&small, eye); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Dir(photos), "eye.png", small.Bytes())
	write(t, photos, "small/stripes.png", photograph(t, 90, 60))
	write(t, photos, "small/dots.png", photograph(t, 61, 80))
	write(t, photos, "broken.png", []byte("no picture"))
	s, err := New(Options{
		Version:     "(test)",
		Folders:     []string{photos},
		Checkpoints: []string{smallSAM(t), smallCLIP(t), smallViT(t), smallMAE(t)},
		Hub:         face(t, make(chan struct{})),
	})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	defer func() {
		s.Stop()
		h.CloseClientConnections()
		h.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	out, err := filepath.Abs("../out/ui")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("node", "pages.mjs", s.Address(strings.TrimPrefix(h.URL, "http://")), filepath.Join(photos, "cat.png"), out)
	c.Dir = "browser"
	text, err := c.CombinedOutput()
	t.Logf("%s", text)
	if err != nil {
		t.Fatal(err)
	}
}
