package weights

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/internal/mapped"
	"github.com/vertebra/vertebra/tensor"
)

// PyTorch is a checkpoint written by torch.save or torch.jit.save: a zip
// archive, the format before version 1.6, or the tar archive of the first
// versions. It holds the tensors of one state dict. Their names are
//
//   - the keys, if the file is a dictionary of tensors;
//   - the keys of the state dict, if the file is a dictionary that holds one
//     among other things (epoch, optimizer, …), see Key;
//   - the attribute paths of parameters and persistent buffers, if the file is
//     a torch.nn.Module or a TorchScript archive.
//
// If every name has DataParallel's prefix "module.", it is removed.
//
// The file is a program for Python's unpickler, written by a stranger. It is
// never run: classes and functions are only names. The ones that rebuild tensors
// and dictionaries are understood, and every other object is opaque.
type PyTorch struct {
	// Format is "zip", "legacy" or "tar".
	Format string
	// Key is the path to the state dict in the saved value, such as
	// "state_dict" or "model". It is empty if the saved value is the state dict.
	Key string
	// Beside lists the keys next to that path that hold tensors too, such as
	// "optimizer".
	Beside []string
	// Groups lists the networks if the file holds several side by side, such as
	// "generator" and "discriminator". The names of all tensors then begin with
	// their keys, and Unwrap chooses one.
	Groups []Group

	value   any // as saved
	size    int // of the file
	names   []string
	entries map[string]view
	file    *mapped.File
}

// OpenPyTorch maps the file at path. The caller closes it.
func OpenPyTorch(path string) (*PyTorch, error) {
	m, err := mapped.Open(path)
	if err != nil {
		return nil, err
	}
	p, err := ReadPyTorch(m.Data)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", files.Quote(path), err), m.Close())
	}
	p.file = m
	return p, nil
}

// ReadPyTorch reads a file from memory. It keeps file, without copying it.
func ReadPyTorch(file []byte) (*PyTorch, error) {
	format, read := "legacy", readLegacy
	switch {
	case isZip(file):
		format, read = "zip", readZip
	case isTar(file):
		format, read = "tar", readTar
	}
	q := newQuota(len(file))
	value, err := read(file, q)
	if err != nil {
		return nil, fmt.Errorf("pytorch: %w", err)
	}
	p := &PyTorch{Format: format, value: value, size: len(file), entries: map[string]view{}}
	if err := p.collect(value, q, true); err != nil {
		return nil, fmt.Errorf("pytorch: %w", err)
	}
	return p, nil
}

// under returns the part of the checkpoint under a path of keys, or nil if there is
// none. It is closed with p.
func (p *PyTorch) under(key string) (*PyTorch, error) {
	value := at(p.value, key, 0)
	if value == nil {
		return nil, nil
	}
	part := &PyTorch{Format: p.Format, Key: key, value: value, size: p.size, entries: map[string]view{}, file: p.file}
	if err := part.collect(value, newQuota(p.size), false); err != nil {
		return nil, fmt.Errorf("pytorch: %s: %w", shown(key), err)
	}
	return part, nil
}

// at returns the container at a path of keys below a value. A key may have dots.
func at(value any, path string, depth int) any {
	if depth > maxDepth {
		return nil
	}
	for _, part := range parts(value) {
		if _, leaf := part.value.(*rebuilt); leaf {
			continue
		}
		if part.key == path {
			return part.value
		}
		if rest, ok := strings.CutPrefix(path, part.key+"."); ok {
			if found := at(part.value, rest, depth+1); found != nil {
				return found
			}
		}
	}
	return nil
}

// collect names and checks the tensors of a saved value. They take memory from q. With
// list, they become views of their storages' blobs.
func (p *PyTorch) collect(value any, q *quota, list bool) error {
	named, err := p.stateDict(value, q)
	if err != nil {
		return err
	}
	if len(named) == 0 {
		all := parts(value)
		for _, v := range append(all[:min(len(all), 100)], part{value: value}) {
			if o, ok := v.value.(*object); ok && o.class != "" && dictionary(o) == nil {
				return fmt.Errorf("no tensors in the file; not a tensor or a container: %s", shown(string(o.class)))
			}
		}
		return errors.New("no tensors in the file")
	}
	for _, n := range named {
		if !q.take(viewBytes + 16*len(sequence(n.tensor.arg(2)))) {
			return errQuota
		}
		v, err := describe(n.tensor, int64(p.size))
		if err != nil {
			return fmt.Errorf("%s: %w", shown(n.name), err)
		}
		if _, twice := p.entries[n.name]; twice {
			return fmt.Errorf("two tensors are named %s", shown(n.name))
		}
		if list && v.storage != nil && v.refused == "" {
			v.listed = true
			v.storage.blob.views = append(v.storage.blob.views, v)
		}
		p.entries[n.name] = v
		p.names = append(p.names, n.name)
	}
	return nil
}

// Names lists the tensors in the order of the state dict.
func (p *PyTorch) Names() []string { return p.names }

// Entry describes a tensor without reading it.
func (p *PyTorch) Entry(name string) (Entry, bool) {
	v, ok := p.entries[name]
	return v.Entry, ok
}

// Tensor returns a copy of a tensor, dense and converted to float32. A complex,
// quantized or sparse tensor is an error.
func (p *PyTorch) Tensor(name string) (*tensor.Tensor, error) {
	v, ok := p.entries[name]
	if !ok {
		return nil, fmt.Errorf("pytorch: no tensor %s", shown(name))
	}
	if v.refused != "" {
		return nil, fmt.Errorf("pytorch: %s: %s", shown(name), v.refused)
	}
	raw, err := v.storage.blob.bytes(v)
	if err != nil {
		return nil, fmt.Errorf("pytorch: %s: storage %s: %w", shown(name), shown(v.storage.key), err)
	}
	t := tensor.New(v.Shape...)
	t.Name = name
	if err := v.gather(t.Data, raw); err != nil {
		return nil, fmt.Errorf("pytorch: %s: %w", shown(name), err)
	}
	p.file.Release(v.storage.blob.data)
	return t, nil
}

// View returns a tensor in place in the mapped file; see Checkpoint.
func (p *PyTorch) View(name string) (*tensor.Tensor, error) {
	v := p.entries[name]
	if v.Bytes > 0 && v.refused == "" && v.storage.blob.packed == nil {
		if first, _ := v.dense(); first == 0 {
			raw := v.storage.blob.data[sizes[v.DType]*v.offset:][:v.Bytes]
			if t := inPlace(p.file, name, v.Entry, raw); t != nil {
				return t, nil
			}
		}
	}
	return p.Tensor(name)
}

// Close unmaps the file; see Checkpoint. It is idempotent.
func (p *PyTorch) Close() error {
	p.names, p.entries, p.value = nil, nil, nil
	return p.file.Close()
}
