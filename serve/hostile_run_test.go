package serve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/vertebra/vertebra/serve/inference"
	"github.com/vertebra/vertebra/vision"
)

// TestHostile sends over 200 requests that are broken in some way, several times. None
// may be answered as an internal error, and all that is good is answered as before.
// Afterwards nothing of them is left: no goroutine, no place in a queue, no memory.
func TestHostile(t *testing.T) {
	m, err := vision.Open("lenet", vision.Options{Device: "cpu", Memory: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	n, err := NewVision(m)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{MaxBatch: 1, MaxBody: 2 << 20})
	s.slow = 3 * time.Second
	if err := s.Add("lenet", "1", "vertebra", false, func(context.Context) (Network, error) { return n, nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	l, stop, ended := running(t, s)
	web, g := l.HTTP.Addr().String(), l.GRPC.Addr().String()
	requests, calls := hostiles(t), hostileCalls(t)
	if total := len(requests) + len(calls); total < 200 {
		t.Fatalf("%d requests, want 200", total)
	}
	want := goodAnswers(t, web, g)
	heap := uint64(0)
	for round := range 4 {
		var all sync.WaitGroup
		line := make(chan hostile)
		for range 4 {
			all.Go(func() {
				for h := range line {
					if code, text := send(t, web, h); code >= 500 || code < 400 && code != 0 || code == 0 && !h.cut && len(h.text) < 1<<16 {
						t.Errorf("%s: %d %.200s", h.name, code, text)
					}
				}
			})
		}
		for _, h := range requests {
			if !h.slow || round == 0 { // these take long
				line <- h
			}
		}
		close(line)
		all.Wait()
		for name, call := range calls {
			if err := call(g); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := goodAnswers(t, web, g); !bytes.Equal(got, want) {
			t.Errorf("round %d: %.300q, want %.300q", round, got, want)
		}
		runtime.GC()
		runtime.GC() // what finalizers and pools held
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		if round == 1 {
			heap = now.HeapAlloc
		} else if round > 1 && now.HeapAlloc > heap+4<<20 {
			t.Errorf("round %d: %d bytes, %d after the second", round, now.HeapAlloc, heap)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	s.mu.Lock()
	of := s.models["lenet"].live
	s.mu.Unlock()
	if s.held.Load() != 0 || of.count.Load() != 0 || of.batcher.depth() != 0 || len(s.decode) != 0 {
		t.Errorf("left: %d bytes, %d users, %d rows in the queue, %d pictures", s.held.Load(), of.count.Load(), of.batcher.depth(), len(s.decode))
	}
	http.DefaultClient.CloseIdleConnections()
	for runtime.NumGoroutine() > before { // a leak ends the test at its time limit, with all stacks
		runtime.Gosched()
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// send sends a request and returns the status and the answer. The status is 0 if the
// server closes the connection instead.
func send(t *testing.T, to string, h hostile) (int, string) {
	c, err := net.Dial("tcp", to)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer c.Close()
	if h.deaf {
		if _, err := c.Write(h.text); err == nil {
			t.Errorf("%s: the server has read all", h.name)
		}
		return 499, ""
	}
	go func() {
		c.Write(h.text) // the server may close the connection meanwhile
		if h.cut {
			c.(*net.TCPConn).CloseWrite()
		}
	}()
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

// goodAnswers returns the answers to good requests of every protocol.
func goodAnswers(t *testing.T, web, g string) (all []byte) {
	t.Helper()
	file, numbers := digit(t)
	for _, body := range []string{
		strings.Replace(lenetJSON, "DATA", numbers, 1),
		fmt.Sprintf(`{"inputs":[{"name":"input","shape":[1],"datatype":"BYTES","data":[%q]}]}`, base64.StdEncoding.EncodeToString(file)),
	} {
		code, text, _ := post(t, "http://"+web+lenetPath, body)
		if code != 200 {
			t.Errorf("a good request: %d %s", code, text)
		}
		all = append(all, text...)
	}
	c, err := grpc.NewClient(g, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	out, err := inference.NewGRPCInferenceServiceClient(c).ModelInfer(t.Context(), goodCall(file))
	if err != nil {
		t.Errorf("a good call: %v", err)
	}
	for _, raw := range out.GetRawOutputContents() {
		all = append(all, raw...)
	}
	return all
}

// goodCall has a picture.
func goodCall(file []byte) *inference.ModelInferRequest {
	return &inference.ModelInferRequest{ModelName: "lenet", Inputs: []*inference.ModelInferRequest_InferInputTensor{
		{Name: "input", Datatype: "BYTES", Shape: []int64{1}, Contents: &inference.InferTensorContents{BytesContents: [][]byte{file}}},
	}}
}

// raw is a message of gRPC that is sent as it is.
type raw []byte

type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error)      { return v.(raw), nil }
func (rawCodec) Unmarshal(data []byte, v any) error { return nil }
func (rawCodec) Name() string                       { return "proto" }

var _ encoding.Codec = rawCodec{}

// hostileCalls are calls by gRPC. Each returns an error if the server's answer is wrong.
func hostileCalls(t *testing.T) map[string]func(to string) error {
	file, _ := digit(t)
	all := map[string]func(string) error{}
	call := func(name string, parts ...[]byte) {
		message := bytes.Join(parts, nil)
		all[name] = func(to string) error {
			c, err := grpc.NewClient(to, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				return err
			}
			defer c.Close()
			err = c.Invoke(t.Context(), inference.GRPCInferenceService_ModelInfer_FullMethodName, raw(message), new(raw), grpc.ForceCodec(rawCodec{}))
			switch code := status.Code(err); {
			case code == codes.InvalidArgument, code == codes.NotFound, code == codes.ResourceExhausted:
			case code == codes.Internal && strings.Contains(err.Error(), "unmarshal"): // gRPC's own
			default:
				return fmt.Errorf("want an error of the request, got %w", err)
			}
			return nil
		}
	}
	whole, err := proto.Marshal(goodCall(file))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		call(fmt.Sprint("a message cut at ", len(whole)*i/8), whole[:len(whole)*i/8])
	}
	call("a message of 3 MB", make([]byte, 3<<20))
	field := func(path ...byte) []byte { // many empty fields, in messages
		b := bytes.Repeat([]byte{path[0], 0}, 500000)
		for _, tag := range path[1:] {
			b = append(binary.AppendUvarint([]byte{tag}, uint64(len(b))), b...)
		}
		return b
	}
	call("500000 inputs", field(0x2a))
	call("500000 outputs", field(0x32))
	call("500000 raw contents", field(0x3a))
	call("500000 parameters", field(0x22))
	call("500000 contents", field(0x42, 0x2a, 0x2a))
	call("500000 parameters of an input", field(0x22, 0x2a))
	call("a shape of 500000", append([]byte{0x2a}, binary.AppendUvarint(nil, 500004)...), append([]byte{0x1a}, binary.AppendUvarint(nil, 500000)...), make([]byte, 500000))
	call("a message of ones", bytes.Repeat([]byte{0xff}, 1000))
	for name, change := range map[string]func(*inference.ModelInferRequest){
		"no inputs":           func(r *inference.ModelInferRequest) { r.Inputs = nil },
		"a negative shape":    func(r *inference.ModelInferRequest) { r.Inputs[0].Shape = []int64{-1} },
		"a huge shape":        func(r *inference.ModelInferRequest) { r.Inputs[0].Shape = []int64{1 << 62, 1 << 62} },
		"10000 dimensions":    func(r *inference.ModelInferRequest) { r.Inputs[0].Shape = make([]int64, 10000) },
		"another type":        func(r *inference.ModelInferRequest) { r.Inputs[0].Datatype = "FP32" },
		"no type":             func(r *inference.ModelInferRequest) { r.Inputs[0].Datatype = "" },
		"no contents":         func(r *inference.ModelInferRequest) { r.Inputs[0].Contents = nil },
		"two raw contents":    func(r *inference.ModelInferRequest) { r.RawInputContents = [][]byte{{1}, {2}} },
		"a wrong raw content": func(r *inference.ModelInferRequest) { r.RawInputContents = [][]byte{{255, 255, 255, 255, 1}} },
		"a broken picture":    func(r *inference.ModelInferRequest) { r.Inputs[0].Contents.BytesContents[0] = file[:50] },
		"another output": func(r *inference.ModelInferRequest) {
			r.Outputs = []*inference.ModelInferRequest_InferRequestedOutputTensor{{Name: "x"}}
		},
	} {
		r := goodCall(file)
		change(r)
		message, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		call(name, message)
	}
	all["a message that does not come"] = func(to string) error {
		c, err := grpc.NewClient(to, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer c.Close()
		stream, err := c.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, inference.GRPCInferenceService_ModelInfer_FullMethodName, grpc.ForceCodec(rawCodec{}))
		if err != nil {
			return err
		}
		if err := stream.RecvMsg(new(raw)); status.Code(err) != codes.Canceled {
			return fmt.Errorf("want an end of the call, got %w", err)
		}
		return nil
	}
	all["20000 calls that are taken back at once"] = func(to string) error {
		c, err := net.Dial("tcp", to)
		if err != nil {
			return err
		}
		defer c.Close()
		go func() {
			c.Write(takenBack(20000))
			c.(*net.TCPConn).CloseWrite()
		}()
		io.Copy(io.Discard, c) // the server may close the connection, or answer all
		return nil
	}
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	for name, text := range map[string]string{
		"no HTTP/2":            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"zeros":                strings.Repeat("\x00", 1000),
		"a preface":            preface,
		"a frame of 16 MB":     preface + "\xff\xff\xff\x04\x00\x00\x00\x00\x00",
		"data without headers": preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x05\x00\x01\x00\x00\x00\x01junk!",
		"headers of junk":      preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x05\x01\x04\x00\x00\x00\x01\xff\xff\xff\xff\xff",
	} {
		all[name] = func(to string) error {
			send(t, to, hostile{name: name, text: []byte(text), cut: true})
			return nil
		}
	}
	return all
}

// takenBack has calls of ModelInfer in frames of HTTP/2, each of which is reset at once.
func takenBack(calls int) []byte {
	frame := func(kind, flags byte, stream uint32, payload string) []byte {
		n := len(payload)
		head := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
		return append(binary.BigEndian.AppendUint32(head, stream), payload...)
	}
	field := func(index, value string) string { return index + string([]byte{byte(len(value))}) + value }
	headers := "\x83\x86" + field("\x01", "h") + field("\x04", inference.GRPCInferenceService_ModelInfer_FullMethodName) +
		field("\x0f\x10", "application/grpc") + field("\x00\x02te", "trailers")
	out := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0, "")...)
	for i := range uint32(calls) {
		out = append(append(out, frame(1, 4, 2*i+1, headers)...), frame(3, 0, 2*i+1, "\x00\x00\x00\x08")...)
	}
	return out
}
