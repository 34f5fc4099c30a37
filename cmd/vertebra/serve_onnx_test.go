package main

import (
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServeRepository serves the newest version of a model in a folder: an ONNX file, by
// tensors of its own form, by pictures, and as an embedding.
func TestServeRepository(t *testing.T) {
	model, in := meansFile(t)
	file, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for version, text := range map[string]string{"9": "not read", "10": string(file)} {
		at := filepath.Join(dir, "means", version)
		if err := os.MkdirAll(at, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, "model.onnx"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		said := `{"task": "embedding", "inputs": [{"size": [1, 2], "range": [0, 2]}]}`
		if err := os.WriteFile(filepath.Join(at, "model.json"), []byte(said), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	at := serving(t, "--repository="+dir, "plain="+model)
	get := func(path string) string {
		r, err := http.Get(at + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, _ := io.ReadAll(r.Body)
		return string(text)
	}
	post := func(path, body string) string {
		r, err := http.Post(at+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, _ := io.ReadAll(r.Body)
		return string(text)
	}
	picture, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	coded := base64.StdEncoding.EncodeToString(picture)
	for _, c := range []struct{ got, want string }{
		{get("/v2/models/means"), `"versions":["10"],"platform":"vertebra","inputs":[{"name":"x","datatype":"FP32","shape":[-1,3,-1,-1]}],"outputs":[{"name":"y","datatype":"FP32","shape":[-1,-1]}]`},
		{post("/v2/models/means/infer", `{"inputs": [{"name": "x", "datatype": "FP32", "shape": [2,3,1,1], "data": [1,2,3,4,5,6]}]}`), `"shape":[2,3],"datatype":"FP32","data":[1,2,3,4,5,6]`},
		{post("/v2/models/plain/infer", `{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1,3,1,2], "data": [1,3,2,4,5,5]}]}`), `"shape":[1,3],"datatype":"FP32","data":[2,3,5]`},
		{post("/v2/models/plain/infer", `{"inputs": [{"name": "x", "datatype": "INT8", "shape": [1,3,1,1], "data": [1,3,2]}]}`), `is INT8, want FP32`},
		{post("/v2/models/plain/infer", `{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1,4,1,1], "data": [1,3,2,4]}]}`), `[-1 3 -1 -1]`},
		{post("/v1/embeddings", `{"model": "means", "input": "data:image/png;base64,`+coded+`"}`), `"embedding":[0,1,0]`},
		{post("/v1/embeddings", `{"model": "means", "input": "a cat"}`), `embeds no texts`},
		{post("/v1/embeddings", `{"model": "plain", "input": "data:image/png;base64,`+coded+`"}`), `it takes no pictures`},
	} {
		if !strings.Contains(c.got, c.want) {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}
