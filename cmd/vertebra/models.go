package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/vision/hub"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newModels(s *settings) *cobra.Command {
	l := &modelList{settings: s}
	c := &cobra.Command{
		Use:   "models [WORD]",
		Short: "List the models and their weights",
		Long: `Lists the models by the names that other commands take: all models, models with WORD
in their name, or models for a task. A line shows the task, the usual height and width
of the input, and the licence of the weights. --wide adds the size of the weights, or
that they are here, and their address. --downloaded lists only what is in the caches of
"vertebra pull", with repositories of Hugging Face that any program downloaded. In JSON,
a hash is shortened if only its beginning is published. --quiet prints only the names.

The weights may have the layout of the authors, torchvision, timm, open_clip or the
transformers library. Commands also take the path of a checkpoint in place of a name.
That may be a ViT, DeiT, MAE, Swin, ResNet, CLIP or SAM of any size.`,
		Example: `  vertebra models
  vertebra models swin --wide
  vertebra models --task segmentation
  vertebra models --downloaded
  vertebra models rm resnet50 hf:openai/clip-vit-base-patch32
  vertebra models resnet50 --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				l.word = args[0]
			}
			return l.print(c.OutOrStdout())
		},
		ValidArgsFunction: modelArgument(ofAny),
	}
	f := c.Flags()
	f.StringVar(&l.task, "task", "", "only models for this task: "+strings.Join(taskNames(), ", "))
	f.BoolVar(&l.here, "downloaded", false, "only models whose weights were downloaded, with their places")
	f.BoolVar(&l.wide, "wide", false, "print the size of the weights and where they are")
	f.BoolVar(&l.json, "json", false, "print a JSON array with all details")
	c.AddCommand(newModelsRemove(s))
	c.RegisterFlagCompletionFunc("task", cobra.FixedCompletions(taskNames(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

// taskNames returns the names of the tasks.
func taskNames() []string {
	var names []string
	for _, t := range zoo.Tasks() {
		names = append(names, t.String())
	}
	return names
}

// modelList says which models to list, and how.
type modelList struct {
	*settings
	word, task string
	wide, json bool
	here       bool
	hub        *hub.Hub
}

// listedModel is a model of the registry.
type listedModel struct {
	Name     string       `json:"name"`
	Task     string       `json:"task"`
	Size     int          `json:"size_pixels"` // height and width of its usual input
	Channels int          `json:"channels"`
	Input    string       `json:"input"`
	Paper    string       `json:"paper"`
	BuiltIn  bool         `json:"weights_built_in"`
	Terms    string       `json:"terms,omitempty"` // of built-in weights
	Files    []listedFile `json:"files"`
}

type listedFile struct {
	URL           string `json:"url"`
	Bytes         int64  `json:"bytes,omitempty"`
	SHA256        string `json:"sha256,omitempty"` // or its beginning
	MD5           string `json:"md5,omitempty"`
	Licence       string `json:"licence"`
	Terms         string `json:"terms"`
	NonCommercial bool   `json:"non_commercial"`
	Path          string `json:"path,omitempty"` // if a cache has it
}

// models returns the models for the task with the word in their names.
func (l *modelList) models() ([]zoo.Model, error) {
	all := zoo.Models()
	if l.task != "" {
		t, err := zoo.ParseTask(l.task)
		if err != nil {
			return nil, fmt.Errorf("--task: %w", err)
		}
		all = zoo.ModelsFor(t)
	}
	if found := named(all, l.word); len(found) > 0 {
		return found, nil
	}
	if len(named(zoo.Models(), l.word)) > 0 {
		return nil, fmt.Errorf("no model for %s has %q in its name; \"vertebra models %s\" has more", l.task, l.word, l.word)
	}
	_, err := lookup(l.word)
	return nil, err
}

// named returns the models with a word in their names.
func named(all []zoo.Model, word string) []zoo.Model {
	var found []zoo.Model
	for _, m := range all {
		if strings.Contains(m.Name, strings.ToLower(word)) {
			found = append(found, m)
		}
	}
	return found
}

func (l *modelList) print(out io.Writer) error {
	all, err := l.models()
	if err != nil {
		return err
	}
	if l.hub, err = hub.FromEnvironment(); err != nil {
		return err
	}
	if l.here {
		return l.downloaded(out, all)
	}
	switch {
	case l.json:
		return printJSON(out, l.listed(all))
	case l.quiet:
		for _, m := range all {
			fmt.Fprintln(out, m.Name)
		}
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := "name\ttask\tsize\tlicence"
	if l.wide {
		head += "\tdownload\tweights"
	}
	fmt.Fprintln(w, head)
	for _, m := range all {
		fmt.Fprintf(w, "%s\t%v\t%dx%d\t%s", m.Name, m.Task, m.Size, m.Size, cmp.Or(m.Licence(), "no weights"))
		if l.wide {
			fmt.Fprintf(w, "\t%s\t%s", l.download(m), place(m))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// download returns the size of the weights, or says that they are here.
func (l *modelList) download(m zoo.Model) string {
	if slices.ContainsFunc(m.Files, func(f zoo.File) bool { _, ok := l.hub.Find(f); return ok }) {
		return "here"
	}
	switch n, exact := m.Download(); {
	case n == 0:
		return "-"
	case !exact:
		return "~" + bytesText(n)
	default:
		return bytesText(n)
	}
}

// place returns the address of the weights.
func place(m zoo.Model) string {
	switch {
	case m.Weights != nil:
		return "built in"
	case len(m.Files) == 0:
		return "none published"
	}
	return m.Files[0].URL
}

// listed returns all details of models.
func (l *modelList) listed(all []zoo.Model) []listedModel {
	var rows []listedModel
	for _, m := range all {
		r := listedModel{m.Name, m.Task.String(), m.Size, m.Channels, m.Input, m.Paper, m.Weights != nil, m.Terms, []listedFile{}}
		for _, f := range m.Files {
			path, ok := l.hub.Find(f)
			if !ok {
				path = ""
			}
			r.Files = append(r.Files, listedFile{f.URL, f.Bytes, f.SHA256, f.MD5, f.Licence(), f.Terms, f.NonCommercial, path})
		}
		rows = append(rows, r)
	}
	return rows
}

// lookupFile finds a model by name or by the path of a checkpoint; key is --key.
func lookupFile(name, key string) (zoo.Model, error) {
	e, err := zoo.Lookup(name)
	if err == nil {
		return e, nil
	}
	if _, bad := os.Stat(name); bad != nil {
		return lookup(name)
	}
	return zoo.Identify(name, key)
}

// lookup finds a model by name.
func lookup(name string) (zoo.Model, error) {
	e, err := zoo.Lookup(name)
	if err != nil {
		return e, fmt.Errorf("%w; \"vertebra models\" lists all", err)
	}
	return e, nil
}
