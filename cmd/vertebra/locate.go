package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/hub"
	"github.com/vertebra/vertebra/vision/zoo"
)

// onFace begins the name of a repository on Hugging Face.
const onFace = "hf:"

// pullFlag adds the flag that downloads missing weights.
func (m *modelFlags) pullFlag(c *cobra.Command) {
	c.Flags().BoolVar(&m.pull, "pull", false, "download the weights if they are not there, as \"vertebra pull\" does")
}

// filesOf returns the files that a model needs: its usual checkpoint, and for a CLIP by
// OpenAI the vocabulary.
func filesOf(m zoo.Model) []zoo.File {
	all := m.Files[:1:1]
	if m.Task == zoo.Embed {
		all = append(all, zoo.CLIPVocabulary)
	}
	return all
}

// locate finds the weights in the caches of downloads. --weights may name a model or a
// repository in place of a file. Without --weights those of entry are looked for, unless
// they are built in. If there are none, --pull downloads them.
func (m *modelFlags) locate(c *cobra.Command, entry zoo.Model) error {
	name := m.weights
	if _, err := os.Stat(name); name != "" && err == nil {
		return nil
	}
	if reference, ok := strings.CutPrefix(name, onFace); ok {
		path, err := m.repository(c, reference)
		if err == nil {
			m.found(c, path)
		}
		return err
	}
	if name != "" {
		named, err := zoo.Lookup(name)
		if err != nil || !downloadable(named) {
			return nil // the error for a missing file follows
		}
		entry = named
	}
	if !downloadable(entry) {
		return nil
	}
	h, err := openHub(m.settings, c.ErrOrStderr())
	if err != nil {
		return err
	}
	for _, f := range entry.Files {
		if path, ok := h.Find(f); ok {
			m.found(c, path)
			return nil
		}
	}
	if !m.pull {
		if name != "" {
			return notHere(entry.Name)
		}
		return nil
	}
	path, err := m.download(c, h, entry)
	if err == nil {
		m.found(c, path)
	}
	return err
}

// locateFor is locate for a command without a MODEL. Without --weights it takes any model
// for the task that a cache has.
func (m *modelFlags) locateFor(c *cobra.Command, t zoo.Task) error {
	start, err := zoo.Start(t)
	if err != nil {
		return err
	}
	if m.weights == "" {
		h, err := hub.FromEnvironment()
		if err != nil {
			return err
		}
		for _, e := range append([]zoo.Model{start}, zoo.ModelsFor(t)...) {
			if downloadable(e) && slices.ContainsFunc(e.Files, func(f zoo.File) bool { _, ok := h.Find(f); return ok }) {
				start = e
				break
			}
		}
	}
	if err := m.locate(c, start); err != nil {
		return err
	}
	if m.weights == "" {
		return wantWeights(c, start)
	}
	return nil
}

// download fetches the files of a model and returns the path of its weights.
func (m *modelFlags) download(c *cobra.Command, h *hub.Hub, entry zoo.Model) (string, error) {
	all := filesOf(entry)
	if all[0].NonCommercial {
		return "", needsAccept(entry.Name, all[0].Licence())
	}
	if !m.quiet {
		fmt.Fprintf(c.ErrOrStderr(), "%s: downloading %s\n", entry.Name, entry.Where())
	}
	var path string
	for i, f := range all {
		found, err := h.Fetch(c.Context(), f)
		if err != nil {
			return "", err
		}
		if i == 0 {
			path = found.Path
		}
	}
	return path, nil
}

// repository returns the folder of a repository on Hugging Face.
func (m *modelFlags) repository(c *cobra.Command, reference string) (string, error) {
	name, revision, err := hub.ParseReference(reference)
	if err != nil {
		return "", err
	}
	h, err := openHub(m.settings, c.ErrOrStderr())
	if err != nil {
		return "", err
	}
	if folder, ok := h.FindRepository(name, revision); ok {
		return folder, nil
	}
	if !m.pull {
		return "", notHere(onFace + reference)
	}
	r, err := h.Repository(c.Context(), name, revision)
	if err != nil {
		return "", err
	}
	if r.NonCommercial() {
		return "", needsAccept(onFace+reference, r.Licence)
	}
	if !m.quiet {
		fmt.Fprintf(c.ErrOrStderr(), "%s: downloading (%s)\n", name, files.Quote(r.Licence))
	}
	if _, err := h.FetchRepository(c.Context(), r); err != nil {
		return "", err
	}
	folder, _ := h.FindRepository(name, revision)
	return folder, nil
}

// notHere is the error for weights that no cache has.
func notHere(name string) error {
	return fmt.Errorf("%s is not downloaded: \"vertebra pull %s\" gets it, or give --pull", name, name)
}

// found takes weights from a cache, and says so.
func (m *modelFlags) found(c *cobra.Command, path string) {
	if m.weights = path; !m.quiet {
		fmt.Fprintf(c.ErrOrStderr(), "weights: %s\n", files.Quote(path))
	}
}
