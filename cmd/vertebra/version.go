package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/gpu"
)

// versionLine returns the line that "version" and --version print.
func versionLine() string {
	line := fmt.Sprintf("vertebra %s, ", bench.Version())
	if c := commit(); c != "" {
		line += c + ", "
	}
	return line + fmt.Sprintf("%s, %s/%s, %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, gpu.Binding)
}

// commit returns the commit that the program was built from, or "" if its build
// information has none.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	text := ""
	for _, s := range info.Settings { // in order of the keys: modified comes before revision
		switch {
		case s.Key == "vcs.modified" && s.Value == "true":
			text = " with changes"
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			text = "commit " + s.Value[:12] + text
		}
	}
	return text
}

func newVersion() *cobra.Command {
	var verbose bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Prints the version, the commit, the Go it was built with, the system, and the module and
the library that reach the GPU.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w := c.OutOrStdout()
			if _, err := fmt.Fprint(w, versionLine()); err != nil || !verbose {
				return err
			}
			return printAdapters(w)
		},
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "list the adapters, too")
	return c
}

// printAdapters writes a line for each adapter, as a report about a fault needs it.
func printAdapters(w io.Writer) error {
	infos, err := gpu.Adapters("")
	if err != nil {
		return err
	}
	if len(infos) == 0 {
		fmt.Fprintln(w, "no adapter: there is no driver for a GPU")
	}
	for i, info := range infos {
		fmt.Fprintf(w, "adapter %d: %s (%s), %s, %s\n", i, info.Name, info.Type, info.Backend, info.Driver)
	}
	return nil
}
