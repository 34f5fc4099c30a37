package zoo

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/tensor"
)

// ONNXOptions say of an ONNX file what it does not tell itself. What they say counts
// before a model.json beside the file.
type ONNXOptions struct {
	Task  Task           // 0 means what model.json says, or what the outputs look like
	Dims  map[string]int // extents of free dimensions by their names
	Input ModelInput     // how pictures become the input

	// Usual says how pictures become the input if neither Input nor a file beside the ONNX
	// file does, such as what the authors of a family of networks do. Its Size is for
	// dimensions that the file leaves open.
	Usual ModelInput

	// Open leaves open what the file leaves open of the size of pictures.
	Open bool
}

// FindONNX returns the ONNX file that a path stands for: the file itself, or the only one
// in a folder, or model.onnx in it or in its folder onnx.
func FindONNX(path string) (file string, ok bool) {
	if strings.EqualFold(filepath.Ext(path), ".onnx") && !isFolder(path) {
		return path, true
	}
	if !isFolder(path) {
		return "", false
	}
	for _, name := range usualNames {
		if _, err := os.Stat(filepath.Join(path, name)); err == nil {
			return "", false // weights that the project reads by themselves
		}
	}
	for _, name := range []string{"model.onnx", "onnx/model.onnx"} {
		if at := filepath.Join(path, filepath.FromSlash(name)); !isFolder(at) {
			if _, err := os.Stat(at); err == nil {
				return at, true
			}
		}
	}
	found, err := filepath.Glob(filepath.Join(path, "*.onnx"))
	if err != nil || len(found) != 1 {
		return "", false
	}
	return found[0], true
}

// openONNX opens an ONNX file. usual is the model that it is said to be, or nil.
func openONNX(path string, o Options, usual *Model) (*Opened, error) {
	out, err := readONNX(path, o, usual)
	if err != nil {
		var untold *UntoldError
		if errors.As(err, &untold) {
			untold.Checkpoint = path
			return nil, err
		}
		return nil, files.Named(path, err)
	}
	return out, nil
}

func readONNX(path string, o Options, usual *Model) (*Opened, error) {
	switch {
	case o.Key != "":
		return nil, errors.New("an ONNX file holds one network, and a key chooses none")
	case o.Configure != nil:
		return nil, errors.New("the network of an ONNX file cannot be changed")
	case o.Classes != 0 && o.Labels != nil && o.Classes != len(o.Labels):
		return nil, fmt.Errorf("%d classes, but %d labels", o.Classes, len(o.Labels))
	}
	m, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	out, err := newONNX(path, m, o, usual)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return out, nil
}

func newONNX(path string, m *onnx.Model, o Options, usual *Model) (*Opened, error) {
	said, err := ReadModelFile(filepath.Join(filepath.Dir(path), "model.json"))
	if err != nil {
		return nil, err
	}
	n := &ONNX{File: m, Path: path, Said: said, dims: o.ONNX.Dims}
	if err := m.CheckDims(n.dims); err != nil {
		return nil, err
	}
	in, task, told, values := o.ONNX.Input, o.ONNX.Task, o.ONNX.Task != 0, map[string]json.RawMessage{}
	if said != nil {
		n.Outlets = said.Outputs
		for _, i := range said.Inputs {
			if i.Value != nil {
				values[i.Name] = i.Value
			} else {
				in = in.over(i)
			}
		}
		if task == 0 && said.Task != "" {
			task, _ = ParseTask(said.Task) // ReadModelFile has checked it
			told = true
		}
	}
	if usual != nil && task == 0 {
		task = usual.Task
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if o.Size != ([2]int{}) {
		in.Size = o.Size
	}
	x, err := pictureInput(m, in, n.dims, values)
	if err != nil {
		return nil, err
	}
	p, err := n.prepare(x, in, o.ONNX, said != nil, usual)
	if err != nil {
		return nil, err
	}
	n.in = *x
	n.Batch, n.usual = x.batch, x.size
	for i := range n.usual {
		if n.usual[i] == 0 {
			n.usual[i] = 64
		}
	}
	if n.values, err = n.read(values); err != nil {
		return nil, err
	}
	if task, err = n.choose(task); err != nil {
		return nil, err
	}
	if n.Free() && task != SuperResolve && !o.ONNX.Open {
		return nil, &UntoldError{Untold: []string{"size"}, What: fmt.Sprintf("the size of pictures: input %s is open", files.Quote(x.name))}
	}
	out := &Opened{Network: n, Checkpoint: path, said: told}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	out.Model = Model{
		Name: name, Task: task, Size: x.size[0], Channels: x.channels, Preprocess: p,
		Input: fmt.Sprintf("what %s takes", files.Quote(x.name)), New: func() models.Network { return n },
	}
	if err := out.labels(o, said); err != nil {
		return nil, err
	}
	if n.named(task, out.ClassNames) != nil && o.Labels == nil && said == nil {
		out.ClassNames = nil // a config.json may be anybody's
	}
	if told { // For checks it where shapes alone tell the task
		return out, n.named(task, out.ClassNames)
	}
	return out, nil
}

// prepare returns the preprocessing of pictures. It binds the size of x where the file
// leaves it open.
func (n *ONNX) prepare(x *onnxInput, in ModelInput, o ONNXOptions, said bool, usual *Model) (Preprocess, error) {
	var base *Preprocess
	if !said {
		p, err := besideONNX(n.Path, max(x.size[0], x.size[1]))
		if err != nil {
			return Preprocess{}, err
		}
		if base = p; base == nil && usual != nil {
			base = &usual.Preprocess
		}
	}
	if base == nil {
		size := o.Usual.Size
		o.Usual.Size = Size{}
		if in.numbers() { // those of the usual preparation belong together
			o.Usual.Range, o.Usual.Mean, o.Usual.Std, o.Usual.Peak = nil, nil, nil, false
		}
		in = in.over(o.Usual)
		for i := range x.size {
			if x.size[i] == 0 && in.Size == (Size{}) && !o.Open {
				x.size[i] = size[i]
			}
		}
	}
	want := [2]int(in.Size)
	if base != nil && want == ([2]int{}) && in.Fit == "" {
		want = base.Output()
	}
	for i, size := range want {
		switch {
		case size == 0:
		case x.size[i] == 0:
			x.size[i] = size
		case x.size[i] != size && in.Size != (Size{}):
			return Preprocess{}, fmt.Errorf("pictures of %d×%d, but input %s takes %d×%d", want[0], want[1], files.Quote(x.name), x.size[0], x.size[1])
		}
	}
	size := x.size
	if size[0] == 0 || size[1] == 0 {
		size = [2]int{}
	}
	if base == nil && !in.numbers() {
		if x.kind == onnx.Uint8 {
			in.Range = []float64{0, 255}
		} else {
			return Preprocess{}, &UntoldError{Untold: []string{"range"}, What: "how samples become numbers: their range, mean and standard deviation"}
		}
	}
	return in.preprocess(x.channels, size, base)
}

// besideONNX returns the preprocessing in the preprocessor_config.json beside an ONNX
// file, or in the folder around it; nil if there is none.
func besideONNX(path string, size int) (*Preprocess, error) {
	for _, dir := range foldersOf(path) {
		at := filepath.Join(dir, "preprocessor_config.json")
		if _, err := os.Stat(at); err != nil {
			continue
		}
		p, err := readProcessor(at, nil, size, Preprocess{})
		return &p, err
	}
	return nil, nil
}

// foldersOf lists where the configs of an ONNX file may be: in its folder and, if that is
// called onnx, in the folder around it.
func foldersOf(path string) []string {
	dir := filepath.Dir(path)
	if whole, err := filepath.Abs(dir); err == nil && filepath.Base(whole) == "onnx" {
		return []string{dir, filepath.Dir(whole)}
	}
	return []string{dir}
}

// labels sets the names of the classes: those of o, of model.json, or of a config.json of
// the transformers library.
func (m *Opened) labels(o Options, said *ModelFile) (err error) {
	m.ClassNames = o.Labels
	if m.ClassNames == nil && said != nil {
		m.ClassNames, err = said.Labels.read(filepath.Dir(m.Checkpoint))
		return err
	}
	for _, dir := range foldersOf(m.Checkpoint) {
		c, err := readConfig(filepath.Join(dir, "config.json"))
		if err != nil || m.ClassNames != nil || !c.has("id2label") {
			continue // it may be anybody's
		}
		if names := orderedTexts(c, "id2label"); c.err() == nil {
			m.ClassNames = names
		}
	}
	return nil
}

// read returns the values of inputs that are no pictures, in the types of the file.
func (n *ONNX) read(values map[string]json.RawMessage) (map[string]*onnx.Array, error) {
	arrays := map[string]*onnx.Array{}
	for name, raw := range values {
		var info *onnx.Info
		for _, v := range n.File.Given() {
			if v.Name == name {
				info = v
			}
		}
		if info == nil {
			return nil, fmt.Errorf("inputs: no input %s", files.Quote(name))
		}
		var numbers []float32
		var word string
		switch {
		case json.Unmarshal(raw, &word) == nil && word == "size":
			numbers = []float32{float32(n.in.size[0]), float32(n.in.size[1])}
		case json.Unmarshal(raw, &numbers) != nil:
			return nil, fmt.Errorf(`inputs: value of %s: want a list of numbers, or "size"`, files.Quote(name))
		}
		shape, open := make(tensor.Shape, len(info.Dims)), -1
		for i, d := range info.Dims {
			if shape[i] = int(d.N); d.N < 0 {
				shape[i] = 1
				open = i
			}
		}
		if have := shape.Len(); open >= 0 && have > 0 && shape[len(shape)-1] == 1 && info.Dims[len(shape)-1].N < 0 {
			shape[len(shape)-1] = len(numbers) / have
		}
		if shape.Len() != len(numbers) {
			return nil, fmt.Errorf("inputs: %d numbers for input %s, which is %v", len(numbers), files.Quote(name), info.Dims)
		}
		a, err := onnx.Floats(numbers, shape...).As(info.Type)
		if err != nil {
			return nil, fmt.Errorf("inputs: %s: %w", files.Quote(name), err)
		}
		arrays[name] = a
	}
	return arrays, nil
}
