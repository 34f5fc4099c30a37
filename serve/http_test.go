package serve

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// timedWriter notes the deadlines for reading the request.
type timedWriter struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

func (w *timedWriter) SetReadDeadline(t time.Time) error {
	w.deadlines = append(w.deadlines, t)
	return nil
}

// TestDeadline reads a request: it has a deadline until its end, and none after that,
// because a deadline that passes cancels the request.
func TestDeadline(t *testing.T) {
	s := start(t, &doubler{}, Options{})
	w := &timedWriter{ResponseRecorder: httptest.NewRecorder()}
	s.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/v2/models/m/infer", strings.NewReader(`{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}`)))
	if n := len(w.deadlines); w.Code != 200 || n < 2 || w.deadlines[0].IsZero() || !w.deadlines[n-1].IsZero() {
		t.Errorf("%d, deadlines %v", w.Code, w.deadlines)
	}
}
