//go:build soak

package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/vertebra/vertebra/serve/inference"
)

var soak = flag.Duration("soak", time.Hour, "how long TestSoak sends requests")

// soaked is a server under load, as a process of its own.
type soaked struct {
	at      string
	pid     int
	client  inference.GRPCInferenceServiceClient
	picture []byte
	counts  [6]atomic.Int64 // of answers by the first figure of their status
	wrong   atomic.Int64    // answers with a status that is not expected
	slowest atomic.Int64    // nanoseconds of an answer since the last line
}

// TestSoak sends requests of all kinds to a server for the time of -soak: tensors and
// pictures by REST and gRPC, texts, shapes that need a new plan, and wrong ones. A client of
// its own asks a model that is unloaded and loaded again: a request waits while its model is
// loaded, so that all clients would soon wait for that. TestSoak prints the memory of the
// server as time goes on, which must not grow after the first fifth. "make soak" starts it.
func TestSoak(t *testing.T) {
	model, _ := meansFile(t)
	picture, err := os.ReadFile(photograph(t, 28, 28))
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(built(t), "serve", "lenet", "second=lenet", "CLIP="+smallCLIP(t, 1), "means="+model,
		"--listen=127.0.0.1:0", "--grpc=127.0.0.1:0", "--json", "--quiet", "--grace=100ms")
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	var at serveAddresses
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(&at); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(at.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := &soaked{at: "http://" + at.HTTP, pid: c.Process.Pid, client: inference.NewGRPCInferenceServiceClient(conn), picture: picture}
	for s.get("/v2/health/ready") != 200 {
		time.Sleep(100 * time.Millisecond)
	}
	end := time.Now().Add(*soak)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for time.Now().Before(end) {
				begun := time.Now()
				s.one(t, r)
				for took, most := int64(time.Since(begun)), s.slowest.Load(); took > most && !s.slowest.CompareAndSwap(most, took); {
					most = s.slowest.Load()
				}
			}
		})
	}
	all.Go(func() {
		body, header := soakTensor("input", 1, 1, 32, 32)
		for time.Now().Before(end) {
			if status := s.post("/v2/models/second/infer", body, header); status != 200 && status != 503 {
				s.wrong.Add(1)
			}
			time.Sleep(10 * time.Millisecond) // it is unloaded for half of the time
		}
	})
	all.Go(func() {
		for time.Now().Before(end) {
			for _, do := range []string{"unload", "load"} {
				s.post("/v2/repository/models/second/"+do, nil, nil)
				time.Sleep(*soak / 100)
			}
		}
	})
	var sizes []int
	t.Logf("%8s %10s %10s %10s %10s %s", "seconds", "RSS/kB", "heap/kB", "goroutines", "slowest/ms", "answers 2xx 4xx 5xx")
	for i := range 50 {
		time.Sleep(time.Until(end.Add(*soak * time.Duration(i-49) / 50)))
		rss := s.resident(t)
		sizes = append(sizes, rss)
		metrics := s.metrics(t)
		t.Logf("%8.0f %10d %10.0f %10.0f %10.0f %d %d %d", soak.Seconds()*float64(i+1)/50, rss, metrics("go_memstats_heap_inuse_bytes")/1024, metrics("go_goroutines"),
			time.Duration(s.slowest.Swap(0)).Seconds()*1000, s.counts[2].Load(), s.counts[4].Load(), s.counts[5].Load())
	}
	all.Wait()
	early, late := slices.Max(sizes[:10]), slices.Max(sizes[40:])
	t.Logf("memory: at most %d kB in the first fifth, %d kB in the last; device %s", early, late, at.Device)
	if late > early+early/10+16<<10 {
		t.Errorf("memory grows from %d to %d kB", early, late)
	}
	if n := s.wrong.Load(); n > 0 {
		t.Errorf("%d answers have a status that is not expected", n)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil && c.ProcessState.ExitCode() != interrupted {
		t.Errorf("the server ends with %v", err)
	}
}

// soakTensor makes a request with a tensor of zeros.
func soakTensor(name string, shape ...int) (body []byte, header map[string]string) {
	n := 4
	for _, d := range shape {
		n *= d
	}
	list, _ := json.Marshal(shape)
	head := fmt.Sprintf(`{"inputs":[{"name":%q,"shape":%s,"datatype":"FP32","parameters":{"binary_data_size":%d}}]}`, name, list, n)
	return append([]byte(head), make([]byte, n)...), map[string]string{"Inference-Header-Content-Length": strconv.Itoa(len(head))}
}

// one sends a request of some kind, and checks its status.
func (s *soaked) one(t *testing.T, r *rand.Rand) {
	var status int
	want := 200
	switch r.IntN(7) {
	case 0, 1:
		body, header := soakTensor("input", 1+r.IntN(4), 1, 32, 32)
		status = s.post("/v2/models/lenet/infer", body, header)
	case 2:
		head := fmt.Sprintf(`{"inputs":[{"name":"input","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":%d}}]}`, 4+len(s.picture))
		body := append(binary.LittleEndian.AppendUint32([]byte(head), uint32(len(s.picture))), s.picture...)
		status = s.post("/v2/models/lenet/infer", body, map[string]string{"Inference-Header-Content-Length": strconv.Itoa(len(head))})
	case 3:
		status = s.post("/v1/embeddings", fmt.Appendf(nil, `{"model":"CLIP","input":"a %c"}`, 'a'+r.IntN(26)), nil)
	case 4:
		body, header := soakTensor("x", 1, 3, 1+r.IntN(16), 1+r.IntN(16))
		status = s.post("/v2/models/means/infer", body, header)
	case 5:
		request := &inference.ModelInferRequest{ModelName: "lenet", RawInputContents: [][]byte{make([]byte, 4096)},
			Inputs: []*inference.ModelInferRequest_InferInputTensor{{Name: "input", Datatype: "FP32", Shape: []int64{1, 1, 32, 32}}}}
		if _, err := s.client.ModelInfer(t.Context(), request); err != nil {
			t.Log(err)
			s.wrong.Add(1)
		}
		return
	case 6:
		want = 400
		body, header := soakTensor("input", 1, 1, 32, 32)
		status = s.post("/v2/models/lenet/infer", body[:r.IntN(len(body))], header)
	}
	if status != want {
		s.wrong.Add(1)
	}
}

func (s *soaked) get(path string) int {
	response, err := http.Get(s.at + path)
	return s.seen(response, err)
}

func (s *soaked) post(path string, body []byte, header map[string]string) int {
	request, err := http.NewRequest("POST", s.at+path, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	for k, v := range header {
		request.Header.Set(k, v)
	}
	return s.seen(http.DefaultClient.Do(request))
}

func (s *soaked) seen(response *http.Response, err error) int {
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body)
	s.counts[response.StatusCode/100].Add(1)
	return response.StatusCode
}

// resident returns the memory of the server in kB.
func (s *soaked) resident(t *testing.T) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(text), "VmRSS:")
	n, err := strconv.Atoi(strings.Fields(line)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// metrics reads the server's metrics by name.
func (s *soaked) metrics(t *testing.T) func(string) float64 {
	response, err := http.Get(s.at + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) float64 {
		found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(text)
		if found == nil {
			t.Errorf("no metric %s", name)
			return 0
		}
		x, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			t.Error(err)
		}
		return x
	}
}
