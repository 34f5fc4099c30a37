package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/serve"
)

// serving runs "vertebra serve" until the test ends and returns its address. The models
// that are named are loaded.
func serving(t *testing.T, args ...string) string {
	t.Helper()
	at, _ := servingBoth(t, args...)
	return at
}

// servingBoth is serving, and returns the address of gRPC, too.
func servingBoth(t *testing.T, args ...string) (at, grpc string) {
	t.Helper()
	s := &settings{quiet: true}
	v := &server{settings: s}
	addresses := make(chan serveAddresses, 1)
	v.listening = func(s *serve.Server, a serveAddresses) {
		go func() {
			if err := s.Load(context.Background()); err == nil {
				addresses <- a
			}
		}()
	}
	c := newServe(s)
	c.SetOut(io.Discard)
	c.SetErr(io.Discard)
	ctx, stop := context.WithCancel(context.Background())
	c.SetContext(ctx)
	v.listen, v.repository, v.immich = "127.0.0.1:0", "", false
	v.o = serve.Options{MaxBatch: 2, MaxQueue: 8}
	for len(args) > 0 && strings.HasPrefix(args[0], "--") {
		switch name, value, _ := strings.Cut(args[0], "="); name {
		case "--upstream":
			v.o.Upstream = value
		case "--grpc":
			v.grpc = value
		case "--repository":
			v.repository = value
		}
		args = args[1:]
	}
	ended := make(chan error, 1)
	go func() { ended <- v.run(c, args) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case a := <-addresses:
		return "http://" + a.HTTP, a.GRPC
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return "", ""
}

// TestServeCLIP asks for embeddings as Immich and as OpenAI's clients do, and compares
// them with those of the command embed.
func TestServeCLIP(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e := r.FormValue("entries"); e != `{"facial-recognition":{"detection":{"modelName":"buffalo_l"}}}` {
			t.Errorf("upstream gets %s", e)
		}
		io.WriteString(w, `{"facial-recognition": [], "imageHeight": 8, "imageWidth": 9}`)
	}))
	defer up.Close()
	clip := smallCLIP(t, 1)
	at := serving(t, "--upstream="+up.URL, "ViT-B-32__openai="+clip)
	in := photograph(t, 9, 8)
	file, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	var want []struct {
		Vector []float32 `json:"embedding"`
	}
	out := filepath.Join(t.TempDir(), "e.safetensors")
	ok(t, "embed", in, "--text", "a cat", "--weights", clip, "--normalize", "-o", out, "--quiet")
	f := openFile(t, out)
	for _, name := range f.Names() {
		x, err := f.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		width := x.Shape[len(x.Shape)-1]
		for i := range x.Shape.Len() / width {
			want = append(want, struct {
				Vector []float32 `json:"embedding"`
			}{x.Data[i*width:][:width]})
		}
	}
	near := func(what string, got, want []float32) {
		t.Helper()
		for i := range want {
			if len(got) != len(want) || math.Abs(float64(got[i]-want[i])) > 1e-5 {
				t.Errorf("%s: %v, want %v", what, got, want)
				return
			}
		}
	}
	predict := func(entries, text string) map[string]any {
		t.Helper()
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		form.WriteField("entries", entries)
		if text != "" {
			form.WriteField("text", text)
		} else {
			part, _ := form.CreateFormFile("image", "x.png")
			part.Write(file)
		}
		form.Close()
		r, err := http.Post(at+"/predict", form.FormDataContentType(), &body)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		var got map[string]any
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil || r.StatusCode != 200 {
			t.Fatalf("%s: %s %v %v", entries, r.Status, got, err)
		}
		return got
	}
	vector := func(text any) (v []float32) {
		s, _ := text.(string)
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			t.Errorf("clip is %v: %v", text, err)
		}
		return v
	}
	got := predict(`{"clip": {"visual": {"modelName": "ViT-B-32__openai"}}, "facial-recognition": {"detection": {"modelName": "buffalo_l"}}}`, "")
	near("picture", vector(got["clip"]), want[0].Vector)
	if got["imageHeight"] != 8.0 || got["imageWidth"] != 9.0 || got["facial-recognition"] == nil {
		t.Errorf("%v", got)
	}
	near("text", vector(predict(`{"clip": {"textual": {"modelName": "ViT-B-32__openai", "options": {"language": "en"}}}}`, "a cat")["clip"]), want[1].Vector)

	body, _ := json.Marshal(map[string]any{"model": "ViT-B-32__openai", "encoding_format": "base64",
		"input": []string{"a cat", "data:image/png;base64," + base64.StdEncoding.EncodeToString(file)}})
	r, err := http.Post(at+"/v1/embeddings", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var list struct {
		Data []struct{ Embedding string }
	}
	if err := json.NewDecoder(r.Body).Decode(&list); err != nil || len(list.Data) != 2 {
		t.Fatalf("%s %+v %v", r.Status, list, err)
	}
	for i, d := range list.Data {
		raw, err := base64.StdEncoding.DecodeString(d.Embedding)
		if err != nil {
			t.Fatal(err)
		}
		v := make([]float32, len(raw)/4)
		for k := range v {
			v[k] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*k:]))
		}
		near("embeddings", v, want[1-i].Vector)
	}
}

// TestServeNames describes a model of the registry.
func TestServeNames(t *testing.T) {
	at := serving(t, "lenet")
	r, err := http.Get(at + "/v2/models/lenet")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	if want := `"inputs":[{"name":"input","datatype":"FP32","shape":[-1,1,32,32]}],"outputs":[{"name":"output","datatype":"FP32","shape":[-1,10]}]`; !strings.Contains(string(text), want) {
		t.Errorf("%s, want %s", text, want)
	}
	for _, spec := range []string{"=lenet", "x=", ""} {
		if status, _, errs := vertebra("serve", spec, "--listen", "localhost:0", "--device", "cpu"); status != 1 || !strings.Contains(errs, "want NAME=MODEL with both") {
			t.Errorf("%q: status %d, %s", spec, status, errs)
		}
	}
	if _, err := versions(t.TempDir()); err == nil {
		t.Error("an empty folder is a repository")
	}
	if names := immichModels(); len(names) < 12 || !strings.Contains(names[len(names)-1].name, "__openai") {
		t.Errorf("%v", names)
	}
}
