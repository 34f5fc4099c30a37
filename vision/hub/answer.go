package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// begin looks at the answer to a request for the bytes from have on. It returns how many
// bytes of the file at path count, and whether these are all.
func begin(r *http.Response, s source, path string, have int64, tag string) (count int64, done bool, err error) {
	now := tagOf(r.Header)
	switch {
	case r.StatusCode == http.StatusOK:
		if have > 0 { // it has no ranges, or another file
			if err := discard(path); err != nil {
				return 0, false, fatal{err}
			}
		}
		if kind := r.Header.Get("Content-Type"); strings.HasPrefix(kind, "text/html") {
			return 0, false, fatal{errors.New("the server sends a page (text/html), want a file")}
		}
		if n := r.ContentLength; n >= 0 && s.size >= 0 && n != s.size {
			return 0, false, fatal{fmt.Errorf("the server has %d bytes, want %d", n, s.size)}
		}
		return 0, false, keepValidator(path, validator{s.url, now})
	case r.StatusCode == http.StatusPartialContent && have > 0:
		first, total := contentRange(r.Header.Get("Content-Range"))
		if first == have && (tag == "" || now == "" || now == tag) && (total < 0 || s.size < 0 || total == s.size) {
			if s.size < 0 && total >= 0 && r.ContentLength < 0 {
				r.ContentLength = total - have
			}
			return have, false, nil
		}
		return 0, false, errors.Join(errors.New("the server sends another part than was asked for"), discard(path))
	case r.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		if _, total := contentRange(r.Header.Get("Content-Range")); total == have {
			return have, true, nil
		}
		return 0, false, errors.Join(errors.New("the file is shorter than what is here"), discard(path))
	}
	return 0, false, refusal(r)
}

// refusal returns the error for an answer without the file.
func refusal(r *http.Response) error {
	err := fmt.Errorf("the server answers %s", r.Status)
	switch code := r.StatusCode; {
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		return later{err, retryAfter(r.Header.Get("Retry-After"))}
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fatal{fmt.Errorf("%w: it may ask for a login (HF_TOKEN) or for its terms to be accepted on its page", err)}
	case code >= 500 || code == http.StatusRequestTimeout:
		return err
	}
	return fatal{err}
}

func retryAfter(text string) time.Duration {
	if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < 1<<30 {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(text); err == nil {
		return time.Until(t)
	}
	return 0
}

// tagOf returns what identifies the bytes of an answer: its ETag, or when they changed.
func tagOf(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return h.Get("Last-Modified")
}

// contentRange reads "bytes 5-9/10". A missing number is -1.
func contentRange(text string) (first, total int64) {
	first, total = -1, -1
	span, whole, _ := strings.Cut(strings.TrimPrefix(text, "bytes "), "/")
	start, _, _ := strings.Cut(span, "-")
	if n, err := strconv.ParseInt(start, 10, 64); err == nil {
		first = n
	}
	if n, err := strconv.ParseInt(whole, 10, 64); err == nil {
		total = n
	}
	return first, total
}

// validatorOf returns the tag that is kept for the file at path, if it came from there.
func validatorOf(path, address string) string {
	var v validator
	text, err := os.ReadFile(path + ".json")
	if err != nil || json.Unmarshal(text, &v) != nil || v.URL != address {
		return ""
	}
	return v.ETag
}

func keepValidator(path string, v validator) error {
	text, err := json.Marshal(v)
	if err == nil {
		err = os.WriteFile(path+".json", text, 0o666)
	}
	if err != nil {
		return fatal{err}
	}
	return nil
}
