package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
)

// machine runs graphs: on a GPU, or in plain Go if dev is nil.
type machine struct{ dev *gpu.Device }

// open opens the device that the flags of devices select. The caller closes it.
func (s *settings) open() (*machine, error) {
	if strings.EqualFold(s.device, "cpu") {
		if s.backend != "" || s.limits != "" || s.kind != "" || s.f16 || s.f16Values {
			return nil, errors.New("--device cpu runs in plain Go and has no --backend, --limits, --kind, --f16 or --f16-values")
		}
		return &machine{}, nil
	}
	d, err := vision.OpenDevice(vision.DeviceOptions{
		Name: s.device, Backend: s.backend, Limits: s.limits, Kind: s.kind,
		F16: s.f16, F16Values: s.f16Values, Untuned: s.untuned, TuningFault: s.tuningFault,
	})
	if err != nil {
		return nil, withoutGPU(err, s.backend)
	}
	return &machine{d.GPU()}, nil
}

// tunings is where "vertebra tune" keeps its results.
func (s *settings) tunings() gpu.Tunings {
	t := vision.Tunings()
	t.Fault = s.tuningFault
	return t
}

// tuningFault says that a tuning is ignored.
func (s *settings) tuningFault(err error) {
	if !s.quiet {
		complain(s.stderr, err)
	}
}

// withoutGPU adds a hint to the error that there is no adapter.
func withoutGPU(err error, backend string) error {
	if errors.Is(err, gpu.ErrNoAdapter) {
		return fmt.Errorf("%w; or give --device cpu, which is slow", err)
	}
	return err
}

// close closes the GPU.
func (m *machine) close() {
	if m.dev != nil {
		m.dev.Close()
	}
}

// String describes the device.
func (m *machine) String() string {
	if m.dev == nil {
		return "no GPU: plain Go on all cores of this computer (slow)"
	}
	return m.dev.Info().String()
}

// program is a graph ready to run. plan is nil without a GPU.
type program struct {
	graph *graph.Graph
	plan  *gpu.Plan
}

// compile makes g ready. The caller closes the program.
func (m *machine) compile(g *graph.Graph, c gpu.Choice) (*program, error) {
	p := &program{graph: g}
	if m.dev == nil {
		return p, nil
	}
	var err error
	p.plan, err = m.dev.CompileWith(g, c)
	return p, err
}

// compiler returns a Compiler with a choice of kernels. With poison, it fills the
// memory of each plan with NaN.
func (m *machine) compiler(c gpu.Choice, poison bool) vision.Compiler {
	return func(g *graph.Graph) (vision.Plan, error) {
		if m.dev == nil {
			return vision.Evaluate(g)
		}
		p, err := m.dev.CompileWith(g, c)
		if err != nil {
			return nil, err
		}
		if poison {
			err = p.Poison()
		}
		return p, err
	}
}

func (p *program) run(ctx context.Context, inputs ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	if p.plan == nil {
		return p.graph.Eval(ctx, inputs...)
	}
	return p.plan.Run(ctx, inputs...)
}

// poison fills the program's memory with NaN.
func (p *program) poison() error {
	if p.plan == nil {
		return nil
	}
	return p.plan.Poison()
}

func (p *program) close() {
	if p.plan != nil {
		p.plan.Close()
	}
}

func completeDevices(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	words := []string{"cpu\tplain Go, slow"}
	infos, _ := gpu.Adapters("")
	for i, info := range infos {
		words = append(words, fmt.Sprintf("%d\t%v", i, info))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
