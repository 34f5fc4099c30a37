package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/vertebra/vertebra/vision"
)

// immichRoutes adds the machine-learning API of Immich: /ping and /predict.
func (s *Server) immichRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Ready(); err != nil {
			answerError(w, http.StatusServiceUnavailable, err)
			return
		}
		io.WriteString(w, "pong")
	})
	mux.HandleFunc("POST /predict", s.predict)
}

// entries are the tasks of a request: task, then visual or textual and so on.
type entries map[string]map[string]immichEntry

type immichEntry struct {
	Model   string          `json:"modelName"`
	Options json.RawMessage `json:"options,omitempty"`
}

func (s *Server) predict(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseMultipartForm(s.o.MaxBody); err != nil {
		fail(w, badRequest{fmt.Errorf("the request is no form: %w", err)})
		return
	}
	defer r.MultipartForm.RemoveAll()
	var all entries
	if err := decodeJSON([]byte(r.FormValue("entries")), &all); err != nil {
		fail(w, badRequest{fmt.Errorf("entries is no JSON of Immich: %w", err)})
		return
	}
	if len(all) == 0 {
		fail(w, badRequest{errors.New("entries is empty")})
		return
	}
	image, err := formFile(r, "image")
	if err != nil {
		fail(w, badRequest{err})
		return
	}
	text, hasText := r.MultipartForm.Value["text"]
	out := map[string]any{}
	ours, others := all["clip"], entries{}
	for task, e := range all {
		if task != "clip" {
			others[task] = e
		}
	}
	if _, known := s.embedder(ours); len(ours) > 0 && !known && s.o.Upstream != "" {
		others["clip"], ours = ours, nil // a model that the upstream may have
	}
	if len(others) > 0 {
		theirs, err := s.upstream(r.Context(), others, image, text)
		if err != nil {
			fail(w, err)
			return
		}
		out = theirs
	}
	for kind, e := range ours {
		switch {
		case kind == "visual" && image != nil:
			v, size, err := s.embedPicture(r.Context(), e.Model, image)
			if err != nil {
				fail(w, err)
				return
			}
			out["clip"], out["imageHeight"], out["imageWidth"] = vectorText(v), size[0], size[1]
		case kind == "textual" && hasText:
			v, err := s.embedText(r.Context(), e.Model, text[0])
			if err != nil {
				fail(w, err)
				return
			}
			out["clip"] = vectorText(v)
		default:
			fail(w, badRequest{fmt.Errorf("clip %s without its image or text", kind)})
			return
		}
	}
	answer(w, http.StatusOK, out)
}

// embedder returns the name of the model that entries of clip ask for, and whether the
// server has it.
func (s *Server) embedder(all map[string]immichEntry) (string, bool) {
	for _, e := range all {
		s.mu.Lock()
		m := s.models[e.Model]
		s.mu.Unlock()
		return e.Model, m != nil
	}
	return "", false
}

// vectorText writes a vector as Immich expects it: a string that is JSON.
func vectorText(v []float32) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // vectors are finite
	}
	return string(text)
}

// formFile reads an uploaded file; nil if there is none.
func formFile(r *http.Request, name string) ([]byte, error) {
	f, _, err := r.FormFile(name)
	if errors.Is(err, http.ErrMissingFile) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// upstream asks another server of the same API for what this one does not serve.
func (s *Server) upstream(ctx context.Context, tasks entries, image []byte, text []string) (map[string]any, error) {
	if s.o.Upstream == "" {
		var names []string
		for task := range tasks {
			names = append(names, task)
		}
		return nil, fmt.Errorf("the task %s is %w here, and no --upstream is set", strings.Join(names, ", "), ErrNotFound)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	list, err := json.Marshal(tasks)
	if err != nil {
		return nil, err
	}
	form.WriteField("entries", string(list))
	if image != nil {
		part, err := form.CreateFormFile("image", "image")
		if err != nil {
			return nil, err
		}
		part.Write(image)
	}
	for _, t := range text {
		form.WriteField("text", t)
	}
	form.Close()
	address, err := url.JoinPath(s.o.Upstream, "predict")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, &body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	defer response.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(response.Body, s.o.MaxBody))
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("upstream answers %s", response.Status)
	}
	out := map[string]any{}
	if err := json.Unmarshal(reply, &out); err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	return out, nil
}

// embedPicture embeds a picture, in a batch with others, and returns its height and
// width, too.
func (s *Server) embedPicture(ctx context.Context, name string, file []byte) (v []float32, size [2]int, err error) {
	start := time.Now()
	var waited time.Duration
	var m *live
	defer func() { s.metrics.request(m, name, time.Since(start), waited, err) }()
	m, err = s.acquire(ctx, name)
	if err != nil {
		return nil, size, err
	}
	defer m.release()
	arrived := m.batcher.announce()
	defer arrived()
	inputs, size, err := s.picture(ctx, m.network, file)
	if err != nil {
		return nil, size, err
	}
	held := share{s: s}
	defer held.give()
	if err := held.takeAll(inputs); err != nil {
		return nil, size, err
	}
	j, err := m.batcher.run(ctx, inputs, arrived)
	if err != nil {
		return nil, size, err
	}
	waited = j.waited
	if len(j.outputs) != 1 || len(j.outputs[0].Shape) != 2 {
		return nil, size, badRequest{fmt.Errorf("model %q embeds no pictures", name)}
	}
	v, err = unitRow(j.outputs[0])
	return v, size, err
}

// mostText is the longest text that is embedded, in bytes. Networks see some ten words of it,
// but all of it is read.
const mostText = 1 << 14

// embedText embeds a text.
func (s *Server) embedText(ctx context.Context, name, text string) (v []float32, err error) {
	start := time.Now()
	var m *live
	defer func() { s.metrics.request(m, name, time.Since(start), 0, err) }()
	m, err = s.acquire(ctx, name)
	if err != nil {
		return nil, err
	}
	defer m.release()
	texts, ok := m.network.(interface {
		CheckText(string) error
		EmbedTexts(context.Context, ...string) ([][]float32, error)
	})
	if !ok {
		return nil, badRequest{fmt.Errorf("model %q embeds no texts", name)}
	}
	if len(text) > mostText {
		return nil, badRequest{fmt.Errorf("the text has %d bytes, and %d are allowed", len(text), mostText)}
	}
	if err := texts.CheckText(text); err != nil {
		return nil, badRequest{err}
	}
	all, err := texts.EmbedTexts(ctx, text)
	if err != nil {
		return nil, err
	}
	return all[0], vision.Unit(all[0])
}

// unitRow returns the only row of an embedding, with length one.
func unitRow(v *Value) ([]float32, error) {
	t, err := v.tensor()
	if err != nil {
		return nil, err
	}
	return t.Data, vision.Unit(t.Data)
}
