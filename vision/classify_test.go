package vision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// seven draws a dark 7 on a light square.
func seven(side int) image.Image {
	m := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			u, v := float64(x)/float64(side), float64(y)/float64(side)
			bar := u > 0.3 && u < 0.7 && v > 0.2 && v < 0.28
			stem := math.Abs(u-(0.7-(v-0.2)*0.45)) < 0.05 && v > 0.2 && v < 0.8
			if m.SetGray(x, y, color.Gray{Y: 230}); bar || stem {
				m.SetGray(x, y, color.Gray{Y: 20})
			}
		}
	}
	return m
}

func lenet(t *testing.T, o Options) *Model {
	t.Helper()
	m, err := Open("lenet", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestClassify reads digits from every kind of input, on the GPU and in plain Go, one
// by one and in batches. One of the pictures is broken.
func TestClassify(t *testing.T) {
	var file bytes.Buffer
	if err := png.Encode(&file, seven(90)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "seven.png")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{Device: "cpu"}, {Device: "cpu", Batch: 2}, {Batch: 3}, {Batch: 64}} {
		m := lenet(t, o)
		in := []Input{
			File(path), Image("drawn", seven(60)), File("none.png"), Reader("reader", bytes.NewReader(file.Bytes())),
			Reader("broken", strings.NewReader("no picture")), Image("small", seven(40)),
		}
		var names []string
		for r, err := range m.Classify(context.Background(), in...) {
			names = append(names, r.Name)
			if i := len(names) - 1; i == 2 || i == 4 {
				var one *InputError
				if !errors.As(err, &one) || one.Name != in[i].Name || strings.Count(err.Error(), in[i].Name) != 1 {
					t.Errorf("%+v: %s: error %v", o, r.Name, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			top := r.Top(2)
			if len(top) != 2 || top[0].Number != 7 || top[0].Name != "7" || top[0].Probability < top[1].Probability || !r.Inverted {
				t.Errorf("%+v: %s: %+v", o, r.Name, top)
			}
			sum := 0.0
			for _, p := range r.Probabilities() {
				sum += p
			}
			if math.Abs(sum-1) > 1e-9 || len(r.Top(99)) != 10 || len(r.Top(0)) != 0 {
				t.Errorf("probabilities add up to %v, %d classes", sum, len(r.Top(99)))
			}
		}
		if got := fmt.Sprint(names); got != fmt.Sprintf("[%s drawn none.png reader broken small]", path) {
			t.Errorf("%+v: order %s", o, got)
		}
	}
}

// TestClassifyEnds stops when the caller does, and when the context ends.
func TestClassifyEnds(t *testing.T) {
	m := lenet(t, Options{Device: "cpu"})
	in := make([]Input, 50)
	for i := range in {
		in[i] = Image(fmt.Sprint(i), seven(40))
	}
	n := 0
	for range m.Classify(context.Background(), in...) {
		if n++; n == 3 {
			break
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	n = 0
	for _, err := range m.Classify(ctx, in...) {
		n++
		last = err
		cancel()
	}
	if !errors.Is(last, context.Canceled) || n >= len(in) {
		t.Errorf("%d results, the last with error %v", n, last)
	}
	for _, err := range m.Classify(context.Background()) {
		t.Errorf("no picture gives a result, %v", err)
	}
}

// TestTasks expects an error from the method of another task.
func TestTasks(t *testing.T) {
	m := lenet(t, Options{Device: "cpu"})
	in := Image("seven", seven(40))
	for _, err := range m.Segment(context.Background(), SegmentOptions{}, in) {
		if err == nil || !strings.Contains(err.Error(), "it names what is in a picture") {
			t.Errorf("segment: %v", err)
		}
	}
	for _, err := range m.Detect(context.Background(), DetectionFilter{}, in) {
		if err == nil || !strings.Contains(err.Error(), "for detection see vit_b_16_det") {
			t.Errorf("detect: %v", err)
		}
	}
}

// TestManySizes runs a segmentation network on more than mostPlans sizes, from several
// goroutines, and compares the results with plain Go.
func TestManySizes(t *testing.T) {
	entry := zoo.Model{
		Name: "tiny", Task: zoo.Segment, Size: 32, Channels: 3,
		New: func() models.Network { return models.NewUNet(models.UNetConfig{Width: 2, Bilinear: true}) },
	}
	network := entry.New()
	weights.Random(network, 1)
	var all []*tensor.Tensor
	weights.Walk(network, func(_ string, w *tensor.Tensor) { all = append(all, w) })
	path := filepath.Join(t.TempDir(), "tiny.safetensors")
	if err := weights.WriteSafetensors(path, nil, all...); err != nil {
		t.Fatal(err)
	}
	var in []Input
	for i := range mostPlans + 3 {
		in = append(in, Image(fmt.Sprint(i), seven(16+8*i)))
	}
	in = append(in, in[0])
	areas := func(m *Model) (all []string) {
		for s, err := range m.Segment(context.Background(), SegmentOptions{}, in...) {
			if err != nil {
				t.Error(err)
				return nil
			}
			all = append(all, fmt.Sprint(s.Name, s.Width, s.Seen, s.Area()))
		}
		return all
	}
	cpu, err := OpenModel(entry, Options{Weights: path, Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	want := areas(cpu)
	if err := cpu.Close(); err != nil || len(want) != len(in) {
		t.Fatal(want, err)
	}
	m, err := OpenModel(entry, Options{Weights: path})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			if got := areas(m); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("areas are %v, want %v", got, want)
			}
		})
	}
	wait.Wait()
	if n := len(m.plans.all); n > mostPlans {
		t.Errorf("%d plans are kept", n)
	}
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Error(err)
	}
}

// TestPlanFails checks that a plan is compiled again after an error.
func TestPlanFails(t *testing.T) {
	var p plans
	fails := true
	for _, want := range []string{"no memory", "<nil>"} {
		_, err := p.run(context.Background(), "key", func() (Plan, error) {
			if fails {
				fails = false
				return nil, errors.New("no memory")
			}
			g, err := graph.Trace(func(g *graph.Graph) { g.Output("y", g.Input("x", 2).ReLU()) })
			if err != nil {
				return nil, err
			}
			return Evaluate(g)
		}, tensor.New(2))
		if fmt.Sprint(err) != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}
