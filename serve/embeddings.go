package serve

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
)

// embeddingsRequest is a request of OpenAI's clients. Texts that are data URLs with a
// picture are embedded as pictures.
type embeddingsRequest struct {
	Model      string          `json:"model"`
	Input      json.RawMessage `json:"input"`
	Format     string          `json:"encoding_format"`
	Dimensions *int            `json:"dimensions"`
}

type embeddingRow struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"`
}

func (s *Server) embeddings(w http.ResponseWriter, r *http.Request) {
	refuse := func(err error) {
		status := statusOf(err)
		kind := "invalid_request_error"
		if status >= 500 {
			kind = "server_error"
		}
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		answer(w, status, map[string]any{"error": map[string]any{"message": err.Error(), "type": kind, "param": nil, "code": nil}})
	}
	var request embeddingsRequest
	body, err := readBody(r)
	if err == nil {
		err = decodeJSON(body, &request)
	}
	if err != nil {
		refuse(badRequest{err})
		return
	}
	inputs, err := request.inputs()
	if err != nil {
		refuse(badRequest{err})
		return
	}
	rows := []embeddingRow{}
	for i, text := range inputs {
		v, err := s.embedInput(r.Context(), request.Model, text)
		if err == nil && request.Dimensions != nil && *request.Dimensions != len(v) {
			err = badRequest{fmt.Errorf("model %q has %d dimensions, not %d", request.Model, len(v), *request.Dimensions)}
		}
		if err != nil {
			refuse(err)
			return
		}
		row := embeddingRow{"embedding", i, v}
		if request.Format == "base64" {
			raw := make([]byte, 0, 4*len(v))
			for _, x := range v {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
			}
			row.Embedding = base64.StdEncoding.EncodeToString(raw)
		}
		rows = append(rows, row)
	}
	answer(w, http.StatusOK, map[string]any{
		"object": "list", "model": request.Model, "data": rows,
		"usage": map[string]int{"prompt_tokens": len(inputs), "total_tokens": len(inputs)},
	})
}

// inputs returns the texts of a request.
func (r *embeddingsRequest) inputs() ([]string, error) {
	if r.Format != "" && r.Format != "float" && r.Format != "base64" {
		return nil, fmt.Errorf("encoding_format %q, want float or base64", r.Format)
	}
	var one string
	if json.Unmarshal(r.Input, &one) == nil {
		return []string{one}, nil
	}
	var all []string
	if json.Unmarshal(r.Input, &all) != nil || len(all) == 0 {
		return nil, errors.New("input: want a text or several; tokens are not taken")
	}
	if len(all) > 2048 {
		return nil, fmt.Errorf("input has %d texts, and 2048 are allowed", len(all))
	}
	return all, nil
}

func (s *Server) embedInput(ctx context.Context, model, text string) ([]float32, error) {
	rest, ok := strings.CutPrefix(text, "data:image/")
	if !ok {
		return s.embedText(ctx, model, text)
	}
	_, coded, ok := strings.Cut(rest, ";base64,")
	if !ok {
		return nil, badRequest{errors.New("a data URL of a picture is not in base64")}
	}
	file, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		return nil, badRequest{fmt.Errorf("a data URL of a picture: %w", err)}
	}
	v, _, err := s.embedPicture(ctx, model, file)
	return v, err
}
