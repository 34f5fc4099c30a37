// Package weights reads checkpoints and fills models with their tensors.
//
// Open opens a checkpoint: a safetensors file, a PyTorch file, a checkpoint in
// several files, or a folder from Hugging Face. Bind then gives each declared
// tensor of a model its numbers by name. The names come from the `weight` tags
// on the model's fields; Rename and Arrange adapt a checkpoint that has other
// names or another layout. Compare tells in advance what does not fit. Random
// replaces a checkpoint in tests and measurements. Unwrap finds a network below what
// training code puts before its names, or beside others.
//
// The example ownmodel declares a model, saves its weights with
// WriteSafetensors and binds them again.
package weights

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
)

// Source is a set of named tensors.
type Source interface {
	// Names lists the tensors in the checkpoint's order.
	Names() []string
	// Tensor reads one tensor and converts it to float32.
	Tensor(name string) (*tensor.Tensor, error)
}

// Checkpoint is a Source in a file. Its tensors stay valid after Close.
type Checkpoint interface {
	Source
	// Entry describes a tensor without reading it. It reports false if there
	// is no such tensor.
	Entry(name string) (Entry, bool)
	// View is Tensor without a copy where possible. The Data of a large, dense
	// float32 tensor then lies in the mapped file and is read-only, and so do the
	// Halves of a float16 matrix or kernel. The file stays mapped until the process
	// ends and must not be changed in place; to replace it, rename another file
	// over it.
	View(name string) (*tensor.Tensor, error)
	// Close unmaps the file, unless a view lies in it. It is idempotent.
	Close() error
}

// View reads a tensor by the View method of src if it has one (see Checkpoint),
// else by Tensor.
func View(src Source, name string) (*tensor.Tensor, error) {
	if v, ok := src.(interface {
		View(string) (*tensor.Tensor, error)
	}); ok {
		return v.View(name)
	}
	return src.Tensor(name)
}

// Open opens a checkpoint, which the caller closes. path is
//
//   - a safetensors or PyTorch file, told apart by content and not by extension;
//   - the index of a checkpoint in several files, see Shards;
//   - a folder from Hugging Face that holds one of these.
func Open(path string) (Checkpoint, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return openFolder(path)
	}
	if strings.HasSuffix(path, ".index.json") {
		return OpenShards(path)
	}
	return openFile(path)
}

// openFile opens a checkpoint in a single file.
func openFile(path string) (Checkpoint, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 512)
	n, _ := f.ReadAt(head, 0)
	switch head = head[:n]; {
	case len(head) > 8 && head[8] == '{':
		return OpenSafetensors(path)
	case isZip(head), isTar(head), isLegacy(head):
		return OpenPyTorch(path)
	case strings.HasPrefix(string(head), "version https://git-lfs"):
		return nil, fmt.Errorf("%s: a Git LFS pointer, not the file itself; git lfs pull fetches it", files.Quote(path))
	}
	return nil, fmt.Errorf("%s: neither a safetensors nor a PyTorch file", files.Quote(path))
}

// Map is a Source in memory, by name.
type Map map[string]*tensor.Tensor

// Names lists the tensors in alphabetical order.
func (m Map) Names() []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Tensor returns the tensor itself.
func (m Map) Tensor(name string) (*tensor.Tensor, error) {
	if t, ok := m[name]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("no tensor %s", shown(name))
}

// Entry describes a tensor. Its type is always F32.
func (m Map) Entry(name string) (Entry, bool) {
	t, ok := m[name]
	if !ok {
		return Entry{}, false
	}
	return Entry{DType: "F32", Shape: t.Shape, Bytes: 4 * int64(t.Shape.Len())}, true
}

// Rename presents src under other names. f turns a name of src into the model's
// name, or into "" to leave the tensor out. If two tensors get the same name, the
// later one counts.
func Rename(src Source, f func(string) string) Source {
	r := renamed{src: src, from: map[string]string{}}
	for _, n := range src.Names() {
		to := f(n)
		if to == "" {
			continue
		}
		if _, twice := r.from[to]; !twice {
			r.names = append(r.names, to)
		}
		r.from[to] = n
	}
	return r
}

type renamed struct {
	src   Source
	names []string
	from  map[string]string
}

func (r renamed) Names() []string { return r.names }

func (r renamed) Tensor(name string) (*tensor.Tensor, error) {
	return r.tensor(name, Source.Tensor)
}

func (r renamed) View(name string) (*tensor.Tensor, error) { return r.tensor(name, View) }

func (r renamed) tensor(name string, read func(Source, string) (*tensor.Tensor, error)) (*tensor.Tensor, error) {
	from, ok := r.from[name]
	if !ok {
		return nil, fmt.Errorf("no tensor %s", shown(name))
	}
	t, err := read(r.src, from)
	if err != nil {
		return nil, err
	}
	return &tensor.Tensor{Name: name, Shape: t.Shape, Data: t.Data, Halves: t.Halves, Unload: t.Unload}, nil
}

func (r renamed) Entry(name string) (Entry, bool) {
	if from, ok := r.from[name]; ok {
		return Describe(r.src, from)
	}
	return Entry{}, false
}

// Describe describes a tensor without reading it, if the source can.
func Describe(src Source, name string) (Entry, bool) {
	if d, ok := src.(interface{ Entry(string) (Entry, bool) }); ok {
		return d.Entry(name)
	}
	return Entry{}, false
}

// shown returns a name from a file as an error may show it: printable, and not too
// long.
func shown(name string) string {
	const most = 200
	if len(name) > most {
		name = name[:most] + "…"
	}
	return files.Quote(name)
}
