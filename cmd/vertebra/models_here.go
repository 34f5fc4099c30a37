package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/hub"
	"github.com/vertebra/vertebra/vision/zoo"
)

// downloadedRow is a model, or a repository of Hugging Face, in the caches.
type downloadedRow struct {
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`
	Licence string `json:"licence,omitempty"`
	Path    string `json:"path"`
}

// downloaded lists what of all is in the caches, and without a word or a task also the
// repositories of Hugging Face.
func (l *modelList) downloaded(out io.Writer, all []zoo.Model) error {
	rows := []downloadedRow{}
	for _, m := range all {
		for _, f := range m.Files {
			if path, ok := l.hub.Find(f); ok {
				size := int64(0)
				if info, err := os.Stat(path); err == nil {
					size = info.Size()
				}
				rows = append(rows, downloadedRow{m.Name, size, f.Licence(), path})
			}
		}
	}
	if l.word == "" && l.task == "" {
		repositories, err := l.hub.Repositories()
		if err != nil {
			return err
		}
		for _, r := range repositories {
			path, _ := l.hub.FindRepository(r.Name, "main")
			rows = append(rows, downloadedRow{Name: onFace + r.Name, Bytes: r.Bytes, Path: cmp.Or(path, l.hub.Folder)})
		}
	}
	if l.json {
		return printJSON(out, rows)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		if l.quiet {
			fmt.Fprintln(w, files.Quote(r.Name))
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", files.Quote(r.Name), bytesText(r.Bytes), cmp.Or(r.Licence, "-"), files.Quote(r.Path))
	}
	return w.Flush()
}

// removedRow is a model that is in the caches no more.
type removedRow struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

func newModelsRemove(s *settings) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "rm NAME...",
		Short: "Remove downloaded weights",
		Long: `Removes the weights of models from the caches of downloads. NAME is a model, or
hf:OWNER/REPOSITORY for all that the cache has of a repository on Hugging Face. Other
programs that use the caches lose the files, too.`,
		Example: "  vertebra models rm resnet50 hf:openai/clip-vit-base-patch32",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, names []string) error {
			h, err := hub.FromEnvironment()
			if err != nil {
				return err
			}
			rows := []removedRow{}
			for _, name := range names {
				n, err := removeModel(h, name)
				if err != nil {
					return err
				}
				if rows = append(rows, removedRow{name, n}); !s.quiet && !asJSON {
					fmt.Fprintf(c.OutOrStdout(), "%s: %s removed\n", name, bytesText(n))
				}
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), rows)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return c
}

// removeModel removes what name stands for from the caches and returns its bytes.
func removeModel(h *hub.Hub, name string) (int64, error) {
	if repository, ok := strings.CutPrefix(name, onFace); ok {
		return h.RemoveRepository(repository)
	}
	m, err := lookup(name)
	if err != nil {
		return 0, err
	}
	total, gone := int64(0), false
	for _, f := range m.Files {
		n, err := h.Remove(f)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return total, err
		}
		total, gone = total+n, true
	}
	if !gone {
		return 0, fmt.Errorf("%s is not downloaded", name)
	}
	return total, nil
}
