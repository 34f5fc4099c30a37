package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
)

func newBench(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure the device, kernels or models",
		Long: `Measures the device, single kernels, whole models, or how a model's cost grows with
the picture. With --json each command prints an object, which also names the adapter,
driver, backend, version and system. "vertebra bench compare" compares two such
files. Times are in seconds; gflops are 1e9 operations per second; flops are
operations. If other processes keep the machine busy, a warning says so. In JSON,
others_cores is the number of cores that they used.`,
		Example: `  vertebra bench peak
  vertebra bench ops --filter layer1
  vertebra bench card -o cards/
  vertebra bench model espcn --scale 3 --size 256 --json > here.json
  vertebra bench compare here.json there.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newBenchPeak(s), newBenchOps(s), newBenchModel(s), newBenchScale(s), newBenchCard(s), newBenchCompare(s))
	return c
}

// gpu opens the device. It is an error if that is not a GPU.
func (s *settings) gpu() (*machine, error) {
	m, err := s.open()
	if err == nil && m.dev == nil {
		return nil, errors.New("kernels are measured on a GPU, not with --device cpu")
	}
	return m, err
}

// warnBusy writes a warning to w if other processes kept the machine busy.
func (s *settings) warnBusy(w io.Writer, m bench.Machine, others *float64) {
	if others != nil && m.Disturbed(*others) && !s.quiet {
		fmt.Fprintf(w, "warning: other processes kept %.1f of %d cores busy: the times of this run are not reliable\n", *others, m.Cores)
	}
}
