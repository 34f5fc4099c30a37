package golden

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// file is a reference file during reading.
type file struct {
	*weights.Safetensors
	name string
	dir  string   // the file's folder; "" if it is part of the program
	data []string // see Load
	arch string   // for a model: a key of architectures or suites

	made   []Case
	faults Faults
	seen   []string             // outputs, or prefixes of outputs, that cases use
	opened []weights.Checkpoint // checkpoints beside the file
}

// decode reads the config.
func (f *file) decode(to any) error {
	if err := json.Unmarshal([]byte(f.Metadata["config"]), to); err != nil {
		return fmt.Errorf("metadata config: %w", err)
	}
	return nil
}

// has reports whether the file has a tensor.
func (f *file) has(name string) bool {
	_, ok := f.Entry(name)
	return ok
}

// see records that an output, or all outputs below a name, are used.
func (f *file) see(name string) { f.seen = append(f.seen, name) }

// unread returns the outputs that no case uses.
func (f *file) unread() []string {
	var left []string
	for _, n := range f.Names() {
		if !strings.HasPrefix(n, "output/") {
			continue
		}
		if !slices.ContainsFunc(f.seen, func(s string) bool { return n == s || strings.HasPrefix(n, s+"/") }) {
			left = append(left, n)
		}
	}
	return left
}

// group returns the tensors below a prefix, without the prefix in their names.
func (f *file) group(prefix string) weights.Source {
	return weights.Rename(f, func(name string) string {
		if rest, ok := strings.CutPrefix(name, prefix+"/"); ok {
			return rest
		}
		return ""
	})
}

// tensor reads a tensor in PyTorch's layout.
func (f *file) tensor(name string) *tensor.Tensor {
	t, err := f.Tensor(name)
	if err != nil {
		panic(missing{err})
	}
	f.see(name)
	return t
}

// ranked reads a tensor that must have rank dimensions, none of them empty.
func (f *file) ranked(name string, rank int) *tensor.Tensor {
	t := f.tensor(name)
	if len(t.Shape) != rank || t.Shape.Len() == 0 {
		panic(missing{fmt.Errorf("%s is %v, want %d dimensions, none of them empty", files.Quote(name), t.Shape, rank)})
	}
	return t
}

// image reads an input [B, C, H, W] in the graph's layout.
func (f *file) image(name string) *tensor.Tensor { return f.ranked(name, 4).ToNHWC() }

// raw reads a stage or result in the file's layout.
func (f *file) raw(prefix, name string) *tensor.Tensor {
	t := f.tensor(prefix + name)
	t.Name = name
	return t
}

// named reads a stage or result in the graph's layout.
func (f *file) named(prefix, name string) *tensor.Tensor {
	t := channelsLast(f.tensor(prefix + name))
	t.Name = name
	return t
}

// channelsLast turns NCHW into NHWC and leaves other ranks unchanged.
func channelsLast(t *tensor.Tensor) *tensor.Tensor {
	if len(t.Shape) == 4 {
		return t.ToNHWC()
	}
	return t
}

// sub is one sub-case of a file of operations.
type sub struct {
	file  *file
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	attrs json.RawMessage
}

// decode reads the sub-case's attributes.
func (s sub) decode(to any) error {
	if err := json.Unmarshal(s.attrs, to); err != nil {
		return fmt.Errorf("metadata config: %w", err)
	}
	return nil
}

// in, weight and out read a tensor of the sub-case in PyTorch's layout.
func (s sub) in(name string) *tensor.Tensor     { return s.read("input", name) }
func (s sub) weight(name string) *tensor.Tensor { return s.read("weight", name) }
func (s sub) out(name string) *tensor.Tensor    { return s.read("output", name) }

// inImage and outImage read [B, C, H, W] in the graph's layout.
func (s sub) inImage(name string) *tensor.Tensor  { return s.ranked("input", name, 4).ToNHWC() }
func (s sub) outImage(name string) *tensor.Tensor { return s.ranked("output", name, 4).ToNHWC() }

// has reports whether the sub-case has the tensor "group/ID/name".
func (s sub) has(group, name string) bool { return s.file.has(group + "/" + s.ID + "/" + name) }

func (s sub) read(group, name string) *tensor.Tensor {
	return named(name, s.file.tensor(group+"/"+s.ID+"/"+name))
}

// ranked reads a tensor that must have rank dimensions, none of them empty.
func (s sub) ranked(group, name string, rank int) *tensor.Tensor {
	return named(name, s.file.ranked(group+"/"+s.ID+"/"+name, rank))
}

func named(name string, t *tensor.Tensor) *tensor.Tensor {
	t.Name = name
	return t
}
