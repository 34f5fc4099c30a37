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
		Short: "Measure the device, single kernels, whole models, or how these grow",
		Long: `Measures the device, single kernels, whole models, or how these grow with the
picture. With --json each prints an object that says what was measured on, too:
adapter, driver, backend, version, system; "vertebra bench compare" sets two such
files side by side. Times are in seconds, gflops are 1e9 operations a second, flops
are operations. On a machine that is busy with something else, a warning says so,
and others_cores in the JSON: how many cores other processes kept busy.`,
		Example: `  vertebra bench peak
  vertebra bench ops --filter layer1
  vertebra bench model espcn --scale 3 --size 256 --json > here.json
  vertebra bench compare here.json there.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newBenchPeak(s), newBenchOps(s), newBenchModel(s), newBenchScale(s), newBenchCompare(s))
	return c
}

// gpu opens the device and insists on a GPU.
func (s *settings) gpu() (*machine, error) {
	m, err := s.open()
	if err == nil && m.dev == nil {
		return nil, errors.New("kernels are measured on a GPU, not with --device cpu")
	}
	return m, err
}

// warnBusy says on w that others kept the machine busy meanwhile.
func (s *settings) warnBusy(w io.Writer, m bench.Machine, others *float64) {
	if others != nil && m.Disturbed(*others) && !s.quiet {
		fmt.Fprintf(w, "warning: other processes kept %.1f of %d cores busy meanwhile: believe no time of this run\n", *others, m.Cores)
	}
}
