package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/internal/files"
)

func newBenchCompare(s *settings) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "compare A.json B.json",
		Short: "Compare two results of bench",
		Long: `Compares the --json output of two runs of the same bench command, for example on two
machines or before and after a change. It prints the values that both have, the ratio
B/A and the geometric mean of the ratios. B is faster if a ratio of times is below 1
or a ratio of rates above 1. For bench ops --all-kernels, it compares only the default
programs.`,
		Example: `  vertebra bench ops --json > a.json
  vertebra bench compare a.json b.json
  vertebra bench compare a.json b.json --json`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, args []string) error {
			r, err := bench.CompareFiles(args[0], args[1])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), r)
			}
			return printComparison(c.OutOrStdout(), r, s.quiet)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return c
}

// shown says how to print a quantity of a report.
var shown = map[string]struct {
	title string
	scale float64
}{
	"gflops":               {"multiply-adds, GFLOP/s", 1},
	"gigabytes_per_second": {"copies, GB/s", 1},
	"kernel_seconds":       {"kernels, ms", 1e3},
	"median_seconds":       {"a run, median, ms", 1e3},
	"first_output_seconds": {"first output, ms", 1e3},
}

func printComparison(out io.Writer, c bench.Comparison, quiet bool) error {
	if !quiet {
		fmt.Fprintf(out, "A: %s\nB: %s\n", files.Escape(fmt.Sprint(c.A)), files.Escape(fmt.Sprint(c.B)))
		for _, m := range []struct {
			name    string
			machine bench.Machine
			others  *float64
		}{{"A", c.A, c.OthersA}, {"B", c.B, c.OthersB}} {
			if m.others != nil && m.machine.Disturbed(*m.others) {
				fmt.Fprintf(out, "on %s, other processes kept %.1f of %d cores busy\n", m.name, *m.others, m.machine.Cores)
			}
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, q := range c.Quantities {
		s := shown[q.Name]
		fmt.Fprintf(w, "\n%s\tA\tB\tB/A\n", s.title)
		for _, p := range q.Pairs {
			fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\n", files.Quote(p.Name), s.scale*p.A, s.scale*p.B, p.Ratio)
		}
		if len(q.Pairs) > 1 {
			fmt.Fprintf(w, "geometric mean\t\t\t%.2f\n", q.Mean)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(c.OnlyA)+len(c.OnlyB) > 0 {
		fmt.Fprintln(out)
	}
	for _, only := range []struct {
		in    string
		names []string
	}{{"A", c.OnlyA}, {"B", c.OnlyB}} {
		if len(only.names) > 0 {
			fmt.Fprintf(out, "only in %s: %s\n", only.in, files.Escape(strings.Join(only.names, "; ")))
		}
	}
	return nil
}
