package ui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
)

// statusError is an error with a status of HTTP.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

// wrong is the error for a request that makes no sense, and missing for one of
// something that is not there.
func wrong(format string, args ...any) error {
	return &statusError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func missing(format string, args ...any) error {
	return &statusError{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// sent is the answer of a function that has already written one.
type sent struct{}

// answered makes a handler of a function that returns what is written as JSON.
func answered(f func(http.ResponseWriter, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := f(w, r)
		switch {
		case err != nil:
			writeError(w, err)
		case v == sent{}:
		default:
			writeJSON(w, http.StatusOK, v)
		}
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func writeError(w http.ResponseWriter, err error) {
	status := http.StatusUnprocessableEntity
	var known *statusError
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &known):
		status = known.status
	case errors.As(err, &long):
		status, err = http.StatusRequestEntityTooLarge, fmt.Errorf("the file is larger than %d MB", long.Limit>>20)
	}
	writeJSON(w, status, map[string]string{"error": line(err)})
}

// line is an error as one line, as the program prints it.
func line(err error) string {
	if errors.Is(err, context.Canceled) {
		return "cancelled"
	}
	text := err.Error()
	var p *fs.PathError
	if errors.As(err, &p) {
		text = strings.Replace(text, p.Op+" "+p.Path+": ", p.Path+": ", 1)
	}
	return files.Escape(strings.Join(strings.Fields(text), " "))
}

// read decodes the JSON body of a request.
func read(w http.ResponseWriter, r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return wrong("the request is not understood: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return wrong("the request has something after its JSON")
	}
	return nil
}
