package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
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
		answer(w, readyStatus(s.Ready()), map[string]bool{"ready": s.Ready()})
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
			ready, err := s.modelReady(r.PathValue("model"), r.PathValue("version"))
			if err != nil {
				fail(w, err)
				return
			}
			answer(w, readyStatus(ready), map[string]any{"name": r.PathValue("model"), "ready": ready})
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

func readyStatus(ready bool) int {
	if ready {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
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

// modelReady reports whether a model answers at once. A lazy one that is not loaded yet
// is ready, too: its first request loads it.
func (s *Server) modelReady(name, version string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.models[name]
	if m == nil || version != "" && version != m.version {
		return false, fmt.Errorf("model %q is %w", name, ErrNotFound)
	}
	return !m.off && (m.lazy || m.live != nil) && !s.draining.Load(), nil
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
	ID         string         `json:"id"`
	Parameters map[string]any `json:"parameters"`
	Inputs     []wireInput    `json:"inputs"`
	Outputs    []struct {
		Name       string         `json:"name"`
		Parameters map[string]any `json:"parameters"`
	} `json:"outputs"`
}

type wireInput struct {
	Name       string          `json:"name"`
	Shape      []int           `json:"shape"`
	Datatype   Datatype        `json:"datatype"`
	Parameters map[string]any  `json:"parameters"`
	Data       json.RawMessage `json:"data"`
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
	var tail []byte
	all := request.Parameters["binary_data_output"] == true
	for _, v := range outputs {
		binary := all
		if len(request.Outputs) > 0 {
			i := slices.IndexFunc(request.Outputs, func(o struct {
				Name       string         `json:"name"`
				Parameters map[string]any `json:"parameters"`
			}) bool {
				return o.Name == v.Name
			})
			if i < 0 {
				continue
			}
			if own, ok := request.Outputs[i].Parameters["binary_data"].(bool); ok {
				binary = own
			}
		}
		o := wireOutput{Name: v.Name, Shape: v.Shape, Datatype: v.Datatype}
		if binary {
			o.Parameters = map[string]any{"binary_data_size": len(v.Raw)}
			tail = append(tail, v.Raw...)
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
	if tail == nil {
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
	w.Header().Set("Content-Length", strconv.Itoa(len(head)+len(tail)))
	w.Write(head)
	w.Write(tail)
}

// readInfer reads a request: JSON, or JSON and binary data behind it.
func readInfer(r *http.Request) (request inferRequest, inputs []*Value, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return request, nil, err
	}
	head, tail := body, []byte(nil)
	if text := r.Header.Get(binaryHeader); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > len(body) {
			return request, nil, fmt.Errorf("%s is %q, and the body has %d bytes", binaryHeader, text, len(body))
		}
		head, tail = body[:n], body[n:]
	}
	if err := json.Unmarshal(head, &request); err != nil {
		return request, nil, fmt.Errorf("the request is no JSON of the protocol: %w", err)
	}
	if len(request.Inputs) == 0 {
		return request, nil, errors.New("the request has no inputs")
	}
	for _, in := range request.Inputs {
		v := &Value{Name: in.Name, Datatype: in.Datatype, Shape: in.Shape}
		if size, ok := in.Parameters["binary_data_size"].(float64); ok {
			if size < 0 || size != math.Trunc(size) || size > float64(len(tail)) {
				return request, nil, fmt.Errorf("input %q: binary_data_size is %v, and %d bytes are left", in.Name, size, len(tail))
			}
			v.Raw, tail = tail[:int(size)], tail[int(size):]
			if v.Datatype == "BYTES" {
				if v.Bytes, err = splitBytes(v.Raw); err != nil {
					return request, nil, fmt.Errorf("input %q: %w", in.Name, err)
				}
				v.Raw = nil
			}
		} else if err := v.fill(in.Data, in.Parameters["content_type"] == "base64"); err != nil {
			return request, nil, fmt.Errorf("input %q: %w", in.Name, err)
		}
		if err := v.check(); err != nil {
			return request, nil, err
		}
		inputs = append(inputs, v)
	}
	if len(tail) > 0 {
		return request, nil, fmt.Errorf("%d bytes belong to no input", len(tail))
	}
	return request, inputs, nil
}

// splitBytes splits elements that each begin with their length in four bytes.
func splitBytes(b []byte) ([][]byte, error) {
	var all [][]byte
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, errors.New("an element of BYTES has no length")
		}
		n := binary.LittleEndian.Uint32(b)
		if uint64(n) > uint64(len(b)-4) {
			return nil, fmt.Errorf("an element of BYTES has %d bytes, and %d are left", n, len(b)-4)
		}
		all, b = append(all, b[4:4+n]), b[4+n:]
	}
	return all, nil
}

// fill sets the data from JSON: numbers, nested or not, booleans, or strings. The strings
// of BYTES are in base64 if the request says so, or if they are encoded pictures.
func (v *Value) fill(data json.RawMessage, coded bool) error {
	if len(data) == 0 {
		return errors.New("it has no data")
	}
	if v.Datatype == "FP16" || v.Datatype == "BF16" {
		return fmt.Errorf("%s goes as binary data only", v.Datatype)
	}
	size, known := sizes[v.Datatype]
	if !known && v.Datatype != "BYTES" {
		return fmt.Errorf("no datatype %q", v.Datatype)
	}
	if n, err := elements(v.Shape, len(data)); err == nil && size > 0 { // an element takes a byte of JSON at least
		v.Raw = make([]byte, 0, n*size)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	for depth := 0; ; {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch x := token.(type) {
		case json.Delim:
			switch x {
			case '[':
				if depth++; depth > 32 {
					return errors.New("the data are nested too deep")
				}
			case ']':
				depth--
			default:
				return errors.New("the data have an object in them")
			}
		case string:
			if v.Datatype != "BYTES" {
				return fmt.Errorf("the data have a string, want %s", v.Datatype)
			}
			one := []byte(x)
			if decoded, err := base64.StdEncoding.DecodeString(x); err == nil && (coded || picture(decoded)) {
				one = decoded
			} else if coded {
				return fmt.Errorf("a string is no base64: %w", err)
			}
			v.Bytes = append(v.Bytes, one)
		case json.Number:
			if err := v.add(x.String()); err != nil {
				return err
			}
		case bool:
			if v.Datatype != "BOOL" {
				return fmt.Errorf("the data have a boolean, want %s", v.Datatype)
			}
			one := byte(0)
			if x {
				one = 1
			}
			v.Raw = append(v.Raw, one)
		default:
			return errors.New("the data have null in them")
		}
	}
}

// picture reports whether b begins as a picture's file does.
func picture(b []byte) bool {
	for _, magic := range []string{"\x89PNG", "\xff\xd8\xff", "RIFF", "GIF8", "BM", "II*\x00", "MM\x00*"} {
		if bytes.HasPrefix(b, []byte(magic)) {
			return true
		}
	}
	return len(b) > 12 && string(b[4:8]) == "ftyp"
}

// add appends a number to the data.
func (v *Value) add(text string) error {
	bits := 8 * sizes[v.Datatype]
	switch v.Datatype {
	case "FP32":
		x, err := strconv.ParseFloat(text, 32)
		if err != nil {
			return fmt.Errorf("%s is no FP32", text)
		}
		v.Raw = binary.LittleEndian.AppendUint32(v.Raw, math.Float32bits(float32(x)))
		return nil
	case "FP64":
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%s is no FP64", text)
		}
		v.Raw = binary.LittleEndian.AppendUint64(v.Raw, math.Float64bits(x))
		return nil
	case "BOOL":
		if text != "0" && text != "1" {
			return fmt.Errorf("%s is no BOOL", text)
		}
		v.Raw = append(v.Raw, text[0]-'0')
		return nil
	case "BYTES":
		return errors.New("the data have a number, want strings")
	case "UINT8", "UINT16", "UINT32", "UINT64":
		x, err := strconv.ParseUint(text, 10, bits)
		if err != nil {
			return fmt.Errorf("%s is no %s", text, v.Datatype)
		}
		v.Raw = append(v.Raw, binary.LittleEndian.AppendUint64(nil, x)[:bits/8]...)
		return nil
	}
	x, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		return fmt.Errorf("%s is no %s", text, v.Datatype)
	}
	v.Raw = append(v.Raw, binary.LittleEndian.AppendUint64(nil, uint64(x))[:bits/8]...)
	return nil
}

// json returns the data as JSON has them, in one flat array.
func (v *Value) json() (any, error) {
	if v.Datatype == "BYTES" {
		var all []string
		for _, b := range v.Bytes {
			all = append(all, string(b))
		}
		return all, nil
	}
	n := len(v.Raw) / sizes[v.Datatype]
	switch v.Datatype {
	case "FP32", "FP16", "BF16":
		all := make([]float32, n)
		for i := range all {
			x, err := v.number(i)
			if err != nil {
				return nil, err
			}
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, fmt.Errorf("output %q has %v, which JSON cannot hold: ask for binary data", v.Name, x)
			}
			all[i] = float32(x)
		}
		return all, nil
	case "INT64":
		all := make([]int64, n)
		for i := range all {
			all[i] = int64(binary.LittleEndian.Uint64(v.Raw[8*i:]))
		}
		return all, nil
	case "BOOL":
		all := make([]bool, n)
		for i := range all {
			all[i] = v.Raw[i] != 0
		}
		return all, nil
	}
	all := make([]float64, n)
	for i := range all {
		x, err := v.number(i)
		if err != nil {
			return nil, err
		}
		all[i] = x
	}
	return all, nil
}
