//go:build unix

package serve

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
)

// BenchmarkLoad compares the throughput of a server on loopback with a loop that calls the
// library for a row at a time. They take turns. Tensors are in binary form by REST, in JSON,
// or in messages of gRPC. A client by REST sends the same bytes again and again, as programs
// that make load do. The numbers of clients are one, the rows of a batch, and four times as
// many. It reports
//
//	of-library   throughput as a part of the library's, the median of the turns
//	cpu-of-library  the library's processor time as a part of that of server and clients
//	p50-ms, p99-ms   of a request
//	queue-p99-ms     of the oldest request in a batch
//	bound-ms         --max-delay, and the 99th percentile of a batch's time for each batch
//	                 that a request finds before it: one, or more if the clients fill more
func BenchmarkLoad(b *testing.B) {
	m, err := vision.Open("lenet", vision.Options{})
	if err != nil {
		b.Fatal(err)
	}
	n, err := NewVision(m)
	if err != nil {
		b.Fatal(err)
	}
	const most, delay = 8, 2 * time.Millisecond
	s := New(Options{MaxBatch: most, MaxDelay: delay})
	if err := s.Add("lenet", "1", "vertebra", false, func(context.Context) (Network, error) { return n, nil }); err != nil {
		b.Fatal(err)
	}
	if err := s.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	of := s.models["lenet"].live.batcher
	var mu sync.Mutex
	var waits, took []time.Duration
	of.note = func(_ int, waited, t time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		waits, took = append(waits, waited), append(took, t)
	}
	l, stop, ended := running(b, s)
	defer func() {
		stop()
		<-ended
	}()
	for _, w := range ways {
		for _, clients := range []int{1, of.most, 4 * of.most} {
			b.Run(fmt.Sprintf("%s/batch%d/clients%d", w.name, of.most, clients), func(b *testing.B) {
				waits, took = nil, nil
				var ratios, processors []float64
				var all []time.Duration
				asks := w.open(b, l, clients)
				const turns = 9
				for b.Loop() {
					for range turns {
						const rows = 400
						before := processor(b)
						alone := libraryLoop(b, m, rows)
						between := processor(b)
						served, each := serverLoad(b, asks, rows)
						processors = append(processors, (between-before).Seconds()/(processor(b)-between).Seconds())
						ratios, all = append(ratios, alone.Seconds()/served.Seconds()), append(all, each...)
					}
				}
				b.ReportMetric(percentile(ratios, 0.5), "of-library")
				b.ReportMetric(percentile(processors, 0.5), "cpu-of-library")
				ms := func(d time.Duration) float64 { return d.Seconds() * 1000 }
				b.ReportMetric(ms(percentile(all, 0.5)), "p50-ms")
				b.ReportMetric(ms(percentile(all, 0.99)), "p99-ms")
				b.ReportMetric(ms(percentile(waits, 0.99)), "queue-p99-ms")
				ahead := max(1, (clients-1)/of.most)
				b.ReportMetric(ms(delay+time.Duration(ahead)*percentile(took, 0.99)), "bound-ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// ways are how BenchmarkLoad sends a row. open returns what sends one, for each client.
var ways = []struct {
	name string
	open func(b *testing.B, l Listeners, clients int) (asks []func() error)
}{
	{"binary", func(b *testing.B, l Listeners, clients int) []func() error {
		head := `{"inputs":[{"name":"input","shape":[1,1,32,32],"datatype":"FP32","parameters":{"binary_data_size":4096}}],"parameters":{"binary_data_output":true}}`
		return posts(b, l, clients, head+strings.Repeat("\x00", 4096), binaryHeader, strconv.Itoa(len(head)))
	}},
	{"json", func(b *testing.B, l Listeners, clients int) []func() error {
		_, numbers := digit(b)
		return posts(b, l, clients, strings.Replace(lenetJSON, "DATA", numbers, 1))
	}},
	{"grpc", func(b *testing.B, l Listeners, clients int) []func() error {
		c, err := grpc.NewClient(l.GRPC.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		client := inference.NewGRPCInferenceServiceClient(c)
		return slices.Repeat([]func() error{func() error {
			_, err := client.ModelInfer(b.Context(), &inference.ModelInferRequest{
				ModelName: "lenet", RawInputContents: [][]byte{make([]byte, 4096)},
				Inputs: []*inference.ModelInferRequest_InferInputTensor{{Name: "input", Datatype: "FP32", Shape: []int64{1, 1, 32, 32}}},
			})
			return err
		}}, clients)
	}},
}

// posts returns what sends a body by REST, for each client.
func posts(b *testing.B, l Listeners, clients int, body string, header ...string) (asks []func() error) {
	text := bytes.Replace(requestText(lenetPath, body, header...), []byte("Connection: close\r\n"), nil, 1)
	for range clients {
		c, err := net.Dial("tcp", l.HTTP.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		answers := bufio.NewReader(c)
		asks = append(asks, func() error {
			if _, err := c.Write(text); err != nil {
				return err
			}
			response, err := http.ReadResponse(answers, nil)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				return err
			}
			if response.StatusCode != http.StatusOK {
				return errors.New(response.Status)
			}
			return nil
		})
	}
	return asks
}

func percentile[T float64 | time.Duration](all []T, p float64) T {
	slices.Sort(all)
	return all[int(p*float64(len(all)-1))]
}

// processor returns the processor time of this process.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// libraryLoop runs a model on rows one after the other.
func libraryLoop(b *testing.B, m *vision.Model, rows int) time.Duration {
	x := tensor.New(1, 32, 32, 1)
	start := time.Now()
	for range rows {
		if _, err := m.Run(b.Context(), x); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}

// serverLoad sends rows from several clients, and returns the time for all and for each.
func serverLoad(b *testing.B, asks []func() error, rows int) (whole time.Duration, each []time.Duration) {
	var left atomic.Int64
	left.Store(int64(rows))
	var mu sync.Mutex
	var all sync.WaitGroup
	start := time.Now()
	for _, ask := range asks {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				begun := time.Now()
				if err := ask(); err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				each = append(each, time.Since(begun))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return time.Since(start), each
}
