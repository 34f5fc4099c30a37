package ui

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// TestGuard refuses other hosts, other origins, other sites and wrong tokens.
func TestGuard(t *testing.T) {
	c := served(t, Options{})
	port := c.h.URL[strings.LastIndex(c.h.URL, ":"):]
	for _, k := range []struct {
		path, host, header, value string
		token                     string
		want                      int
	}{
		{path: "/", want: 200},
		{path: "/api/state", want: 401},
		{path: "/api/state", token: "x" + c.s.token, want: 401},
		{path: "/api/state", token: c.s.token, want: 200},
		{path: "/api/state?token=" + c.s.token, want: 200},
		{path: "/api/nothing", token: c.s.token, want: 404},
		{path: "/", host: "localhost" + port, want: 200},
		{path: "/", host: "[::1]" + port, want: 200},
		{path: "/", host: "127.0.0.1:1", want: 421},
		{path: "/", host: "127.0.0.1", want: 421},
		{path: "/", host: "rebound.example" + port, want: 421},
		{path: "/", host: "localhost.rebound.example" + port, want: 421},
		{path: "/", host: "192.0.2.1" + port, want: 421},
		{path: "/api/state", token: c.s.token, header: "Origin", value: c.h.URL, want: 200},
		{path: "/api/state", token: c.s.token, header: "Origin", value: "null", want: 403},
		{path: "/api/state", token: c.s.token, header: "Origin", value: "https://other.example", want: 403},
		{path: "/api/state", token: c.s.token, header: "Origin", value: "http://127.0.0.1:1", want: 403},
		{path: "/api/state", token: c.s.token, header: "Sec-Fetch-Site", value: "same-origin", want: 200},
		{path: "/api/state", token: c.s.token, header: "Sec-Fetch-Site", value: "cross-site", want: 403},
		{path: "/api/state", token: c.s.token, header: "Sec-Fetch-Site", value: "same-site", want: 403},
	} {
		q, err := http.NewRequest("GET", c.h.URL+k.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if k.host != "" {
			q.Host = k.host
		}
		if k.token != "" {
			q.Header.Set("Authorization", "Bearer "+k.token)
		}
		if k.header != "" {
			q.Header.Set(k.header, k.value)
		}
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != k.want {
			t.Errorf("%+v: %d", k, a.StatusCode)
		}
		if a.Header.Get("Content-Security-Policy") != policy || a.Header.Get("Referrer-Policy") != "no-referrer" || a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%+v: %v", k, a.Header)
		}
	}
}

// TestNotLoopback refuses a connection to another address of this machine.
func TestNotLoopback(t *testing.T) {
	c := served(t, Options{})
	w := httptest.NewRecorder()
	q := httptest.NewRequest("GET", "http://127.0.0.1/", nil) // it has no local address
	c.s.ServeHTTP(w, q)
	if w.Code != http.StatusMisdirectedRequest {
		t.Error(w.Code)
	}
}

// TestAssets holds the size of the page, and expects no script or style in its HTML and
// no address of another server.
func TestAssets(t *testing.T) {
	c := served(t, Options{})
	var all bytes.Buffer
	z, err := gzip.NewWriterLevel(&all, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	local := regexp.MustCompile(`(?:from |import |src=|href=)['"]([^'"#$]+)['"]`)
	err = fs.WalkDir(folder, "assets", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := fs.ReadFile(folder, path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, "assets")
		a, err := http.Get(c.h.URL + strings.TrimSuffix(name, "index.html"))
		if err != nil {
			return err
		}
		defer a.Body.Close()
		got, err := io.ReadAll(a.Body)
		if err != nil || a.StatusCode != 200 || !bytes.Equal(got, text) {
			t.Errorf("%s: %d, %v", name, a.StatusCode, err)
		}
		if strings.HasSuffix(name, ".js") && !strings.HasPrefix(a.Header.Get("Content-Type"), "text/javascript") {
			t.Errorf("%s is %s", name, a.Header.Get("Content-Type"))
		}
		z.Write(text)
		if strings.Contains(name, "vendor") {
			return nil
		}
		for _, m := range local.FindAllSubmatch(text, -1) {
			to := strings.TrimPrefix(string(m[1]), "./")
			if _, err := fs.Stat(folder, "assets/"+to); err != nil {
				t.Errorf("%s names %s: %v", name, to, err)
			}
		}
		if bytes.Contains(text, []byte("https://")) || bytes.Contains(text, []byte("<style")) || regexp.MustCompile(`<script(?:>| (?:[^s]|s[^r])*>)[^<]`).Match(text) {
			t.Errorf("%s names another server, or has a script or style inside", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	z.Close()
	if all.Len() > 60<<10 {
		t.Errorf("the page takes %d bytes, want at most 60 KB", all.Len())
	}
	if !strings.HasPrefix(c.s.Address("127.0.0.1:1"), "http://127.0.0.1:1/#t=") || len(c.s.token) < 22 {
		t.Error(c.s.Address("127.0.0.1:1"))
	}
}

// TestAssetsKept expects that a browser need not load a file twice.
func TestAssetsKept(t *testing.T) {
	c := served(t, Options{})
	a, err := http.Get(c.h.URL + "/app.js")
	if err != nil {
		t.Fatal(err)
	}
	a.Body.Close()
	q, _ := http.NewRequest("GET", c.h.URL+"/app.js", nil)
	q.Header.Set("If-None-Match", a.Header.Get("ETag"))
	b, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	b.Body.Close()
	if b.StatusCode != http.StatusNotModified {
		t.Error(b.StatusCode)
	}
}
