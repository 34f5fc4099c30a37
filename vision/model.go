package vision

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// Options say which weights a model has, what it runs on and how. The zero value
// is the built-in weights on the fastest GPU.
type Options struct {
	Weights    string   // a checkpoint as it was downloaded; see zoo.Options
	Classes    int      // of the checkpoint's head, where not as many as the model's
	Labels     []string // names of the classes; nil means the model's own
	Vocabulary string   // of CLIP; empty means the one beside the weights
	Truncate   bool     // texts that are too long for CLIP are cut
	Size       [2]int   // height and width that pictures are resized to; zero means as in training

	Device  string  // a number or a part of a name of an adapter, or "cpu" for plain Go; empty for the fastest GPU
	Backend string  // "vulkan", "metal", "dx12" or "gl"; empty for any
	On      *Device // a device that is open already, in place of the two above
	Lazy    bool    // the device is opened when something is computed first

	Batch int // pictures at once; 0 means 1

	// Configure changes the network before its weights are bound; see
	// zoo.Options.
	Configure func(models.Network) error
}

// Model is a model with its weights on a device. Its methods compile what they
// run for each size of pictures that they meet, and keep that. They may be
// called at the same time.
type Model struct {
	zoo.Opened

	devices  DeviceOptions
	mu       sync.Mutex // of the next two
	on       *Device    // nil until it is opened
	owned    bool       // the device is closed with the model
	batch    int
	truncate bool
	plans    plans
	sam      samPlans // of predictors
}

// Open opens a model: by its name in the zoo, or by the path of a checkpoint,
// whose model is then found by what it holds. The caller closes it.
func Open(name string, o Options) (*Model, error) {
	z, err := zoo.Open(name, o.zoo())
	if err != nil {
		return nil, err
	}
	return open(z, o)
}

// OpenModel opens a model that need not be one of the zoo's.
func OpenModel(m zoo.Model, o Options) (*Model, error) {
	z, err := m.Open(o.zoo())
	if err != nil {
		return nil, err
	}
	return open(z, o)
}

func (o Options) zoo() zoo.Options {
	return zoo.Options{
		Weights: o.Weights, Classes: o.Classes, Labels: o.Labels, Vocabulary: o.Vocabulary,
		Size: o.Size, Configure: o.Configure,
	}
}

func open(z *zoo.Opened, o Options) (*Model, error) {
	const most = 1 << 16
	if o.Batch < 0 || o.Batch > most {
		return nil, fmt.Errorf("vision: a batch of %d, want 1 to %d", o.Batch, most)
	}
	m := &Model{
		Opened: *z, devices: DeviceOptions{Name: o.Device, Backend: o.Backend}, on: o.On,
		batch: max(o.Batch, 1), truncate: o.Truncate,
	}
	weights.Walk(m.Network, func(string, *tensor.Tensor) {}) // names the layers
	if !o.Lazy {
		if _, err := m.device(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Device is what the model runs on. With Options.Lazy it is nil until something
// has been computed.
func (m *Model) Device() *Device {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.on
}

// device opens the device if it is not open.
func (m *Model) device() (*Device, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.on != nil {
		return m.on, nil
	}
	var err error
	if m.on, err = OpenDevice(m.devices); err != nil {
		return nil, err
	}
	m.owned = true
	return m.on, nil
}

// compileGraph makes a graph ready to run on the model's device.
func (m *Model) compileGraph(g *graph.Graph) (Plan, error) {
	d, err := m.device()
	if err != nil {
		return nil, err
	}
	return d.Compile(g)
}

// Close frees what the model has compiled, and its device unless Options.On gave
// it. No method may be at work. Close is idempotent.
func (m *Model) Close() error {
	err := errors.Join(m.plans.close(), m.sam.close())
	if m.owned {
		err = errors.Join(err, m.on.Close())
	}
	return err
}

// Run computes the network's outputs for x [B, H, W, C], prepared as the model
// wants it, and after them the values of stages. Images are channels-last.
func (m *Model) Run(ctx context.Context, x *tensor.Tensor, stages ...string) ([]*tensor.Tensor, error) {
	return m.run(ctx, false, stages, x)
}

// run computes the outputs, or the main one alone, and stages.
func (m *Model) run(ctx context.Context, main bool, stages []string, x *tensor.Tensor) ([]*tensor.Tensor, error) {
	return m.plans.run(ctx, planKey(x.Shape, main, stages), m.compile(main, stages, x.Shape), x)
}

// compile compiles the network for an input of a shape.
func (m *Model) compile(main bool, stages []string, x tensor.Shape) func() (Plan, error) {
	return func() (Plan, error) {
		trace := models.Trace
		if main {
			trace = models.TraceForward
		}
		g, err := trace(m.Network, x...)
		if err != nil {
			return nil, err
		}
		if err := keep(g, stages); err != nil {
			return nil, err
		}
		return m.compileGraph(g)
	}
}

// planKey names what run compiles.
func planKey(x tensor.Shape, main bool, stages []string) string {
	return fmt.Sprint(x, main, stages)
}

// keep adds stages to the outputs of g.
func keep(g *graph.Graph, stages []string) error {
	if len(stages) == 0 {
		return nil
	}
	err := g.Keep(stages...)
	if err == nil {
		return nil
	}
	var have []string
	for _, s := range g.Stages {
		have = append(have, s.Name)
	}
	return fmt.Errorf("%w; there are %s", err, strings.Join(have, ", "))
}
