package serve

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics counts under the names that Triton's server has for the same protocol.
type metrics struct {
	registry *prometheus.Registry

	success, failure, rows, batches *prometheus.CounterVec
	durations, queue, compute       *prometheus.CounterVec
}

func newMetrics(s *Server) *metrics {
	labels := []string{"model", "version"}
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	m.success = counter("nv_inference_request_success", "Number of successful inference requests")
	m.failure = counter("nv_inference_request_failure", "Number of failed inference requests")
	m.rows = counter("nv_inference_count", "Number of inferences performed, a row each")
	m.batches = counter("nv_inference_exec_count", "Number of batches computed")
	m.durations = counter("nv_inference_request_duration_us", "Cumulative duration of requests in microseconds")
	m.queue = counter("nv_inference_queue_duration_us", "Cumulative time that requests waited in microseconds")
	m.compute = counter("nv_inference_compute_infer_duration_us", "Cumulative time of batches in microseconds")
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), pending{s})
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// request counts a request. Models that do not exist are not counted: their names are the
// client's.
func (m *metrics) request(of *live, name string, took, waited time.Duration, err error) {
	if isNotFound(err) {
		return
	}
	version := "" // of a model that is not loaded
	if of != nil {
		version = of.of.version
	}
	c := m.success
	if err != nil {
		c = m.failure
	}
	c.WithLabelValues(name, version).Inc()
	m.durations.WithLabelValues(name, version).Add(microseconds(took))
	m.queue.WithLabelValues(name, version).Add(microseconds(waited))
}

func (m *metrics) batch(name, version string, rows int, _, took time.Duration) {
	m.rows.WithLabelValues(name, version).Add(float64(rows))
	m.batches.WithLabelValues(name, version).Inc()
	m.compute.WithLabelValues(name, version).Add(microseconds(took))
}

// pending tells how many rows wait.
type pending struct{ s *Server }

var pendingDesc = prometheus.NewDesc("nv_inference_pending_request_count", "Number of rows that wait for their batch", []string{"model", "version"}, nil)

// Describe sends the description of the only metric.
func (p pending) Describe(c chan<- *prometheus.Desc) { c <- pendingDesc }

// Collect sends the depth of each queue.
func (p pending) Collect(c chan<- prometheus.Metric) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for _, m := range p.s.models {
		if m.live != nil {
			c <- prometheus.MustNewConstMetric(pendingDesc, prometheus.GaugeValue, float64(m.live.batcher.depth()), m.name, m.version)
		}
	}
}
