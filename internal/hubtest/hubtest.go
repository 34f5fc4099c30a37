// Package hubtest is a server on this machine that answers as Hugging Face does, for tests.
package hubtest

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"
)

// Commit is the commit of all repositories.
const Commit = "c0ffee"

// Repository is a repository of the server.
type Repository struct {
	Files   map[string][]byte
	Licence string
	Bare    bool // its description has neither sizes nor hashes

	// Hold, if it is not nil, stops large files in the middle until it is closed.
	Hold <-chan struct{}
}

// Server has repositories. Large files, those of safetensors, are on another host.
type Server struct {
	*httptest.Server
	far *httptest.Server

	mu    sync.Mutex
	asked []string
}

// New starts a server that has repositories by their names. Who asks it needs the token,
// if there is one; the other host must not get it.
func New(t testing.TB, token string, all map[string]Repository) *Server {
	s := &Server{}
	s.far = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the token went to another host")
		}
		name, file := split(strings.TrimPrefix(r.URL.Path, "/"))
		send(w, r, all[name].Files[file], all[name].Hold)
	}))
	t.Cleanup(s.far.Close)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		if token != "" && r.Header.Get("Authorization") != "Bearer "+token {
			t.Errorf("%s without the token", r.URL)
		}
		s.answer(w, r, all)
	}))
	t.Cleanup(s.Server.Close)
	return s
}

// Asked returns what the server was asked, such as "GET /me/net/resolve/c0ffee/vocab.txt".
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

// split splits "OWNER/NAME/REST".
func split(text string) (name, rest string) {
	parts := strings.SplitN(text, "/", 3)
	if len(parts) < 3 {
		return text, ""
	}
	return path.Join(parts[0], parts[1]), parts[2]
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, all map[string]Repository) {
	if rest, ok := strings.CutPrefix(r.URL.Path, "/api/models/"); ok {
		name, _ := split(rest)
		if of, ok := all[name]; ok {
			json.NewEncoder(w).Encode(of.description())
		} else {
			w.WriteHeader(http.StatusNotFound)
		}
		return
	}
	name, rest := split(strings.TrimPrefix(r.URL.Path, "/"))
	file, ok := strings.CutPrefix(rest, "resolve/"+Commit+"/")
	data, have := all[name].Files[file]
	if !ok || !have {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("X-Repo-Commit", Commit)
	if large(file) {
		w.Header().Set("X-Linked-Etag", `"`+SHA256(data)+`"`)
		w.Header().Set("X-Linked-Size", fmt.Sprint(len(data)))
		http.Redirect(w, r, s.far.URL+"/"+name+"/"+file, http.StatusFound)
		return
	}
	w.Header().Set("ETag", `"`+Blob(data)+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// description is what the server says of a repository. It names a file that no program
// may write, too.
func (of Repository) description() map[string]any {
	siblings := []map[string]any{{"rfilename": "../../escape"}}
	for name, data := range of.Files {
		one := map[string]any{"rfilename": name}
		if !of.Bare {
			one["size"], one["blobId"] = len(data), Blob(data)
			if large(name) {
				one["lfs"] = map[string]any{"sha256": SHA256(data), "size": len(data)}
			}
		}
		siblings = append(siblings, one)
	}
	tags := []string{}
	if of.Licence != "" {
		tags = append(tags, "license:"+of.Licence)
	}
	return map[string]any{"sha": Commit, "tags": tags, "siblings": siblings}
}

func large(name string) bool { return strings.HasSuffix(name, ".safetensors") }

// send sends data, or half of it until hold is closed.
func send(w http.ResponseWriter, r *http.Request, data []byte, hold <-chan struct{}) {
	select {
	case <-hold:
		hold = nil
	default:
	}
	if hold == nil || r.Method == http.MethodHead {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	w.Write(data[:len(data)/2])
	w.(http.Flusher).Flush()
	select {
	case <-hold:
		w.Write(data[len(data)/2:])
	case <-r.Context().Done():
	}
}

// SHA256 is the sum of large files.
func SHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Blob is the sum of small files, as Git computes it.
func Blob(data []byte) string {
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...))
	return hex.EncodeToString(sum[:])
}
