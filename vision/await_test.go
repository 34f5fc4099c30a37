package vision

import (
	"context"
	"errors"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// stuck is a picture that is never read. It tells of the first reading, and the test ends
// the others.
func stuck(t *testing.T, reading func()) Input {
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	return Input{Name: "stuck", Read: func() (*picture.Image, error) {
		reading()
		<-end
		return nil, errors.New("the end")
	}}
}

// TestAwait ends each method while it waits for a picture.
func TestAwait(t *testing.T) {
	open := func(m zoo.Model) *Model {
		o, err := OpenModel(m, Options{Device: "cpu"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { o.Close() })
		return o
	}
	lenet, err := zoo.Lookup("lenet")
	if err != nil {
		t.Fatal(err)
	}
	digits, espcn := open(lenet), open(zoo.ESPCN(2))
	for name, use := range map[string]func(context.Context, Input) error{
		"Classify": func(ctx context.Context, in Input) (err error) {
			for _, err = range digits.Classify(ctx, in) {
			}
			return err
		},
		"Features": func(ctx context.Context, in Input) (err error) {
			for _, err = range digits.Features(ctx, []string{"fc1"}, in, in) {
			}
			return err
		},
		"Upscale": func(ctx context.Context, in Input) error {
			_, err := espcn.Upscale(ctx, UpscaleOptions{}, in, nil)
			return err
		},
		"Picture": func(ctx context.Context, in Input) error {
			_, err := in.Picture(ctx, 0)
			return err
		},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		if err := use(ctx, stuck(t, cancel)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAwaitCompile ends a call while its plan is compiled. The plan is there for the next.
func TestAwaitCompile(t *testing.T) {
	var p plans
	end := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	slow := func() (Plan, error) {
		cancel()
		<-end
		return onCPU{}, nil
	}
	if _, err := p.get(ctx, "a", slow); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(end)
	k, err := p.get(context.Background(), "a", func() (Plan, error) { return nil, errors.New("compiled twice") })
	if err != nil {
		t.Fatal(err)
	}
	p.release(k)
	if err := p.close(); err != nil {
		t.Error(err)
	}
	defer func() {
		if r := recover(); r != "broken" {
			t.Errorf("recovered %v", r)
		}
	}()
	p.get(context.Background(), "b", func() (Plan, error) { panic("broken") })
}

// TestCompilers makes predictors with the ways to compile.
func TestCompilers(t *testing.T) {
	d, err := OpenDevice(DeviceOptions{Name: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	own := func(g *graph.Graph) (onCPU, error) { return onCPU{g}, nil } // as a gpu.Device's, with a type of its own
	net := models.NewSAM(models.SAMConfig{Size: 64, Width: 16, Depth: 1, Heads: 2, Channels: 16})
	for _, p := range []*SAMPredictor{
		NewSAMPredictor(net, zoo.Preprocess{}, d.Compile), NewSAMPredictor(net, zoo.Preprocess{}, Evaluate), NewSAMPredictor(net, zoo.Preprocess{}, own),
	} {
		if plan, err := p.compile(&graph.Graph{}); err != nil || plan == nil {
			t.Errorf("%v, %v", plan, err)
		}
	}
	if plan, err := AnyPlan(func(*graph.Graph) (*onCPU, error) { return nil, errors.New("no") })(nil); plan != nil || err == nil {
		t.Errorf("%v, %v", plan, err)
	}
}
