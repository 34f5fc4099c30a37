package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/vertebra/vertebra/serve/inference"
)

// running runs s on loopback until the test or stop ends it. Ended has what Run returns.
func running(t testing.TB, s *Server) (l Listeners, stop context.CancelFunc, ended chan error) {
	t.Helper()
	for _, at := range []*net.Listener{&l.HTTP, &l.GRPC} {
		var err error
		if *at, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	ended = make(chan error, 1)
	go func() { ended <- s.Run(ctx, l, 0, 0) }()
	return l, stop, ended
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// TestStart asks a server while it loads its model, and after that.
func TestStart(t *testing.T) {
	s := New(Options{})
	defer s.Close()
	gate := make(chan struct{})
	load := func(context.Context) (Network, error) {
		<-gate
		return &doubler{}, nil
	}
	if err := errors.Join(s.Add("m", "1", "test", false, load), s.Add("lazy", "1", "test", true, load)); err != nil {
		t.Fatal(err)
	}
	l, stop, ended := running(t, s)
	at := "http://" + l.HTTP.Addr().String()
	c, err := grpc.NewClient(l.GRPC.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	health, client := grpc_health_v1.NewHealthClient(c), inference.NewGRPCInferenceServiceClient(c)
	request := &inference.ModelInferRequest{ModelName: "m", Inputs: []*inference.ModelInferRequest_InferInputTensor{{Name: "x", Datatype: "FP32", Shape: []int64{1, 3}}}, RawInputContents: [][]byte{floats("x", 1, 2, 3).Raw}}
	const body = `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}`
	look := func(stage string, code int, ready bool, state grpc_health_v1.HealthCheckResponse_ServingStatus, want codes.Code) {
		t.Helper()
		if got, text := get(t, at+"/v2/health/live"); got != 200 {
			t.Errorf("%s: live: %d %s", stage, got, text)
		}
		for _, path := range []string{"/v2/health/ready", "/v2/models/m/ready", "/v2/models/m", "/ping"} {
			if got, text := get(t, at+path); got != code || got != 200 && !strings.Contains(text, "is being loaded") {
				t.Errorf("%s: %s: %d %s, want %d", stage, path, got, text, code)
			}
		}
		if got, text := get(t, at+"/v2/models/lazy/ready"); got != 200 {
			t.Errorf("%s: a lazy model: %d %s", stage, got, text)
		}
		if got, text, header := post(t, at+"/v2/models/m/infer", body); got != code || (header.Get("Retry-After") == "") != (code == 200) {
			t.Errorf("%s: infer: %d %s %v, want %d", stage, got, text, header, code)
		}
		if r, err := health.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err != nil || r.Status != state {
			t.Errorf("%s: health %v, %v, want %v", stage, r, err, state)
		}
		if r, err := client.ServerReady(t.Context(), &inference.ServerReadyRequest{}); err != nil || r.Ready != ready {
			t.Errorf("%s: server ready %v, %v", stage, r, err)
		}
		if r, err := client.ModelReady(t.Context(), &inference.ModelReadyRequest{Name: "m"}); err != nil || r.Ready != ready {
			t.Errorf("%s: model ready %v, %v", stage, r, err)
		}
		if _, err := client.ModelInfer(t.Context(), request); status.Code(err) != want {
			t.Errorf("%s: gRPC infer: %v, want %v", stage, err, want)
		}
	}
	look("loading", 503, false, grpc_health_v1.HealthCheckResponse_NOT_SERVING, codes.Unavailable)
	close(gate)
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	look("loaded", 200, true, grpc_health_v1.HealthCheckResponse_SERVING, codes.OK)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestLoadWaits has requests for a model that is being loaded, and that was unloaded before.
// They wait for it. Those for another model do not, by any protocol.
func TestLoadWaits(t *testing.T) {
	s := New(Options{})
	defer s.Close()
	gate := make(chan struct{}, 1)
	gate <- struct{}{}
	slow := func(context.Context) (Network, error) {
		<-gate
		return &doubler{}, nil
	}
	quick := func(context.Context) (Network, error) { return &doubler{}, nil }
	if err := errors.Join(s.Add("slow", "1", "test", false, slow), s.Add("m", "1", "test", false, quick), s.Load(t.Context()), s.UnloadModel("slow")); err != nil {
		t.Fatal(err)
	}
	l, stop, ended := running(t, s)
	at := "http://" + l.HTTP.Addr().String()
	const body = `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}`
	infer := func(model string) {
		if code, text, _ := post(t, at+"/v2/models/"+model+"/infer", body); code != 200 {
			t.Errorf("%s: %d %s", model, code, text)
		}
	}
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if code, text, _ := post(t, at+"/v2/repository/models/slow/load", ""); code != 200 {
			t.Errorf("%d %s", code, text)
		}
	})
	for loading := false; !loading; runtime.Gosched() {
		s.mu.Lock()
		loading = s.models["slow"].loading != nil
		s.mu.Unlock()
	}
	for range 8 {
		waiting.Go(func() { infer("slow") })
	}
	for range 20 {
		infer("m")
		if code, text := get(t, at+"/metrics"); code != 200 || !strings.Contains(text, `success{model="m"`) || strings.Contains(text, `success{model="slow"`) {
			t.Errorf("%d %s", code, text)
		}
	}
	gate <- struct{}{}
	waiting.Wait()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestLoadFails has a model that cannot be loaded: it ends the server with its error, unless
// it is lazy. Clients do not read the server's path.
func TestLoadFails(t *testing.T) {
	broken := func(context.Context) (Network, error) { return nil, errors.New("/srv/m.onnx: the file is cut short") }
	s := New(Options{})
	defer s.Close()
	if err := s.Add("m", "1", "test", false, broken); err != nil {
		t.Fatal(err)
	}
	_, _, ended := running(t, s)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), `model "m": /srv/m.onnx: the file is cut short`) {
		t.Errorf("Run returns %v", err)
	}

	s = New(Options{})
	defer s.Close()
	if err := errors.Join(s.Add("bad", "1", "test", true, broken), s.Add("good", "1", "test", true, func(context.Context) (Network, error) { return &doubler{}, nil })); err != nil {
		t.Fatal(err)
	}
	l, stop, ended := running(t, s)
	at := "http://" + l.HTTP.Addr().String()
	const body = `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}`
	for name, want := range map[string]int{"bad": 500, "good": 200} {
		code, text, _ := post(t, at+"/v2/models/"+name+"/infer", body)
		if code != want || want != 200 && !strings.Contains(text, `model \"bad\": it cannot be loaded`) || strings.Contains(text, "/srv") {
			t.Errorf("%s: %d %s", name, code, text)
		}
	}
	if code, text := get(t, at+"/v2/models/bad/ready"); code != 503 || !strings.Contains(text, "cannot be loaded") || strings.Contains(text, "/srv") {
		t.Errorf("%d %s", code, text)
	}
	if code, text := get(t, at+"/v2/health/ready"); code != 200 {
		t.Errorf("%d %s", code, text)
	}
	if text := "[{bad 1 UNAVAILABLE it cannot be loaded; the server's log says why} {good 1 READY }]"; text != fmt.Sprint(s.index()) {
		t.Errorf("%s, want %s", s.index(), text)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestCloseWhileLoading closes a server whose model is being loaded: the network is
// closed, too.
func TestCloseWhileLoading(t *testing.T) {
	s := New(Options{})
	d, begun := &doubler{}, make(chan struct{})
	if err := s.Add("m", "1", "test", false, func(ctx context.Context) (Network, error) {
		close(begun)
		<-ctx.Done()
		return d, nil
	}); err != nil {
		t.Fatal(err)
	}
	go s.Load(t.Context())
	<-begun
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if !d.closed.Load() {
		t.Error("the network is open")
	}
}
