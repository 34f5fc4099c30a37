package hub

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vertebra/vertebra/internal/hubtest"
	"github.com/vertebra/vertebra/vision/zoo"
)

// content is a file of a test, long enough to be cut often.
func content(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func sha(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

// newHub returns a Hub on empty folders that does not wait. waits collects how long it
// was asked to.
func newHub(t *testing.T, endpoint string) (h *Hub, waits *[]time.Duration) {
	dir := t.TempDir()
	waits = new([]time.Duration)
	h = &Hub{Folder: filepath.Join(dir, "hub"), Checkpoints: filepath.Join(dir, "torch"), Endpoint: endpoint, Token: "secret"}
	h.wait = func(ctx context.Context, d time.Duration) error { *waits = append(*waits, d); return ctx.Err() }
	return h, waits
}

// serve serves a file with a handler in front, which may answer itself and return true.
func serve(t *testing.T, data []byte, before func(w http.ResponseWriter, r *http.Request) bool) (*httptest.Server, zoo.File) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"one"`)
		if before == nil || !before(w, r) {
			http.ServeContent(w, r, "w.pth", time.Time{}, bytes.NewReader(data))
		}
	}))
	t.Cleanup(s.Close)
	return s, zoo.File{URL: s.URL + "/w.pth", Bytes: int64(len(data)), SHA256: sha(data), Terms: "MIT"}
}

// part serves data[from:to] as the part that was asked for, and then breaks the
// connection.
func part(w http.ResponseWriter, r *http.Request, data []byte, to int) {
	from := 0
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		w.Header().Set("Content-Length", fmt.Sprint(len(data)-from))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	}
	w.Write(data[from:max(from, min(to, len(data)))])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func want(t *testing.T, path string, data []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, want %d, %v", len(got), len(data), err)
	}
	rest, _ := filepath.Glob(path + ".*")
	if len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
}

// TestCuts cuts a download at 20 random places, in one process and in one after another.
func TestCuts(t *testing.T) {
	data := content(1 << 20)
	for _, again := range []bool{false, true} {
		random := rand.New(rand.NewPCG(1, 2))
		cuts := 0
		_, f := serve(t, data, func(w http.ResponseWriter, r *http.Request) bool {
			if cuts == 20 {
				return false
			}
			cuts++
			from := 0
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
			part(w, r, data, from+random.IntN(len(data)/20))
			return true
		})
		h, _ := newHub(t, "")
		if again {
			h.wait = func(context.Context, time.Duration) error { return errors.New("the process ends") }
		}
		var found Found
		var err error
		for calls := 0; calls < 30; calls++ {
			if found, err = h.Fetch(t.Context(), f); err == nil {
				break
			}
			if _, ok := h.Find(f); ok || !again {
				t.Fatalf("found %v after %v", ok, err)
			}
		}
		if err != nil || cuts != 20 || !found.Fetched || found.Bytes != int64(len(data)) || found.Checked != "SHA-256" {
			t.Fatalf("%+v, %d cuts, %v", found, cuts, err)
		}
		want(t, found.Path, data)
		if found, err = h.Fetch(t.Context(), f); err != nil || found.Fetched {
			t.Errorf("fetched again: %+v, %v", found, err)
		}
	}
}

// TestFaults has servers that do what they must not.
func TestFaults(t *testing.T) {
	data := content(100_000)
	other := content(100_001)[1:]
	for _, c := range []struct {
		name   string
		before func(n int, w http.ResponseWriter, r *http.Request) bool
		change func(*zoo.File)
		err    string        // empty if the file arrives
		wait   time.Duration // the longest that is waited for; 0 is not compared
	}{
		{name: "429 with a time", wait: 7 * time.Second, before: func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 0 {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(429)
			}
			return n == 0
		}},
		{name: "429 for an hour", err: "asks to come back in 1h0m0s", before: func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
			return true
		}},
		{name: "500, 502, 503", wait: 4 * time.Second, before: func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n < 3 {
				w.WriteHeader([]int{500, 502, 503}[n])
			}
			return n < 3
		}},
		{name: "always 500", err: "6 attempts failed", before: func(n int, w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(500); return true }},
		{name: "404", err: "404 Not Found", before: func(n int, w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(404); return true }},
		{name: "403", err: "HF_TOKEN", before: func(n int, w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(403); return true }},
		{name: "another length", err: "has 5 bytes, want 100000", before: func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.Write([]byte("short"))
			return true
		}},
		{name: "other bytes", err: "want " + sha(data), before: func(n int, w http.ResponseWriter, r *http.Request) bool { w.Write(other); return true }},
		{name: "other bytes, MD5", err: "its MD5 is", change: func(f *zoo.File) { f.SHA256, f.MD5 = "", "0123" },
			before: func(n int, w http.ResponseWriter, r *http.Request) bool { w.Write(other); return true }},
		{name: "a page", err: "a page", change: func(f *zoo.File) { f.SHA256, f.Bytes = "", 0 }, before: func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Write([]byte("<html>log in</html>"))
			return true
		}},
		{name: "no length and no hash", err: "cannot be checked", change: func(f *zoo.File) { f.SHA256, f.Bytes = "", 0 }, before: func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.Write(data[:10])
			w.(http.Flusher).Flush()
			w.Write(data[10:])
			return true
		}},
		{name: "no ranges", before: func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 0 {
				part(w, r, data, 500)
			}
			w.Write(data)
			return true
		}},
		{name: "another ETag", before: func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 0 {
				w.Header().Set("ETag", `"old"`)
				part(w, r, other, 500)
			}
			return false // If-Range does not fit: the whole file
		}},
		{name: "another ETag without a word", before: func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 0 {
				w.Header().Set("ETag", `"old"`)
				part(w, r, other, 500)
			}
			r.Header.Del("If-Range")
			return false
		}},
		{name: "another part", before: func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 0 {
				part(w, r, data, 500)
			}
			if n == 1 {
				w.Header().Set("Content-Range", "bytes 0-99999/100000")
				w.WriteHeader(206)
				w.Write(data)
			}
			return n == 1
		}},
		{name: "silence", before: func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 0 {
				w.Header().Set("Content-Length", fmt.Sprint(len(data)))
				w.Write(data[:1000])
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}
			return n == 0
		}},
		{name: "redirections in a loop", err: "redirections", before: func(n int, w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
			return true
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := 0
			_, f := serve(t, data, func(w http.ResponseWriter, r *http.Request) bool {
				n++
				return c.before(n-1, w, r)
			})
			if c.change != nil {
				c.change(&f)
			}
			h, waits := newHub(t, "")
			h.Patience = 200 * time.Millisecond
			found, err := h.Fetch(t.Context(), f)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v, want %q", err, c.err)
				}
				if _, ok := h.Find(f); ok {
					t.Error("there is a file under the right name")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want(t, found.Path, data)
			longest := time.Duration(0)
			for _, d := range *waits {
				longest = max(longest, d)
			}
			if c.wait != 0 && longest != c.wait {
				t.Errorf("waited %v, want %v", longest, c.wait)
			}
		})
	}
}

// TestStale has files in the cache that other programs left.
func TestStale(t *testing.T) {
	data := content(5000)
	for _, c := range []struct {
		name, file string
		bytes      []byte
		fetched    bool
	}{
		{"right", "w.pth", data, false},
		{"truncated", "w.pth", data[:100], true},
		{"corrupt", "w.pth", bytes.Repeat([]byte{1}, len(data)), true},
		{"unfinished", "w.pth" + unfinished, data[:100], true},
		{"unfinished, of another file", "w.pth" + unfinished, bytes.Repeat([]byte{1}, 200), true},
		{"unfinished and too long", "w.pth" + unfinished, bytes.Repeat([]byte{1}, 9000), true},
	} {
		_, f := serve(t, data, nil)
		h, _ := newHub(t, "")
		os.MkdirAll(h.Checkpoints, 0o777)
		if err := os.WriteFile(filepath.Join(h.Checkpoints, c.file), c.bytes, 0o666); err != nil {
			t.Fatal(err)
		}
		found, err := h.Fetch(t.Context(), f)
		if err != nil || found.Fetched != c.fetched {
			t.Fatalf("%s: %+v, %v", c.name, found, err)
		}
		want(t, found.Path, data)
	}
}

// TestFrom takes the registry's files from a mirror, which gets no token.
func TestFrom(t *testing.T) {
	data := content(1000)
	mirror, f := serve(t, data, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/weights/w.pth" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s, %v", r.URL, r.Header)
		}
		return false
	})
	h, _ := newHub(t, "https://huggingface.co")
	h.From = mirror.URL + "/weights/"
	f.URL = "https://example.invalid/somewhere/w.pth"
	found, err := h.Fetch(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	want(t, found.Path, data)
}

// TestOneWriter fetches a file from several goroutines at once: one of them downloads.
func TestOneWriter(t *testing.T) {
	data := content(1 << 20)
	var mu sync.Mutex
	asked := 0
	_, f := serve(t, data, func(http.ResponseWriter, *http.Request) bool { mu.Lock(); asked++; mu.Unlock(); return false })
	h, _ := newHub(t, "")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := h.Fetch(context.Background(), f); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if asked != 1 {
		t.Errorf("%d requests", asked)
	}
}

func TestChecksum(t *testing.T) {
	m := md5.Sum([]byte("abc"))
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("abc"), 0o666); err != nil {
		t.Fatal(err)
	}
	plain := sha1.Sum([]byte("abc"))
	for _, c := range []checksum{
		{sha256: sha([]byte("abc"))}, {sha256: sha([]byte("abc"))[:8]}, {md5: hex.EncodeToString(m[:3])},
		{git: hubtest.Blob([]byte("abc"))}, {git: hex.EncodeToString(plain[:])},
	} {
		got, err := c.sum(t.Context(), path, nil)
		if err != nil || c.fits(got) != nil {
			t.Errorf("%+v: %+v, %v", c, got, err)
		}
	}
	if text := (checksum{md5: "8cad7c"}).String(); text != "the first 6 digits of its MD5, which are all that is published" {
		t.Error(text)
	}
}

func TestEnvironment(t *testing.T) {
	home := func() (string, error) { return "/home/me", nil }
	of := func(m map[string]string) *Hub {
		h, err := fromEnvironment(func(k string) string { return m[k] }, home)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for _, c := range []struct {
		env                           map[string]string
		folder, checkpoints, endpoint string
	}{
		{nil, "/home/me/.cache/huggingface/hub", "/home/me/.cache/torch/hub/checkpoints", "https://huggingface.co"},
		{map[string]string{"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub", "/c/torch/hub/checkpoints", "https://huggingface.co"},
		{map[string]string{"HF_HOME": "~/hf", "TORCH_HOME": "/t", "HF_ENDPOINT": "http://mirror:1/"}, "/home/me/hf/hub", "/t/hub/checkpoints", "http://mirror:1"},
		{map[string]string{"HF_HOME": "/hf", "HF_HUB_CACHE": "/x"}, "/x", "/home/me/.cache/torch/hub/checkpoints", "https://huggingface.co"},
	} {
		if h := of(c.env); h.Folder != filepath.FromSlash(c.folder) || h.Checkpoints != filepath.FromSlash(c.checkpoints) || h.Endpoint != c.endpoint {
			t.Errorf("%v: %+v", c.env, h)
		}
	}
	if _, err := fromEnvironment(func(k string) string { return map[string]string{"HF_ENDPOINT": "mirror"}[k] }, home); err == nil {
		t.Error("HF_ENDPOINT=mirror was taken")
	}
}
