package serve

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
)

// BenchmarkLoad compares the throughput of a server on loopback, with tensors in binary
// form, with a loop that calls the library for a row at a time. They take turns. The
// numbers of clients are one, the rows of a batch, and four times as many. It reports
//
//	of-library   throughput as a part of the library's, the median of the turns
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
	for _, clients := range []int{1, of.most, 4 * of.most} {
		b.Run(fmt.Sprintf("batch%d/clients%d", of.most, clients), func(b *testing.B) {
			waits, took = nil, nil
			var ratios []float64
			var all []time.Duration
			const turns = 9
			for b.Loop() {
				for range turns {
					const rows = 400
					alone := libraryLoop(b, m, rows)
					served, each := serverLoad(b, "http://"+l.HTTP.Addr().String(), clients, rows)
					ratios, all = append(ratios, alone.Seconds()/served.Seconds()), append(all, each...)
				}
			}
			b.ReportMetric(percentile(ratios, 0.5), "of-library")
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

func percentile[T float64 | time.Duration](all []T, p float64) T {
	slices.Sort(all)
	return all[int(p*float64(len(all)-1))]
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
func serverLoad(b *testing.B, at string, clients, rows int) (whole time.Duration, each []time.Duration) {
	head := `{"inputs":[{"name":"input","shape":[1,1,32,32],"datatype":"FP32","parameters":{"binary_data_size":4096}}],"parameters":{"binary_data_output":true}}`
	body := append([]byte(head), make([]byte, 4096)...)
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer web.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(rows))
	var mu sync.Mutex
	var all sync.WaitGroup
	start := time.Now()
	for range clients {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				begun := time.Now()
				r, err := http.NewRequestWithContext(b.Context(), "POST", at+lenetPath, bytes.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				r.Header.Set(binaryHeader, strconv.Itoa(len(head)))
				response, err := web.Do(r)
				if err != nil {
					b.Error(err)
					return
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
				if response.StatusCode != http.StatusOK {
					b.Error(response.Status)
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
