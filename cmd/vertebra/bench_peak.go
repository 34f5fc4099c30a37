package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
)

func newBenchPeak(s *settings) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "peak",
		Short: "Measure the peak rates of the device",
		Long: `Measures the rate of multiply-adds in float32 and the bandwidth of copies, with
kernels that do nothing else. The result is the best of several runs after a warm-up.
On a quiet machine, the median and the least of these runs are near the best.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := s.gpu()
			if err != nil {
				return err
			}
			defer m.close()
			load := bench.WatchLoad()
			peak, err := bench.MeasurePeak(c.Context(), m.dev)
			if err != nil {
				return err
			}
			r := bench.Report[struct{}]{Kind: "peak", Machine: bench.Describe(m.dev), OthersCores: load.Others(), Peak: &peak}
			s.warnBusy(c.ErrOrStderr(), r.Machine, r.OthersCores)
			if asJSON {
				return printJSON(c.OutOrStdout(), r)
			}
			if !s.quiet {
				fmt.Fprintf(c.OutOrStdout(), "device: %v\n", m)
			}
			printPeak(c.OutOrStdout(), peak)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return c
}

func printPeak(w io.Writer, p bench.Peak) {
	fmt.Fprintf(w, "peak: %.1f GFLOP/s in multiply-adds (median %.1f, least %.1f), %.2f GB/s in copies, read and written (median %.2f, least %.2f)\n",
		p.GFLOPS, p.GFLOPSMedian, p.GFLOPSLeast, p.GBS, p.GBSMedian, p.GBSLeast)
}
