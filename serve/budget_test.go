package serve

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/vertebra/vertebra/serve/inference"
)

// TestBudget fills the memory for requests: with bodies that do not end, and with pictures
// that become large tensors. What comes then is told to come later, until there is room.
func TestBudget(t *testing.T) {
	const most = 1 << 16
	s := start(t, &vast{}, Options{MaxBody: most})
	l, stop, ended := running(t, s)
	at := "http://" + l.HTTP.Addr().String() + "/v2/models/m/infer"
	const tensor = `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}`
	refused := func(what, body string) {
		t.Helper()
		if code, text, header := post(t, at, body); code != 503 || header.Get("Retry-After") == "" || !strings.Contains(text, "too much to hold") {
			t.Errorf("%s: %d %s", what, code, text)
		}
	}
	const picture = `{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["a picture"]}]}`
	refused("a picture that becomes more than there is room for", picture)
	if code, text, _ := post(t, at, tensor); code != 200 {
		t.Errorf("after it: %d %s", code, text)
	}
	var bodies []*io.PipeWriter
	left := make(chan struct{}, mostBodies)
	for range mostBodies {
		r, w := io.Pipe()
		bodies = append(bodies, w)
		go func() {
			if response, err := http.Post(at, "", r); err == nil {
				response.Body.Close()
			}
			left <- struct{}{}
		}()
		w.Write(bytes.Repeat([]byte(" "), most))
	}
	for s.held.Load() < mostBodies*most {
		runtime.Gosched()
	}
	refused("a body beside those that fill the memory", tensor)
	c, err := grpc.NewClient(l.GRPC.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	request := &inference.ModelInferRequest{ModelName: "m", Inputs: []*inference.ModelInferRequest_InferInputTensor{{Name: "x", Datatype: "FP32", Shape: []int64{1, 3}}}, RawInputContents: [][]byte{floats("x", 1, 2, 3).Raw}}
	client := inference.NewGRPCInferenceServiceClient(c)
	if _, err := client.ModelInfer(t.Context(), request); status.Code(err) != codes.Unavailable {
		t.Errorf("a call beside those that fill the memory: %v", err)
	}
	for _, w := range bodies {
		w.Close()
	}
	for range bodies {
		<-left
	}
	for s.held.Load() > 0 {
		runtime.Gosched()
	}
	if code, text, _ := post(t, at, tensor); code != 200 {
		t.Errorf("at the end: %d %s", code, text)
	}
	if _, err := client.ModelInfer(t.Context(), request); err != nil {
		t.Errorf("at the end: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// vast is a network for which a picture becomes a large tensor.
type vast struct{ doubler }

func (*vast) Picture(context.Context, []byte) ([]*Value, [2]int, error) {
	v := &Value{Name: "x", Datatype: "FP32", Shape: []int{1, 3}, Raw: make([]byte, mostBodies<<16+1)}
	return []*Value{v}, [2]int{4, 5}, nil
}
