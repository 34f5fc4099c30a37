package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/shaders"
)

func newShaders() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "shaders -o DIR",
		Short: "Write the WGSL of every kernel",
		Long: `Writes the WGSL of every form of every kernel, one file each, as the driver gets it:
with imports and constants inserted. The file's name has the kernel and the constants
that differ from those in its source.`,
		Example: `  vertebra shaders -o wgsl`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			texts, err := shaders.Catalog()
			if err != nil {
				return err
			}
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return err
			}
			for _, t := range texts {
				path := filepath.Join(dir, t.Name+".wgsl")
				err := files.Write(path, func(w io.Writer) error {
					_, err := io.WriteString(w, t.Source)
					return err
				})
				if err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%d kernels in %s\n", len(texts), files.Quote(dir))
			return err
		},
	}
	c.Flags().StringVarP(&dir, "output", "o", "", "`FOLDER` to write the files to")
	c.MarkFlagRequired("output")
	c.MarkFlagDirname("output")
	return c
}
