package ui

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/vertebra/vertebra/vision/hub"
	"github.com/vertebra/vertebra/vision/zoo"
)

// Catalog lists models.
type Catalog struct {
	Models  []Listed `json:"models"`  // of the registry
	Choices []Choice `json:"choices"` // what can be used at once
}

// Listed is a model of the registry.
type Listed struct {
	Name          string `json:"name"`
	Task          string `json:"task"`
	Does          string `json:"does"` // such as "names what is in a picture"
	Size          int    `json:"size"` // usual height and width of the input
	Paper         string `json:"paper"`
	Licence       string `json:"licence"`
	Terms         string `json:"terms,omitempty"`
	NonCommercial bool   `json:"non_commercial"`
	BuiltIn       bool   `json:"built_in"`
	Published     bool   `json:"published"`
	Bytes         int64  `json:"bytes"` // of the download
	Exact         bool   `json:"exact"` // Bytes is published and no estimate
	URL           string `json:"url,omitempty"`
	Path          string `json:"path,omitempty"` // in a cache
}

func (s *Server) models(http.ResponseWriter, *http.Request) (any, error) {
	c := Catalog{Models: []Listed{}, Choices: s.engine.choices()}
	for _, m := range zoo.Models() {
		l := Listed{Name: m.Name, Task: m.Task.String(), Does: m.Task.Does(), Size: m.Size, Paper: m.Paper,
			Licence: m.Licence(), Terms: m.Terms, BuiltIn: m.Weights != nil, Published: len(m.Files) > 0}
		l.Bytes, l.Exact = m.Download()
		if l.Published {
			f := m.Files[0]
			l.URL, l.NonCommercial = f.URL, f.NonCommercial
			if !l.BuiltIn {
				l.Terms = f.Terms
			}
		}
		l.Path, _ = s.engine.find(m)
		c.Models = append(c.Models, l)
	}
	return c, nil
}

// filesOf returns the files that a model needs: its usual checkpoint, and for OpenAI's
// CLIP the vocabulary.
func filesOf(m zoo.Model) []zoo.File {
	all := m.Files[:1:1]
	if m.Task == zoo.Embed {
		all = append(all, zoo.CLIPVocabulary)
	}
	return all
}

// Downloaded is the result of download.
type Downloaded struct {
	Files []DownloadedFile `json:"files"`
	Fits  string           `json:"fits,omitempty"` // of a repository: which model of the registry, if any
}

func (d *Downloaded) add(f hub.Found) {
	d.Files = append(d.Files, DownloadedFile{f.Path, f.Bytes, f.Checked, f.Fetched})
}

// DownloadedFile is a file that is in a cache now.
type DownloadedFile struct {
	Path    string `json:"path"`
	Bytes   int64  `json:"bytes"`
	Checked string `json:"checked"` // what of its bytes was compared
	Fetched bool   `json:"fetched"` // it was not there before
}

// startDownload starts the download of a model's weights, or of a repository.
func (s *Server) startDownload(q Request) (any, error) {
	if reference, ok := strings.CutPrefix(q.Model, onFace); ok {
		return s.startRepository(q, reference)
	}
	m, err := zoo.Lookup(q.Model)
	switch {
	case err != nil:
		return nil, missing("%v", err)
	case s.options.Hub == nil:
		return nil, wrong("this server downloads nothing")
	case len(m.Files) == 0:
		return nil, wrong("no weights of %s are published", m.Name)
	case m.Files[0].NonCommercial && !q.Accept:
		return nil, nonCommercial(m.Name, m.Files[0].Licence())
	}
	return s.jobs.start(q, false, func(ctx context.Context, t *task) (any, error) { return s.download(ctx, t, m) })
}

func (s *Server) download(ctx context.Context, t *task, m zoo.Model) (any, error) {
	h := *s.options.Hub
	h.Progress = t.downloading(nil)
	out := Downloaded{}
	for _, f := range filesOf(m) {
		got, err := h.Fetch(ctx, f)
		if err != nil {
			return nil, err
		}
		out.add(got)
	}
	return out, nil
}

// removeModel removes the downloaded weights of a model, or a repository.
func (s *Server) removeModel(_ http.ResponseWriter, r *http.Request) (any, error) {
	name := r.PathValue("name")
	if err := s.engine.forget(name); err != nil {
		return nil, err
	}
	if repository, ok := strings.CutPrefix(name, onFace); ok && s.options.Hub != nil {
		n, err := s.options.Hub.RemoveRepository(repository)
		return map[string]int64{"bytes": n}, err
	}
	m, err := zoo.Lookup(name)
	if err != nil {
		return nil, missing("%v", err)
	}
	if s.options.Hub == nil {
		return nil, wrong("this server has no downloads")
	}
	freed, any := int64(0), false
	for _, f := range m.Files {
		n, err := s.options.Hub.Remove(f)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		freed, any = freed+n, any || err == nil
	}
	if !any {
		return nil, missing("%s is not downloaded", m.Name)
	}
	return map[string]int64{"bytes": freed}, nil
}

// escapeName encodes a file's name for Content-Disposition (RFC 5987).
func escapeName(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._-", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
