package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan returns the command that packages of the program are made with.
func newMan() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:    "man -o DIR",
		Short:  "Write the manual pages",
		Long:   `Writes a page of the manual for each command.`,
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return err
			}
			root := c.Root()
			root.DisableAutoGenTag = true
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "vertebra", Manual: "vertebra"}, dir)
		},
	}
	c.Flags().StringVarP(&dir, "output", "o", "", "`FOLDER` to write the files to")
	c.MarkFlagRequired("output")
	c.MarkFlagDirname("output")
	return c
}
