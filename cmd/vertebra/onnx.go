package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/onnx/cases"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// isONNX reports whether a command's argument is an ONNX file, by its name.
func isONNX(path string) bool { return strings.EqualFold(filepath.Ext(path), ".onnx") }

// dimFlag adds the flag that binds free dimensions.
func dimFlag(c *cobra.Command, to *[]string) {
	c.Flags().StringArrayVar(to, "dim", nil, "extent of a free dimension of an ONNX file; may be given again")
}

// boundDims reads the values of --dim: NAME=N.
func boundDims(list []string) (map[string]int, error) {
	dims := map[string]int{}
	for _, text := range list {
		i := strings.LastIndexByte(text, '=')
		n, err := strconv.Atoi(text[i+1:])
		if i < 1 || err != nil || n < 1 {
			return nil, fmt.Errorf("--dim %s, want NAME=N, such as batch=1", files.Quote(text))
		}
		dims[text[:i]] = n
	}
	return dims, nil
}

// readArrays reads the inputs of a model by name: from a folder with input_0.pb and so on, a
// safetensors file with their names, or a .pb or .npy file with the only one.
func readArrays(m *onnx.Model, path string) (map[string]*onnx.Array, error) {
	given := m.Given()
	all := map[string]*onnx.Array{}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		list, err := cases.Arrays(path, "input")
		if err != nil {
			return nil, err
		}
		if len(list) == 0 || len(list) > len(given) {
			return nil, fmt.Errorf("%s: %d files input_N.pb, the model has %d inputs", files.Quote(path), len(list), len(given))
		}
		for i, a := range list {
			all[given[i].Name] = a
		}
		return all, nil
	}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".pb", ".npy":
		if len(given) != 1 {
			return nil, fmt.Errorf("%s: one tensor, the model has %d inputs: give a folder or a safetensors file", files.Quote(path), len(given))
		}
		data, err := files.ReadFile(path)
		if err != nil {
			return nil, err
		}
		read := onnx.ReadTensor
		if ext == ".npy" {
			read = readNPY
		}
		a, err := read(data)
		if err != nil {
			return nil, files.Named(path, err)
		}
		all[given[0].Name] = a
		return all, nil
	}
	f, err := weights.OpenSafetensors(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names := f.Names()
	for _, in := range given {
		name := in.Name
		if len(names) == 1 && len(given) == 1 {
			name = names[0]
		}
		x, err := f.Tensor(name)
		if err != nil {
			return nil, files.Named(path, err)
		}
		a := onnx.Floats(x.Data, x.Shape...)
		if in.Type != onnx.Undefined && in.Type != onnx.Float32 {
			if a, err = a.As(in.Type); err != nil {
				return nil, files.Named(path, err)
			}
		}
		all[in.Name] = a
	}
	return all, nil
}

// writeArrays writes results: one to a .pb or .npy file, or all with their names to a
// safetensors file, as float32.
func writeArrays(path string, ports []onnx.Port, arrays []*onnx.Array) error {
	ext := strings.ToLower(filepath.Ext(path))
	if ext == ".pb" || ext == ".npy" {
		if len(arrays) != 1 {
			return fmt.Errorf("%s: %d results, and such a file holds one: give a safetensors file", files.Quote(path), len(arrays))
		}
		data := arrays[0].Encode()
		return files.Write(path, func(w io.Writer) error {
			if ext == ".npy" {
				x, err := arrays[0].Tensor()
				if err != nil {
					return err
				}
				return x.WriteNPY(w)
			}
			_, err := w.Write(data)
			return err
		})
	}
	var all []*tensor.Tensor
	for i, a := range arrays {
		x, err := a.Tensor()
		if err != nil {
			return fmt.Errorf("%s: %w; a .pb file holds it exactly", files.Quote(ports[i].Name), err)
		}
		x.Name = ports[i].Name
		all = append(all, x)
	}
	return weights.WriteSafetensors(path, nil, all...)
}

var npyHeader = regexp.MustCompile(`^\{'descr': '([<|][a-z][0-9]+)', 'fortran_order': False, 'shape': \(([0-9, ]*)\), \}`)

var npyTypes = map[string]onnx.Type{"<f4": onnx.Float32, "<f8": onnx.Float64, "<f2": onnx.Float16, "<i8": onnx.Int64, "<i4": onnx.Int32,
	"<i2": onnx.Int16, "|i1": onnx.Int8, "|u1": onnx.Uint8, "<u2": onnx.Uint16, "<u4": onnx.Uint32, "<u8": onnx.Uint64, "|b1": onnx.Bool}

// readNPY reads NumPy's format: row-major, little-endian numbers.
func readNPY(data []byte) (*onnx.Array, error) {
	rest, ok := bytes.CutPrefix(data, []byte("\x93NUMPY"))
	if !ok || len(rest) < 6 {
		return nil, errors.New("not an npy file")
	}
	n, at := uint64(binary.LittleEndian.Uint16(rest[2:])), uint64(4)
	if rest[0] > 1 {
		n, at = uint64(binary.LittleEndian.Uint32(rest[2:])), 6
	}
	if n > uint64(len(rest))-at {
		return nil, errors.New("not an npy file: its header is longer than the file")
	}
	found := npyHeader.FindSubmatch(rest[at : at+n])
	if found == nil {
		return nil, errors.New("numbers in an order or of a kind that is not read")
	}
	kind, ok := npyTypes[string(found[1])]
	if !ok {
		return nil, fmt.Errorf("elements of type %s are not read", found[1])
	}
	shape := []int{}
	for _, d := range strings.FieldsFunc(string(found[2]), func(r rune) bool { return r == ',' || r == ' ' }) {
		v, err := strconv.Atoi(d)
		if err != nil {
			return nil, err
		}
		shape = append(shape, v)
	}
	a := onnx.Decode(kind, shape, rest[at+n:])
	if a == nil {
		return nil, fmt.Errorf("%d bytes of numbers for %v", uint64(len(rest))-at-n, shape)
	}
	return a, nil
}
