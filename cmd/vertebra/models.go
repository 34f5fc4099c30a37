package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newModels(s *settings) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "models [WORD]",
		Short: "List the models, and where their weights are",
		Long: `Lists the models by the names that other commands take, all or those with WORD in
their name, with the size of pictures that each is usually shown, where its weights
are and the licence of these. What --quiet leaves is the names.`,
		Example: `  vertebra models
  vertebra models swin
  vertebra models resnet50 --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			word := ""
			if len(args) > 0 {
				word = args[0]
			}
			rows := listModels(word)
			switch {
			case len(rows) == 0:
				_, err := lookup(word)
				return err
			case asJSON:
				return printJSON(c.OutOrStdout(), rows)
			}
			return printModels(c.OutOrStdout(), rows, s.quiet)
		},
		ValidArgsFunction: completeModel,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return c
}

// listedModel is a model of the registry.
type listedModel struct {
	Name     string `json:"name"`
	Size     int    `json:"size"` // height and width of its usual input
	Channels int    `json:"channels"`
	Input    string `json:"input"`
	Paper    string `json:"paper"`
	Weights  string `json:"weights"` // where they are
	Hash     string `json:"hash,omitempty"`
	Licence  string `json:"licence"` // of the weights
}

// listModels are the models with a word in their name.
func listModels(word string) []listedModel {
	var rows []listedModel
	for _, e := range zoo.Models {
		if strings.Contains(e.Name, strings.ToLower(word)) {
			rows = append(rows, listedModel{e.Name, e.Size, e.Channels, e.Input, e.Paper, e.Checkpoint, e.Hash, e.Licence})
		}
	}
	return rows
}

func printModels(out io.Writer, rows []listedModel, quiet bool) error {
	if quiet {
		for _, r := range rows {
			fmt.Fprintln(out, r.Name)
		}
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tinput\tweights\tlicence")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%dx%dx%d\t%s\t%s\n", r.Name, r.Channels, r.Size, r.Size, r.Weights, r.Licence)
	}
	return w.Flush()
}

// lookup finds a model by name.
func lookup(name string) (zoo.Model, error) {
	e, err := zoo.Lookup(name)
	if err != nil {
		return e, fmt.Errorf("%w; \"vertebra models\" lists all", err)
	}
	return e, nil
}

// modelNames are the names in the registry.
func modelNames() []string {
	var names []string
	for _, e := range zoo.Models {
		names = append(names, e.Name)
	}
	return names
}

// completeModel completes a first argument that is the name of a model, and
// leaves further ones to the shell.
func completeModel(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return modelNames(), cobra.ShellCompDirectiveNoFileComp
}
