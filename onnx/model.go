// Package onnx reads ONNX files and turns their networks into graphs.
//
// Open maps a file. Import makes a graph.Graph of it for inputs of fixed shapes; package
// gpu compiles the graph for a device, and Graph.Eval computes it without one.
// Network.Feed and Network.Results convert inputs and outputs between the file's types
// and those of the graph.
package onnx

import (
	"fmt"
	"path/filepath"
	"sync"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/internal/mapped"
)

// Model is an ONNX file. Its weights stay in the file, which is mapped, until they
// are used.
type Model struct {
	IR                        int64
	Producer, ProducerVersion string
	Domain                    string
	Version                   int64
	Opsets                    map[string]int // by domain; "" is ai.onnx
	Graph                     *Graph
	Functions                 []*Function
	Metadata                  map[string]string

	file   *mapped.File
	folder string

	outside []string // the files of tensors that have their elements in one, each maybe again

	mu       sync.Mutex
	external map[string]*mapped.File
	parts    budget
	end      int // capacity of the file's bytes
}

// Function is an operator that a model defines by other nodes.
type Function struct {
	Name, Domain, Overload string
	Inputs, Outputs        []string
	Attributes             []string     // that a call must give
	Defaults               []*Attribute // that a call may give
	Nodes                  []*Node
	Opsets                 map[string]int
}

// Open maps the ONNX file at path and reads its structure. The caller closes the
// model when no array of it is in use any more.
func Open(path string) (*Model, error) {
	f, err := mapped.Open(path)
	if err != nil {
		return nil, err
	}
	m, err := read(f.Data)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", files.Quote(path), err)
	}
	m.file, m.folder = f, filepath.Dir(path)
	return m, nil
}

// Read reads a model from memory. It has no folder, and thus no external data.
func Read(data []byte) (*Model, error) { return read(data) }

func read(data []byte) (*Model, error) {
	m := &Model{Opsets: map[string]int{}, Metadata: map[string]string{}, external: map[string]*mapped.File{}, end: cap(data)}
	err := fields(data, func(x field) error {
		switch x.key {
		case 1*8 + varint:
			m.IR = int64(x.n)
		case 2*8 + length:
			m.Producer = string(x.b)
		case 3*8 + length:
			m.ProducerVersion = string(x.b)
		case 4*8 + length:
			m.Domain = string(x.b)
		case 5*8 + varint:
			m.Version = int64(x.n)
		case 7*8 + length:
			if m.Graph == nil {
				m.Graph = &Graph{}
			}
			return m.Graph.read(x.b, m, 0)
		case 8*8 + length:
			return readOpset(m.Opsets, x.b)
		case 14*8 + length:
			return readEntry(m.Metadata, x.b)
		case 25*8 + length:
			f := &Function{Opsets: map[string]int{}}
			m.Functions = append(m.Functions, f)
			if err := m.parts.take(); err != nil {
				return err
			}
			return f.read(x.b, m)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("not an ONNX file: %w", err)
	case m.Graph == nil:
		return nil, fmt.Errorf("not an ONNX file: it has no graph")
	}
	return m, nil
}

func (f *Function) read(b []byte, m *Model) error {
	return fields(b, func(x field) error {
		switch x.key {
		case 1*8 + length:
			f.Name = string(x.b)
		case 4*8 + length:
			f.Inputs = append(f.Inputs, string(x.b))
		case 5*8 + length:
			f.Outputs = append(f.Outputs, string(x.b))
		case 6*8 + length:
			f.Attributes = append(f.Attributes, string(x.b))
		case 7*8 + length:
			return addNode(&f.Nodes, x.b, m, 1)
		case 9*8 + length:
			return readOpset(f.Opsets, x.b)
		case 10*8 + length:
			f.Domain = string(x.b)
		case 11*8 + length:
			a, err := readAttribute(x.b, m, 1)
			f.Defaults = append(f.Defaults, a)
			return err
		case 13*8 + length:
			f.Overload = string(x.b)
		}
		return m.parts.take()
	})
}

func readOpset(to map[string]int, b []byte) error {
	var domain string
	var version int64
	err := fields(b, func(x field) error {
		switch x.key {
		case 1*8 + length:
			domain = string(x.b)
		case 2*8 + varint:
			version = int64(x.n)
		}
		return nil
	})
	if version < 1 || version > 1<<20 {
		return fmt.Errorf("opset version %d of domain %.80q", version, domain)
	}
	to[plainDomain(domain)] = int(version)
	return err
}

// plainDomain returns "" for both names of the standard's domain.
func plainDomain(domain string) string {
	if domain == "ai.onnx" {
		return ""
	}
	return domain
}

func readEntry(to map[string]string, b []byte) error {
	var key, value string
	err := fields(b, func(x field) error {
		switch x.key {
		case 1*8 + length:
			key = string(x.b)
		case 2*8 + length:
			value = string(x.b)
		}
		return nil
	})
	to[key] = value
	return err
}

// Close unmaps the files of the model, unless an array uses one in place.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.file.Close()
	for _, f := range m.external {
		if bad := f.Close(); err == nil {
			err = bad
		}
	}
	return err
}
