package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// binaryHeader is the header that says how many bytes of a body are JSON. The data of
// tensors follow it.
const binaryHeader = "Inference-Header-Content-Length"

// inferenceRoutes adds the Open Inference Protocol, version 2, by REST, with the
// extensions for binary data and for the repository of models.
func (s *Server) inferenceRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v2", func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, s.metadata()) })
	mux.HandleFunc("GET /v2/health/live", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, map[string]bool{"live": true})
	})
	mux.HandleFunc("GET /v2/health/ready", func(w http.ResponseWriter, r *http.Request) {
		answerReady(w, map[string]any{}, s.Ready())
	})
	for _, at := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		mux.HandleFunc("GET "+at, func(w http.ResponseWriter, r *http.Request) {
			m, err := s.modelMetadata(r.Context(), r.PathValue("model"), r.PathValue("version"))
			if err != nil {
				fail(w, err)
				return
			}
			answer(w, http.StatusOK, m)
		})
		mux.HandleFunc("GET "+at+"/ready", func(w http.ResponseWriter, r *http.Request) {
			err := s.modelReady(r.PathValue("model"), r.PathValue("version"))
			if isNotFound(err) {
				fail(w, err)
				return
			}
			answerReady(w, map[string]any{"name": r.PathValue("model")}, err)
		})
		mux.HandleFunc("POST "+at+"/infer", s.inferREST)
	}
	mux.HandleFunc("POST /v2/repository/index", func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, s.index()) })
	mux.HandleFunc("POST /v2/repository/models/{model}/load", func(w http.ResponseWriter, r *http.Request) {
		if err := s.LoadModel(r.Context(), r.PathValue("model")); err != nil {
			fail(w, err)
		}
	})
	mux.HandleFunc("POST /v2/repository/models/{model}/unload", func(w http.ResponseWriter, r *http.Request) {
		if err := s.UnloadModel(r.PathValue("model")); err != nil {
			fail(w, err)
		}
	})
}

// answerReady says whether something is ready, which it is if err is nil. Otherwise err is
// the reason.
func answerReady(w http.ResponseWriter, of map[string]any, err error) {
	of["ready"] = err == nil
	if err == nil {
		answer(w, http.StatusOK, of)
		return
	}
	of["reason"] = err.Error()
	w.Header().Set("Retry-After", "1")
	answer(w, http.StatusServiceUnavailable, of)
}

// serverMetadata is what the protocol tells of a server.
type serverMetadata struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Extensions []string `json:"extensions"`
}

func (s *Server) metadata() serverMetadata {
	return serverMetadata{"vertebra", s.o.Version, []string{"binary_tensor_data", "model_repository"}}
}

// modelMetadata is what the protocol tells of a model.
type modelMetadata struct {
	Name     string   `json:"name"`
	Versions []string `json:"versions"`
	Platform string   `json:"platform"`
	Inputs   []Port   `json:"inputs"`
	Outputs  []Port   `json:"outputs"`
}

// modelMetadata describes a model. It loads the model, which tells its inputs.
func (s *Server) modelMetadata(ctx context.Context, name, version string) (*modelMetadata, error) {
	m, err := s.acquire(ctx, name)
	if err != nil {
		return nil, err
	}
	defer m.release()
	if version != "" && version != m.of.version {
		return nil, fmt.Errorf("version %q of model %q is %w", version, name, ErrNotFound)
	}
	return &modelMetadata{name, []string{m.of.version}, m.of.platform, m.network.Inputs(), m.network.Outputs()}, nil
}

// modelReady returns nil if a model answers. A lazy one that is not loaded yet is ready,
// too: its first request loads it. If loading it has failed, it is not.
func (s *Server) modelReady(name, version string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.models[name]
	if m == nil || version != "" && version != m.version {
		return fmt.Errorf("model %q is %w", name, ErrNotFound)
	}
	switch {
	case m.off:
		return errNotReady
	case m.live == nil && m.failed != nil:
		return m.failed
	case m.live == nil && !m.lazy:
		return errLoading
	case s.draining.Load():
		return errStopping
	}
	return nil
}

// indexRow is a model of the repository.
type indexRow struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	State   string `json:"state"`
	Reason  string `json:"reason"`
}

func (s *Server) index() []indexRow {
	rows := []indexRow{}
	for _, name := range s.names() {
		s.mu.Lock()
		m := s.models[name]
		row := indexRow{Name: name, Version: m.version, State: "UNAVAILABLE"}
		switch {
		case m.off:
			row.Reason = "unloaded"
		case m.live != nil:
			row.State = "READY"
		case m.loading != nil:
			row.State = "LOADING"
		case m.failed != nil:
			row.Reason = m.failed.Error()
		case m.lazy:
			row.Reason = "loaded at the first request"
		}
		s.mu.Unlock()
		rows = append(rows, row)
	}
	return rows
}

// inferRequest is the JSON of a request.
type inferRequest struct {
	ID         string `json:"id"`
	Parameters struct {
		Binary flag `json:"binary_data_output"`
	} `json:"parameters"`
	Inputs  []wireInput `json:"inputs"`
	Outputs []wanted    `json:"outputs"`
}

type wireInput struct {
	Name       string   `json:"name"`
	Shape      shape    `json:"shape"`
	Datatype   Datatype `json:"datatype"`
	Parameters struct {
		Size    json.RawMessage `json:"binary_data_size"`
		Content json.RawMessage `json:"content_type"`
	} `json:"parameters"`
	Data json.RawMessage `json:"data"`
}

// wanted is an output that a request asks for.
type wanted struct {
	Name       string `json:"name"`
	Parameters struct {
		Binary flag `json:"binary_data"`
	} `json:"parameters"`
}

// flag is a parameter that is true, false, or anything else, which does not count.
type flag string

// UnmarshalJSON takes any value.
func (f *flag) UnmarshalJSON(text []byte) error {
	if *f = ""; string(text) == "true" || string(text) == "false" {
		*f = flag(text)
	}
	return nil
}

// shape is a shape whose text has a limit.
type shape []int

// UnmarshalJSON takes an array that no network's shape is longer than.
func (s *shape) UnmarshalJSON(text []byte) error {
	const most = 1024
	if len(text) > most {
		return fmt.Errorf("a shape takes %d bytes, and %d are allowed", len(text), most)
	}
	return json.Unmarshal(text, (*[]int)(s))
}

// inferResponse is the JSON of an answer.
type inferResponse struct {
	ID      string       `json:"id,omitempty"`
	Model   string       `json:"model_name"`
	Version string       `json:"model_version,omitempty"`
	Outputs []wireOutput `json:"outputs"`
}

type wireOutput struct {
	Name       string         `json:"name"`
	Shape      []int          `json:"shape"`
	Datatype   Datatype       `json:"datatype"`
	Parameters map[string]any `json:"parameters,omitempty"`
	Data       any            `json:"data,omitempty"`
}

func (s *Server) inferREST(w http.ResponseWriter, r *http.Request) {
	request, inputs, err := readInfer(r)
	if err != nil {
		fail(w, badRequest{err})
		return
	}
	name, version := r.PathValue("model"), r.PathValue("version")
	outputs, err := s.infer(r.Context(), name, version, inputs)
	if err != nil {
		fail(w, err)
		return
	}
	response := inferResponse{ID: request.ID, Model: name, Version: version, Outputs: []wireOutput{}}
	var tails [][]byte
	length := 0
	for _, v := range outputs {
		binary := request.Parameters.Binary
		if len(request.Outputs) > 0 {
			i := slices.IndexFunc(request.Outputs, func(o wanted) bool { return o.Name == v.Name })
			if i < 0 {
				continue
			}
			binary = cmp.Or(request.Outputs[i].Parameters.Binary, binary)
		}
		o := wireOutput{Name: v.Name, Shape: v.Shape, Datatype: v.Datatype}
		if binary == "true" {
			o.Parameters = map[string]any{"binary_data_size": len(v.Raw)}
			tails, length = append(tails, v.Raw), length+len(v.Raw)
		} else if o.Data, err = v.json(); err != nil {
			fail(w, err)
			return
		}
		response.Outputs = append(response.Outputs, o)
	}
	for _, o := range request.Outputs {
		if !slices.ContainsFunc(outputs, func(v *Value) bool { return v.Name == o.Name }) {
			fail(w, badRequest{fmt.Errorf("model %q has no output %q", name, o.Name)})
			return
		}
	}
	if tails == nil {
		answer(w, http.StatusOK, response)
		return
	}
	head, err := json.Marshal(response)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set(binaryHeader, strconv.Itoa(len(head)))
	w.Header().Set("Content-Length", strconv.Itoa(len(head)+length))
	w.Write(head)
	for _, tail := range tails {
		w.Write(tail)
	}
}
