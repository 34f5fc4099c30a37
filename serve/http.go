package serve

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
)

// Handler answers requests on all HTTP protocols.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	s.inferenceRoutes(mux)
	s.immichRoutes(mux)
	mux.HandleFunc("POST /v1/embeddings", s.embeddings)
	mux.Handle("GET /metrics", s.metrics.handler())
	return s.guard(mux)
}

// guard bounds requests, checks the token, survives panics and logs.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		c := http.NewResponseController(w)
		c.SetWriteDeadline(time.Time{}) // that of the answer before
		seen := &recorder{ResponseWriter: w, c: c, slow: s.slow, status: http.StatusOK}
		body := &timedBody{r.Body, c, share{s: s}}
		defer body.held.give()
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.log.Error("panic", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				answerError(seen, http.StatusInternalServerError, errors.New("internal error"))
			}
			s.log.Info("request", "method", r.Method, "path", r.URL.Path, "status", seen.status, "seconds", time.Since(start).Seconds(), "from", r.RemoteAddr)
		}()
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		if s.o.Token != "" && !open(r.URL.Path) && !s.allowed(r.Header.Get("Authorization")) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			answerError(seen, http.StatusUnauthorized, errors.New("a bearer token is needed"))
			return
		}
		if r.ContentLength > s.o.MaxBody {
			answerError(seen, http.StatusRequestEntityTooLarge, fmt.Errorf("the request has %d bytes, and %d are allowed", r.ContentLength, s.o.MaxBody))
			return
		}
		if from := r.Header.Get("Origin"); from != "" && r.Method != http.MethodGet {
			if u, err := url.Parse(from); err != nil || u.Host != r.Host {
				answerError(seen, http.StatusForbidden, fmt.Errorf("the page %q may not send requests here", from))
				return
			}
		}
		if r.ContentLength != 0 {
			c.SetReadDeadline(time.Now().Add(s.slow))
			r.Body = body
		}
		r.Body = http.MaxBytesReader(w, r.Body, s.o.MaxBody)
		next.ServeHTTP(seen, r)
	})
}

// timedBody is a body that has to be read before a deadline, as far as there is memory for
// it. At its end it removes the deadline, which would cancel the request while it is computed.
type timedBody struct {
	io.ReadCloser
	c    *http.ResponseController
	held share
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if crowded := b.held.take(int64(n)); crowded != nil {
		return n, crowded
	}
	if err == io.EOF {
		b.c.SetReadDeadline(time.Time{})
	}
	return n, err
}

// open reports whether a path needs no token: what an orchestrator asks.
func open(path string) bool {
	return path == "/ping" || strings.HasPrefix(path, "/v2/health/")
}

// allowed reports whether an Authorization header has the token.
func (s *Server) allowed(header string) bool {
	token, ok := strings.CutPrefix(header, "Bearer ")
	return ok && subtle.ConstantTimeCompare([]byte(token), []byte(s.o.Token)) == 1
}

// recorder notes the status of an answer. A client has to take it as fast as it has to send
// a body.
type recorder struct {
	http.ResponseWriter
	c      *http.ResponseController
	slow   time.Duration // that a part of the answer may take
	status int
	wrote  bool
}

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
		r.ResponseWriter.WriteHeader(status)
	}
}

func (r *recorder) Write(b []byte) (n int, err error) {
	const part = 1 << 20
	r.wrote = true
	for {
		r.c.SetWriteDeadline(time.Now().Add(r.slow))
		k, err := r.ResponseWriter.Write(b[n:min(n+part, len(b))])
		if n += k; err != nil || n >= len(b) {
			return n, err
		}
	}
}

// Unwrap gives http.ResponseController the writer.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		answerError(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(text)
}

// answerError writes an error as the protocols have it.
func answerError(w http.ResponseWriter, status int, err error) {
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	answer(w, status, map[string]string{"error": err.Error()})
}

// fail answers with the status that fits err.
func fail(w http.ResponseWriter, err error) { answerError(w, statusOf(err), err) }

// statusOf returns the HTTP status of an error.
func statusOf(err error) int {
	var large *http.MaxBytesError
	var bad badRequest
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case isUnavailable(err):
		return http.StatusServiceUnavailable
	case errors.As(err, &bad):
		return http.StatusBadRequest
	case isNotFound(err):
		return http.StatusNotFound
	case errors.Is(err, context.Canceled):
		return 499 // the client went away
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// isUnavailable reports whether a later try may succeed.
func isUnavailable(err error) bool {
	for _, known := range []error{ErrBusy, errNotReady, errLoading, errStopped, errStopping, errCrowded} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
