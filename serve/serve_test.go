package serve

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/vertebra/vertebra/serve/inference"
)

// doubler is a network that doubles rows of three numbers. If gate is not nil, each run
// takes a token from it.
type doubler struct {
	gate   chan struct{}
	mu     sync.Mutex
	runs   []int // rows of each
	closed atomic.Bool
	size   int64
}

func (d *doubler) Inputs() []Port  { return []Port{{"x", "FP32", []int{-1, 3}}} }
func (d *doubler) Outputs() []Port { return []Port{{"y", "FP32", []int{-1, 3}}} }
func (d *doubler) Bytes() int64    { return d.size }
func (d *doubler) Close() error    { d.closed.Store(true); return nil }

func (d *doubler) Run(ctx context.Context, in []*Value) ([]*Value, error) {
	if d.gate != nil {
		<-d.gate
	}
	d.mu.Lock()
	d.runs = append(d.runs, in[0].rows())
	d.mu.Unlock()
	t, err := in[0].tensor()
	if err != nil {
		return nil, err
	}
	for i, x := range t.Data {
		if x == 13 {
			return nil, errors.New("13 is not computed")
		}
		t.Data[i] = 2 * x
	}
	v := fromTensor(t)
	v.Name = "y"
	return []*Value{v}, nil
}

func (d *doubler) Picture(_ context.Context, file []byte) ([]*Value, [2]int, error) {
	if string(file) != "a picture" {
		return nil, [2]int{}, errors.New("no picture")
	}
	return []*Value{floats("x", 1, 2, 3)}, [2]int{4, 5}, nil
}

func floats(name string, x ...float32) *Value {
	v := &Value{Name: name, Datatype: "FP32", Shape: []int{len(x) / 3, 3}}
	for _, f := range x {
		v.Raw = binary.LittleEndian.AppendUint32(v.Raw, math.Float32bits(f))
	}
	return v
}

// start serves a network called m.
func start(t *testing.T, n Network, o Options) *Server {
	t.Helper()
	s := New(o)
	if err := s.Add("m", "1", "test", false, func(context.Context) (Network, error) { return n, nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func post(t *testing.T, url, body string, header ...string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text), response.Header
}

// TestREST sends requests in the forms that the protocol has.
func TestREST(t *testing.T) {
	web := httptest.NewServer(start(t, &doubler{}, Options{Version: "v9"}).Handler())
	defer web.Close()
	at := web.URL + "/v2/models/m/infer"
	const want = `{"model_name":"m","outputs":[{"name":"y","shape":[2,3],"datatype":"FP32","data":[2,4,6,8,10,12]}]}`
	for _, body := range []string{
		`{"inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":[1,2,3,4,5,6]}]}`,
		`{"inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":[[1,2,3],[4,5,6.0]]}]}`,
		`{"inputs":[{"name":"any","shape":[2,3],"datatype":"INT64","data":[1,2,3,4,5,6]}]}`,
		`{"inputs":[{"name":"x","shape":[2,3],"datatype":"UINT8","data":[1,2,3,4,5,6]}],"outputs":[{"name":"y"}]}`,
	} {
		if code, text, _ := post(t, at, body); code != 200 || text != want {
			t.Errorf("%s: %d %s", body, code, text)
		}
	}
	head := `{"id":"7","inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","parameters":{"binary_data_size":12}}],"outputs":[{"name":"y","parameters":{"binary_data":true}}]}`
	code, text, header := post(t, at, head+string(floats("x", 1, 2, 3).Raw), binaryHeader, strconv.Itoa(len(head)))
	n, _ := strconv.Atoi(header.Get(binaryHeader))
	if code != 200 || n == 0 || text[:n] != `{"id":"7","model_name":"m","outputs":[{"name":"y","shape":[1,3],"datatype":"FP32","parameters":{"binary_data_size":12}}]}` ||
		text[n:] != string(floats("y", 2, 4, 6).Raw) {
		t.Errorf("%d %q", code, text)
	}
	if code, text, _ := post(t, at, `{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["a picture"]}]}`); code != 200 || !strings.Contains(text, "[2,4,6]") {
		t.Errorf("%d %s", code, text)
	}
	for path, want := range map[string]string{
		"/v2":                     `{"name":"vertebra","version":"v9","extensions":["binary_tensor_data","model_repository"]}`,
		"/v2/health/live":         `{"live":true}`,
		"/v2/health/ready":        `{"ready":true}`,
		"/v2/models/m":            `{"name":"m","versions":["1"],"platform":"test","inputs":[{"name":"x","datatype":"FP32","shape":[-1,3]}],"outputs":[{"name":"y","datatype":"FP32","shape":[-1,3]}]}`,
		"/v2/models/m/versions/1": `{"name":"m"`,
		"/v2/models/m/ready":      `{"name":"m","ready":true}`,
		"/ping":                   "pong",
		"/metrics":                `nv_inference_request_success{model="m",version="1"} 6`,
	} {
		response, err := http.Get(web.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != 200 || !strings.Contains(string(text), want) {
			t.Errorf("%s: %d %s, want %s", path, response.StatusCode, text, want)
		}
	}
}

// TestBadRequests expects an error with the protocol's status and form.
func TestBadRequests(t *testing.T) {
	s := start(t, &doubler{}, Options{MaxBody: 1000})
	web := httptest.NewServer(s.Handler())
	defer web.Close()
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"m", `{`, 400, "no JSON of the protocol"},
		{"m", `{}`, 400, "no inputs"},
		{"other", `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}`, 404, `model \"other\" is not found`},
		{"m/versions/2", `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}`, 404, "version"},
		{"m", `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2]}]}`, 400, "length 8, want 12"},
		{"m", `{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}`, 400, "want [-1 3]"},
		{"m", `{"inputs":[{"name":"x","shape":[0,3],"datatype":"FP32","data":[]}]}`, 400, "want [-1 3]"},
		{"m", `{"inputs":[{"name":"x","shape":[-1,3],"datatype":"FP32","data":[1]}]}`, 400, "too many elements"},
		{"m", `{"inputs":[{"name":"x","shape":[9223372036854775807,9223372036854775807],"datatype":"FP32","data":[1]}]}`, 400, "too many elements"},
		{"m", `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP33","data":[1,2,3]}]}`, 400, "no datatype"},
		{"m", `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP16","data":[1,2,3]}]}`, 400, "binary data only"},
		{"m", `{"inputs":[{"name":"x","shape":[1,3],"datatype":"UINT8","data":[1,2,300]}]}`, 400, "300 is no UINT8"},
		{"m", `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":["a"]}]}`, 400, "a string"},
		{"m", `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":` + strings.Repeat("[", 50) + `]}]}`, 400, ""},
		{"m", `{"inputs":[{"name":"x","shape":[1,3],"datatype":"INT64","data":[1,2,99999999]}]}`, 400, "2^24"},
		{"m", `{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["junk"]}]}`, 400, "picture 0: no picture"},
		{"m", `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}],"outputs":[{"name":"z"}]}`, 400, `no output \"z\"`},
		{"m", `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","parameters":{"binary_data_size":12}}]}`, 400, "0 bytes are left"},
		{"m", `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[13,2,3]}]}`, 500, "13 is not computed"},
		{"m", strings.Repeat(" ", 2000), 413, "1000 are allowed"},
	} {
		path, version, _ := strings.Cut(c.path, "/")
		if version != "" {
			version = "/" + version
		}
		code, text, _ := post(t, web.URL+"/v2/models/"+path+version+"/infer", c.body)
		var e struct{ Error string }
		if json.Unmarshal([]byte(text), &e) != nil || e.Error == "" || code != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%.100s: %d %s, want %d %s", c.body, code, text, c.status, c.want)
		}
	}
}

// TestGRPC calls the service with a client of the generated code.
func TestGRPC(t *testing.T) {
	s := start(t, &doubler{}, Options{Token: "secret"})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := s.GRPC()
	go g.Serve(l)
	defer g.Stop()
	dial := func(token string) inference.GRPCInferenceServiceClient {
		c, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(bearer(token)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return inference.NewGRPCInferenceServiceClient(c)
	}
	if _, err := dial("wrong").ServerLive(t.Context(), &inference.ServerLiveRequest{}); status.Code(err) != codes.Unauthenticated {
		t.Error(err)
	}
	c := dial("secret")
	if r, err := c.ServerReady(t.Context(), &inference.ServerReadyRequest{}); err != nil || !r.Ready {
		t.Error(r, err)
	}
	if m, err := c.ModelMetadata(t.Context(), &inference.ModelMetadataRequest{Name: "m"}); err != nil || len(m.Inputs) != 1 || m.Inputs[0].Shape[0] != -1 {
		t.Error(m, err)
	}
	in := func(kind string, contents *inference.InferTensorContents) *inference.ModelInferRequest {
		return &inference.ModelInferRequest{ModelName: "m", Id: "7", Inputs: []*inference.ModelInferRequest_InferInputTensor{{Name: "x", Datatype: kind, Shape: []int64{1, 3}, Contents: contents}}}
	}
	raw := in("FP32", nil)
	raw.RawInputContents = [][]byte{floats("x", 1, 2, 3).Raw}
	for _, r := range []*inference.ModelInferRequest{
		raw,
		in("FP32", &inference.InferTensorContents{Fp32Contents: []float32{1, 2, 3}}),
		in("INT8", &inference.InferTensorContents{IntContents: []int32{1, 2, 3}}),
		in("UINT64", &inference.InferTensorContents{Uint64Contents: []uint64{1, 2, 3}}),
	} {
		out, err := c.ModelInfer(t.Context(), r)
		if err != nil || out.Id != "7" || !bytes.Equal(out.RawOutputContents[0], floats("y", 2, 4, 6).Raw) {
			t.Errorf("%v: %v, %v", r, out, err)
		}
	}
	for want, r := range map[codes.Code]*inference.ModelInferRequest{
		codes.InvalidArgument: in("INT8", &inference.InferTensorContents{IntContents: []int32{1, 2, 300}}),
		codes.NotFound:        {ModelName: "other", Inputs: raw.Inputs, RawInputContents: raw.RawInputContents},
	} {
		if _, err := c.ModelInfer(t.Context(), r); status.Code(err) != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}
func (bearer) RequireTransportSecurity() bool { return false }

// FuzzFill reads JSON data of every type.
func FuzzFill(f *testing.F) {
	for _, kind := range []string{"FP32", "BYTES", "BOOL", "UINT8", "INT64", "X"} {
		f.Add(kind, `[[1, 2.5], [true, "a"], null, {}, 1e400]`)
	}
	f.Fuzz(func(t *testing.T, kind, data string) {
		v := &Value{Datatype: Datatype(kind), Shape: []int{2, 2}}
		if v.fill(json.RawMessage(data), false) == nil && v.check() == nil {
			v.json()
		}
	})
}

// FuzzReadInfer reads whole requests: JSON, and binary data behind it.
func FuzzReadInfer(f *testing.F) {
	for _, head := range []string{
		`{"id":"7","inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","parameters":{"binary_data_size":12}}],"outputs":[{"name":"y","parameters":{"binary_data":true}}]}`,
		`{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":12}}]}`,
		`{"inputs":[{"name":"x","shape":[1,3],"datatype":"UINT8","data":[1,2,3]},{"name":"z","shape":[1],"datatype":"BYTES","parameters":{"content_type":"base64"},"data":["AAAA"]}]}`,
	} {
		f.Add([]byte(head+"\x08\x00\x00\x0012345678"), strconv.Itoa(len(head)))
		f.Add([]byte(head), "")
	}
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		if header != "" {
			r.Header.Set(binaryHeader, header)
		}
		_, inputs, err := readInfer(r)
		if err != nil {
			return
		}
		for _, v := range inputs {
			if err := v.check(); err != nil {
				t.Error(err)
			}
			v.tensor()
			if v.rows() > 0 && len(v.Shape) > 0 {
				join([]*Value{v.slice(0, 1), v.slice(0, 1)})
			}
		}
	})
}
