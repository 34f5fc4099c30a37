package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
)

// Shards is a checkpoint in several files, as the transformers library splits
// large ones. An index, NAME.index.json, says which tensor is in which file of
// its folder.
type Shards struct {
	Files []string // names without the folder, in alphabetical order

	names []string
	in    map[string]Checkpoint // file of each tensor
	open  []Checkpoint
}

// OpenShards opens the index at path and all files that it names. Each file must
// exist and hold exactly the tensors that the index lists for it. The caller
// closes the checkpoint.
func OpenShards(path string) (*Shards, error) {
	data, err := files.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var index struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := checkJSON(data); err != nil {
		return nil, fmt.Errorf("%s: %w", files.Quote(path), err)
	}
	if err := json.Unmarshal(data, &index); err != nil || len(index.Map) == 0 {
		return nil, fmt.Errorf("%s: not the index of a checkpoint in several files: it has no weight_map of names", files.Quote(path))
	}
	s := &Shards{in: map[string]Checkpoint{}}
	listed := map[string]int{}
	for _, file := range index.Map {
		if listed[file]++; listed[file] == 1 {
			s.Files = append(s.Files, file)
		}
	}
	sort.Strings(s.Files)
	for _, file := range s.Files {
		if err := s.add(filepath.Dir(path), file, index.Map, listed[file]); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", files.Quote(path), err), s.Close())
		}
	}
	return s, nil
}

// add opens a file for which the index lists the given number of tensors.
func (s *Shards) add(dir, file string, index map[string]string, listed int) error {
	if file != filepath.Base(file) || !filepath.IsLocal(file) || strings.ContainsAny(file, `/\`) {
		return fmt.Errorf("%q is not the name of a file in the same folder", file)
	}
	c, err := openFile(filepath.Join(dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("file %s is missing: it holds %d of %d tensors", shown(file), listed, len(index))
	}
	if err != nil {
		return err
	}
	s.open = append(s.open, c)
	for _, name := range c.Names() {
		if index[name] != file {
			return fmt.Errorf("%s holds %s, which the index does not list for it", shown(file), shown(name))
		}
		s.in[name] = c
		s.names = append(s.names, name)
	}
	if len(c.Names()) == listed {
		return nil
	}
	var missing []string
	for name, in := range index {
		if _, there := c.Entry(name); in == file && !there {
			missing = append(missing, name)
		}
	}
	sort.Strings(missing)
	return fmt.Errorf("%s lacks %d of the tensors that the index lists for it, such as %s", shown(file), len(missing), shown(missing[0]))
}

// Names lists the tensors file by file.
func (s *Shards) Names() []string { return s.names }

// Entry describes a tensor without reading it.
func (s *Shards) Entry(name string) (Entry, bool) {
	if c, ok := s.in[name]; ok {
		return c.Entry(name)
	}
	return Entry{}, false
}

// Tensor returns a copy of a tensor, converted to float32.
func (s *Shards) Tensor(name string) (*tensor.Tensor, error) {
	if c, ok := s.in[name]; ok {
		return c.Tensor(name)
	}
	return nil, fmt.Errorf("no tensor %s", shown(name))
}

// View returns a tensor in place in its mapped file; see Checkpoint.
func (s *Shards) View(name string) (*tensor.Tensor, error) {
	if c, ok := s.in[name]; ok {
		return c.View(name)
	}
	return nil, fmt.Errorf("no tensor %s", shown(name))
}

// Close unmaps the files; see Checkpoint. It is idempotent.
func (s *Shards) Close() error {
	var errs []error
	for _, c := range s.open {
		errs = append(errs, c.Close())
	}
	s.names, s.in, s.open = nil, nil, nil
	return errors.Join(errs...)
}

// inFolder lists the names of checkpoints in Hugging Face's folders, the
// preferred one first. The last ones are of open_clip.
var inFolder = []string{
	"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
	"open_clip_model.safetensors", "open_clip_pytorch_model.bin",
}

// openFolder opens the checkpoint in a folder.
func openFolder(dir string) (Checkpoint, error) {
	for _, name := range inFolder {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return Open(path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	there := ""
	if entries, err := os.ReadDir(dir); err == nil {
		for _, e := range entries {
			switch filepath.Ext(e.Name()) {
			case ".safetensors", ".pth", ".pt", ".th", ".bin":
				if there == "" {
					there = "; to use another file, name it: " + files.Quote(filepath.Join(dir, e.Name()))
				}
			}
		}
	}
	return nil, fmt.Errorf("%s: this folder has neither model.safetensors nor pytorch_model.bin, nor the .index.json of either%s", files.Quote(dir), there)
}
