package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
)

// versionLine returns the line that "version" and --version print.
func versionLine() string {
	return fmt.Sprintf("vertebra %s, %s, %s/%s\n", bench.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(c.OutOrStdout(), versionLine())
			return err
		},
	}
}
