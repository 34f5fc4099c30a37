package golden

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/weights"
)

// ErrNotReference is wrapped by errors for files that are not reference files.
var ErrNotReference = errors.New("not a reference file")

// ErrUnknown is wrapped by errors for reference files of a model that this version
// does not have.
var ErrUnknown = errors.New("not a model that this version can check")

// Faults lists the cases of a file that cannot be run.
type Faults []Fault

// Fault is a case that cannot be run, with the reason.
type Fault struct {
	Case string // its name
	Err  error
}

// Error names each case and its reason, one case in each line.
func (f Faults) Error() string {
	var lines []string
	for _, fault := range f {
		lines = append(lines, fault.Case+": "+fault.Err.Error())
	}
	return strings.Join(lines, "\n")
}

// Load reads the cases of a file. A case may need a picture or a checkpoint that is
// not in the file. Load looks for it in each folder of data and the folders in it,
// beside the file, and beside the file's folder. In all of these except the file's
// own folder it also searches a folder named data and the folders in that.
//
// If some cases of the file cannot be run, Load returns the others with an error of
// type Faults.
func Load(path string, data ...string) ([]Case, error) {
	s, err := weights.OpenSafetensors(path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	f := &file{
		Safetensors: s, name: strings.TrimSuffix(filepath.Base(path), ".safetensors"),
		dir: filepath.Dir(path), data: data,
	}
	cases, err := f.cases()
	if _, some := err.(Faults); err != nil && !some {
		err = files.Named(path, err)
	}
	return cases, err
}

// Read makes cases from an open file. Their names begin with name. It reads no other
// files.
func Read(name string, s *weights.Safetensors) ([]Case, error) {
	return (&file{Safetensors: s, name: name}).cases()
}

// cases returns the cases that can be run, and an error like Load's.
func (f *file) cases() ([]Case, error) {
	kind := f.Metadata["model"]
	for _, key := range []string{"model", "config"} {
		if f.Metadata[key] == "" {
			return nil, fmt.Errorf("no metadata %q: %w", key, ErrNotReference)
		}
	}
	var err error
	if build, ok := ops[kind]; ok {
		err = f.operations(build)
	} else {
		err = f.architecture(kind)
	}
	for _, c := range f.opened {
		err = errors.Join(err, c.Close())
	}
	if err != nil {
		return nil, err
	}
	if left := f.unread(); len(left) > 0 {
		f.faults = append(f.faults, Fault{f.name, fmt.Errorf("%s: no case here gives such an output", files.Quote(strings.Join(left, ", ")))})
	}
	if len(f.made)+len(f.faults) == 0 {
		return nil, errors.New("no cases")
	}
	if len(f.faults) > 0 {
		return f.made, f.faults
	}
	return f.made, nil
}

// operations makes the cases of a file of operations.
func (f *file) operations(build func(sub) (Case, error)) error {
	var config struct{ Cases []json.RawMessage }
	if err := f.decode(&config); err != nil {
		return err
	}
	if len(config.Cases) == 0 {
		return errors.New("metadata config: no cases")
	}
	seen := map[string]bool{}
	for i, attrs := range config.Cases {
		s := sub{file: f, attrs: attrs}
		if err := json.Unmarshal(attrs, &s); err != nil {
			return fmt.Errorf("metadata config: case %d: %w", i, err)
		}
		if s.ID == "" || seen[s.ID] {
			return fmt.Errorf("metadata config: case %d: id %q is empty or used twice", i, s.ID)
		}
		seen[s.ID] = true
		f.add(s.ID, func() (Case, error) { return build(s) })
	}
	return nil
}

// architecture makes the cases of a model's file. The architecture comes from the
// config, or else from the model's name.
func (f *file) architecture(kind string) error {
	config := struct{ Arch string }{}
	if err := f.decode(&config); err != nil {
		return err
	}
	for _, name := range []string{config.Arch, kind} {
		if f.arch = known(name); f.arch == "" {
			continue
		}
		if build, ok := suites[f.arch]; ok {
			_, err := protected(func() (struct{}, error) { return struct{}{}, build(f) })
			return err
		}
		f.add("", func() (Case, error) { return architectures[f.arch](f) })
		return nil
	}
	if config.Arch == "" {
		config.Arch = kind
	}
	return fmt.Errorf("architecture %q: %w", config.Arch, ErrUnknown)
}

// resNetName matches the beginnings of residual networks' names.
var resNetName = regexp.MustCompile(`(?i)^(wide_)?resnex?t\d`)

// known returns the longest name of an architecture at the beginning of name, or "".
// No letter or digit may follow it.
func known(name string) string {
	longest := ""
	try := func(arch string) {
		n := len(arch)
		if n > len(longest) && n <= len(name) && strings.EqualFold(name[:n], arch) && (n == len(name) || !isAlphanumeric(name[n])) {
			longest = arch
		}
	}
	for arch := range architectures {
		try(arch)
	}
	for arch := range suites {
		try(arch)
	}
	if longest == "" && resNetName.MatchString(name) {
		return "resnet"
	}
	return longest
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// missing carries an error about a missing or misshapen tensor to protected.
type missing struct{ error }

// protected turns a panic of build into an error.
func protected[T any](build func() (T, error)) (made T, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case missing:
			err = r.error
		case error:
			err = fmt.Errorf("panic: %w", r)
		default:
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return build()
}

// add makes a case and keeps the case or, if it cannot be run, the reason. The id
// distinguishes it from other cases of the file.
func (f *file) add(id string, build func() (Case, error)) {
	name := strings.TrimSuffix(f.name+"/"+id, "/")
	c, err := protected(build)
	if err == nil {
		err = c.check()
	}
	if err == nil && c.Graph != nil {
		err = c.agrees()
	}
	if err != nil {
		f.faults = append(f.faults, Fault{name, err})
		f.see(strings.TrimSuffix("output/"+id, "/"))
		return
	}
	if c.Name = name; c.Tolerance == 0 {
		c.Tolerance = OpTolerance
	}
	f.made = append(f.made, c)
}

// maxElements is the most elements that a value of a case may have: more than those of
// the largest models at their usual sizes.
const maxElements = 1 << 28

// agrees returns an error if the graph does not give outputs of the wanted shapes, or
// has a value that is too large to be computed for a check.
func (c Case) agrees() error {
	for i, o := range c.Graph.Outputs {
		if want := c.Want[i].Shape; !o.Value.Shape.Equal(want) {
			return fmt.Errorf("%s: shape is %v, want %v", c.Want[i].Name, o.Value.Shape, want)
		}
	}
	for _, v := range c.Graph.Nodes {
		if v.Shape.Len() > maxElements {
			return fmt.Errorf("a value of shape %v is too large for a check", v.Shape)
		}
	}
	return nil
}

// check returns an error if a tensor of the case cannot be compared.
func (c Case) check() error {
	compared := 0
	for i, t := range append(c.Stages[:len(c.Stages):len(c.Stages)], c.Want...) {
		what := "output"
		if i < len(c.Stages) {
			what = "stage"
			if len(t.Data) == 0 {
				return fmt.Errorf("stage %s is empty: %v", files.Quote(t.Name), t.Shape)
			}
		}
		for k, v := range t.Data {
			if v != v {
				return fmt.Errorf("%s %s is not a number at element %d of %v", what, files.Quote(t.Name), k, t.Shape)
			}
		}
		if i >= len(c.Stages) {
			compared += len(t.Data)
		}
	}
	if len(c.Want) == 0 || compared == 0 && !c.mayBeEmpty {
		return errors.New("no output to compare")
	}
	return nil
}
