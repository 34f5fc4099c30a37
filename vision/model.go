package vision

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// Options say which weights a model has and where it runs. The zero value means the
// built-in weights on the fastest GPU.
type Options struct {
	Weights    string   // path of a checkpoint as downloaded; see zoo.Options
	Key        string   // which of several networks in the checkpoint; see zoo.Options
	Classes    int      // number of classes in the checkpoint, if not the model's own
	Labels     []string // names of the classes; nil means the model's own
	Vocabulary string   // path of CLIP's vocabulary; empty means the one beside the weights
	Truncate   bool     // cut texts that are too long for CLIP

	// CLIP says what the weights of a CLIP do not tell; see zoo.CLIPOptions.
	CLIP zoo.CLIPOptions

	Size [2]int // resize pictures to this height and width; zero means as in training

	Device    string  // an adapter's number, a part of its name, or "cpu" for plain Go; empty means the fastest GPU
	Backend   string  // "vulkan", "metal", "dx12" or "gl"; empty means any
	Limits    string  // see gpu.Options
	F16       bool    // see gpu.Options
	F16Values bool    // see gpu.Options
	Kind      string  // see gpu.Options
	Untuned   bool    // see DeviceOptions
	On        *Device // an open device, in place of the six above
	Lazy      bool    // open the device at the first computation

	TuningFault func(error) // see DeviceOptions

	Batch int // pictures at once; 0 means 1

	// Memory is how many bytes the pictures of a call may take together while they are
	// read. A picture that needs more is an error. Zero means 2 GB, and a picture that
	// needs more is read alone.
	Memory int64

	// Configure changes the network before its weights are bound; see
	// zoo.Options.
	Configure func(models.Network) error

	// ONNX is for an ONNX file: see zoo.ONNXOptions.
	ONNX zoo.ONNXOptions
}

// Model is a model with its weights on a device. Its methods compile a plan for each
// size of pictures and keep it. Goroutines may share a Model.
type Model struct {
	zoo.Opened

	devices  DeviceOptions
	mu       sync.Mutex // guards the next two
	on       *Device    // nil until it is opened
	owned    bool       // Close closes the device
	batch    int
	memory   int64 // see Options
	truncate bool
	plans    plans
	sam      samPlans    // of predictors
	proving  atomic.Bool // or proven; see prove
}

// Open opens a model by its name in the zoo, or by the path of a checkpoint or of an ONNX
// file. It finds the model of a checkpoint by the names and shapes of its tensors. How
// pictures become the input of an ONNX file is in o.ONNX or in a model.json beside the
// file. The caller closes the model.
func Open(name string, o Options) (*Model, error) {
	z, err := zoo.Open(name, o.decoding(name).zoo())
	if err != nil {
		return nil, err
	}
	return open(z, o)
}

// OpenModel opens a model that need not be in the zoo.
func OpenModel(m zoo.Model, o Options) (*Model, error) {
	z, err := m.Open(o.decoding(o.Weights).zoo())
	if err != nil {
		return nil, err
	}
	return open(z, o)
}

func (o Options) zoo() zoo.Options {
	return zoo.Options{
		Weights: o.Weights, Key: o.Key, Classes: o.Classes, Labels: o.Labels, Vocabulary: o.Vocabulary, CLIP: o.CLIP,
		Size: o.Size, Configure: o.Configure, ONNX: o.ONNX,
	}
}

func open(z *zoo.Opened, o Options) (*Model, error) {
	const most = 1 << 16
	if o.Batch < 0 || o.Batch > most {
		return nil, fmt.Errorf("vision: the batch is %d, want 1 to %d", o.Batch, most)
	}
	if o.Memory < 0 {
		return nil, fmt.Errorf("vision: the memory is %d bytes, want 0 or more", o.Memory)
	}
	m := &Model{
		Opened: *z, on: o.On,
		devices: DeviceOptions{
			Name: o.Device, Backend: o.Backend, Limits: o.Limits, Kind: o.Kind, F16: o.F16, F16Values: o.F16Values, Untuned: o.Untuned, TuningFault: o.TuningFault,
		},
		batch: max(o.Batch, 1), memory: o.Memory, truncate: o.Truncate,
	}
	if err := m.checkDecode(o.ONNX.Task); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	if n, ok := m.Network.(*zoo.ONNX); ok && n.Batch > 0 {
		if o.Batch > 1 && o.Batch != n.Batch {
			return nil, errors.Join(fmt.Errorf("%s takes %d pictures at once, and the batch is %d", files.Quote(n.Path), n.Batch, o.Batch), n.Close())
		}
		m.batch = n.Batch
	}
	weights.Walk(m.Network, func(string, *tensor.Tensor) {}) // names the layers
	if !o.Lazy {
		if _, err := m.device(); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	return m, nil
}

// Device returns the model's device. With Options.Lazy it is nil until the first
// computation.
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

// Close frees the model's plans, and closes its device unless Options.On gave it. No
// other method may be running. Close waits for a plan that is being compiled for a call
// whose context has ended. Close is idempotent.
func (m *Model) Close() error {
	err := errors.Join(m.plans.close(), m.sam.close())
	if c, ok := m.Network.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	if m.owned {
		err = errors.Join(err, m.on.Close())
	}
	return err
}

// Run computes the network's outputs for x [B, H, W, C], followed by the values of
// stages. The caller has preprocessed x. Images are channels-last.
func (m *Model) Run(ctx context.Context, x *tensor.Tensor, stages ...string) ([]*tensor.Tensor, error) {
	return m.run(ctx, false, stages, x)
}

// run computes all outputs, or only the main one, and then stages.
func (m *Model) run(ctx context.Context, main bool, stages []string, x *tensor.Tensor) ([]*tensor.Tensor, error) {
	out, err := m.plans.run(ctx, planKey(x.Shape, main, stages), m.compile(main, stages, x.Shape), x)
	if n, ok := m.Network.(*zoo.ONNX); ok && !main && err == nil {
		return n.Results(x.Shape, out)
	}
	return out, err
}

// compile returns a function that compiles the network for an input of shape x.
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
		if n, ok := m.Network.(*zoo.ONNX); ok {
			g, _ = n.Optimize(g) // right in any case
		}
		return m.compileGraph(g)
	}
}

// planKey names the plan that run uses.
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
