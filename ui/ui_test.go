package ui

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/weights"
)

// client talks to a server as a program does.
type client struct {
	t *testing.T
	s *Server
	h *httptest.Server
}

// served starts a server in plain Go.
func served(t *testing.T, o Options) *client {
	t.Helper()
	o.Device = vision.DeviceOptions{Name: "cpu"}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Stop()
		h.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &client{t, s, h}
}

// send sends a request, with a JSON body unless it is bytes or nil.
func (c *client) send(method, path string, body any) (int, []byte) {
	c.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		r = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		r = bytes.NewReader(text)
	}
	q, err := http.NewRequest(method, c.h.URL+path, r)
	if err != nil {
		c.t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+c.s.token)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		c.t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return a.StatusCode, text
}

// ok sends a request that has to go well and decodes the answer.
func (c *client) ok(method, path string, body, into any) {
	c.t.Helper()
	status, text := c.send(method, path, body)
	if status != http.StatusOK {
		c.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	if into == nil {
		return
	}
	if raw, ok := into.(*[]byte); ok {
		*raw = text
	} else if err := json.Unmarshal(text, into); err != nil {
		c.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
}

// fails sends a request that has to fail and checks its status and error.
func (c *client) fails(method, path string, body any, status int, want string) {
	c.t.Helper()
	got, text := c.send(method, path, body)
	var e struct{ Error string }
	if err := json.Unmarshal(text, &e); err != nil || got != status || !strings.Contains(e.Error, want) || strings.Contains(e.Error, "\n") {
		c.t.Errorf("%s %s: %d %s, want %d %q", method, path, got, text, status, want)
	}
}

// upload sends a picture of a size.
func (c *client) upload(name string, w, h int) Picture {
	c.t.Helper()
	var p Picture
	c.ok("POST", "/api/pictures?name="+name, photograph(c.t, w, h), &p)
	return p
}

// run starts a job, waits by its events until it has ended, and decodes its result.
func (c *client) run(q Request, result any) Job {
	c.t.Helper()
	var j Job
	c.ok("POST", "/api/jobs", q, &j)
	j = c.await(j.ID, (*Job).ended)
	if j.State != done {
		c.t.Fatalf("%+v", j)
	}
	j.Result = result
	c.ok("GET", "/api/jobs/"+j.ID, nil, &j)
	return j
}

// await reads events until a job is as wanted.
func (c *client) await(id string, as func(*Job) bool) Job {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, "GET", c.h.URL+"/api/events?token="+c.s.token, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		c.t.Fatal(err)
	}
	defer a.Body.Close()
	if kind := a.Header.Get("Content-Type"); kind != "text/event-stream" {
		c.t.Fatal(kind)
	}
	lines := bufio.NewScanner(a.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), "data: ")
		var j Job
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			c.t.Fatalf("%v in %s", err, text)
		}
		if j.ID == id && as(&j) {
			return j
		}
	}
	c.t.Fatalf("the events end: %v", lines.Err())
	return Job{}
}

// photograph is a PNG of a size.
func photograph(t *testing.T, w, h int) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.NRGBA{uint8(x * 37), uint8(y*91 + x), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write writes a file in a folder.
func write(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkpoint writes a network with random weights.
func checkpoint(t *testing.T, name string, m models.Network) string {
	t.Helper()
	weights.Random(m, 1)
	var all []*tensor.Tensor
	weights.Walk(m, func(_ string, w *tensor.Tensor) { all = append(all, w) })
	path := filepath.Join(t.TempDir(), name)
	if err := weights.WriteSafetensors(path, nil, all...); err != nil {
		t.Fatal(err)
	}
	return path
}

// tiny is a vision transformer for pictures of 2×2 patches.
var tiny = models.ViTConfig{Image: graph.Both(32), Dim: 192, Depth: 2, Heads: 3, Hidden: 64}

// smallViT, smallMAE, smallSAM and smallCLIP write networks with random weights.
func smallViT(t *testing.T) string { return checkpoint(t, "vit.safetensors", models.NewViT(tiny)) }

func smallMAE(t *testing.T) string {
	return checkpoint(t, "mae.safetensors", models.NewMAE(models.MAEConfig{Encoder: tiny, DecoderDepth: 1}))
}

func smallSAM(t *testing.T) string {
	return checkpoint(t, "sam.safetensors", models.NewSAM(models.SAMConfig{
		Size: 32, Patch: 8, Width: 8, Depth: 2, Heads: 2, Window: 3, Global: []int{1}, Channels: 16,
		DecoderMLP: 8, IoUHidden: 8, MaskChannels: 4,
	}))
}

func smallCLIP(t *testing.T) string {
	path := checkpoint(t, "clip.safetensors", models.NewCLIP(models.CLIPConfig{
		Embedding: 12, Size: 8, Width: 64, Patch: 4, Layers: 1, Context: 8, Vocabulary: 515, TextWidth: 64, TextLayers: 1,
	}))
	write(t, filepath.Dir(path), "bpe_simple_vocab_16e6.txt", []byte("#\na b</w>\n"))
	write(t, filepath.Dir(path), "open_clip_config.json", []byte(`{"model_cfg": {"embed_dim": 12, "quick_gelu": true, "vision_cfg": {"image_size": 8, "layers": 1, "width": 64, "patch_size": 4}, "text_cfg": {"context_length": 8, "vocab_size": 515, "width": 64, "heads": 1, "layers": 1}}}`))
	return path
}
