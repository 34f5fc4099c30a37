package weights

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// Canonical returns src under the model's own names. A model whose checkpoints
// come in several layouts (its authors' and a library's, say) has a method
// Canonical(Source) Source, which renames a layout that it knows and returns any
// other source as it is. For a model without this method, Canonical returns src.
func Canonical(model any, src Source) Source {
	if l, ok := model.(interface{ Canonical(Source) Source }); ok {
		return l.Canonical(src)
	}
	return src
}

// Bind fills the declared tensors of a model, a pointer to a struct, from src.
// The names in src may be those of any layout that the model knows; see
// Canonical. They may begin with a wrapper, such as "module."; see Unwrap.
//
// A field with the tag `weight:"fragment"` adds its fragment to the name.
// Fragments are joined with dots; no dot follows an underscore. A slice adds
// the index of each element. An untagged embedded struct adds nothing, a nil
// pointer is skipped, and any other untagged field holds no weights.
//
// One error lists all tensors that are missing, have another shape or are
// unused. A name may stay unused if it matches a pattern in ignore (see
// path.Match; "*" does not match a dot), ends in num_batches_tracked, or has
// elements of a type that is not read or of 8 bits with an exponent, such as the
// scales of quantized weights.
//
// The tensors come from View: they stay valid after src is closed, and those
// that lie in a mapped file are read-only. Large matrices and kernels of a float16
// checkpoint have Halves and no Data.
func Bind(model any, src Source, ignore ...string) error {
	if src == nil {
		return errors.New("weights: no source to bind, it is nil")
	}
	part, _, err := Unwrap(src, "", func(src Source) bool { return Compare(model, src, ignore...).Err() == nil })
	if err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	src = Canonical(model, part)
	if err := compare(model, src, ignore).Err(); err != nil {
		return err
	}
	bind := map[*tensor.Tensor]*tensor.Tensor{}
	var errs []error
	Walk(model, func(name string, t *tensor.Tensor) {
		got, err := View(src, name)
		if err != nil {
			errs = append(errs, err)
			return
		}
		bind[t] = got
	})
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	for t, got := range bind {
		t.Data, t.Halves, t.Unload = got.Data, got.Halves, got.Unload
	}
	return nil
}

// Adopt gives each declared tensor of model the shape that it has in src, if the
// number of dimensions is the same and none is empty. A model declared in its
// usual size can then bind a checkpoint with other widths or another number of
// classes. Adopt takes the same names as Bind; a tensor that src does not have
// keeps its shape.
func Adopt(model any, src Source) {
	src = Canonical(model, src)
	have := map[string]bool{}
	for _, n := range src.Names() {
		have[n] = true
	}
	Walk(model, func(name string, t *tensor.Tensor) {
		if !have[name] {
			return
		}
		shape, err := ShapeOf(src, name)
		if err == nil && len(shape) == len(t.Shape) && !slices.Contains(shape, 0) {
			t.Shape = shape.Clone()
		}
	})
}

// Fit says how a checkpoint differs from what a model declares. The lists are
// sorted.
type Fit struct {
	Matched   int      // number of tensors with the same name and shape
	Missing   []string // "name [shape]" of each tensor that only the model has
	Misshapen []string // "name is [shape], the model wants [shape]"
	Unused    []string // names of tensors that only the checkpoint has
}

// Compare compares the names and shapes in src with those that Bind wants for
// model. It reads a tensor only if src cannot describe it.
func Compare(model any, src Source, ignore ...string) Fit {
	return compare(model, Canonical(model, src), ignore)
}

// compare is Compare for a source that has the model's own names.
func compare(model any, src Source, ignore []string) Fit {
	var f Fit
	wanted := map[string]bool{}
	have := map[string]bool{}
	for _, n := range src.Names() {
		have[n] = true
	}
	Walk(model, func(name string, t *tensor.Tensor) {
		wanted[name] = true
		if !have[name] {
			f.Missing = append(f.Missing, name+" "+t.Shape.String())
			return
		}
		shape, err := ShapeOf(src, name)
		switch {
		case err != nil:
			f.Missing = append(f.Missing, err.Error())
		case !shape.Equal(t.Shape):
			f.Misshapen = append(f.Misshapen, fmt.Sprintf("%s is %v, the model wants %v", name, shape, t.Shape))
		default:
			f.Matched++
		}
	})
	for _, n := range src.Names() {
		if !wanted[n] && !ignored(n, ignore) && !aside(src, n) {
			f.Unused = append(f.Unused, n)
		}
	}
	sort.Strings(f.Missing)
	sort.Strings(f.Misshapen)
	sort.Strings(f.Unused)
	return f
}

// ShapeOf returns the shape of a tensor. It reads the tensor only if src cannot
// describe it.
func ShapeOf(src Source, name string) (tensor.Shape, error) {
	if e, ok := Describe(src, name); ok {
		return e.Shape, nil
	}
	t, err := src.Tensor(name)
	if err != nil {
		return nil, err
	}
	return t.Shape, nil
}

// Err returns nil if the checkpoint fits, else an error with the first twelve
// differences.
func (f Fit) Err() error {
	problems := slices.Clone(f.Misshapen)
	for _, m := range f.Missing {
		problems = append(problems, "missing "+m)
	}
	for _, u := range f.Unused {
		problems = append(problems, "unused "+shown(u))
	}
	if len(problems) == 0 {
		return nil
	}
	more := ""
	if n := len(problems); n > 12 {
		problems, more = problems[:12], fmt.Sprintf("; and %d more", n-12)
	}
	return fmt.Errorf("weights: %s%s", strings.Join(problems, "; "), more)
}

// aside reports whether a tensor that no model wants has elements of a type that
// plain weights do not have: one that is not read, or a float8.
func aside(src Source, name string) bool {
	e, ok := Describe(src, name)
	_, small := float8s[e.DType]
	return ok && (small || !readable(e.DType))
}

func ignored(name string, patterns []string) bool {
	if strings.HasSuffix(name, ".num_batches_tracked") {
		return true
	}
	for _, p := range patterns {
		if ok, _ := path.Match(strings.ReplaceAll(p, ".", "/"), strings.ReplaceAll(name, ".", "/")); ok {
			return true
		}
	}
	return false
}

// Walk calls f with each declared tensor of a model and its full name. It also
// sets the tensor's Name.
func Walk(model any, f func(name string, t *tensor.Tensor)) {
	walk(reflect.ValueOf(model), "", f)
}

var tensorType = reflect.TypeFor[*tensor.Tensor]()

func walk(v reflect.Value, prefix string, f func(string, *tensor.Tensor)) {
	switch {
	case v.Type() == tensorType:
		if t := v.Interface().(*tensor.Tensor); t != nil {
			if t.Name != prefix { // written once: several goroutines may trace a model
				t.Name = prefix
			}
			f(prefix, t)
		}
		return
	case v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface:
		if !v.IsNil() {
			walk(v.Elem(), prefix, f)
		}
		return
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), join(prefix, strconv.Itoa(i)), f)
		}
		return
	case v.Kind() != reflect.Struct:
		return
	}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		tag, tagged := field.Tag.Lookup("weight")
		if tagged && field.IsExported() || field.Anonymous && field.IsExported() {
			walk(v.Field(i), join(prefix, tag), f)
		}
	}
}

func join(prefix, fragment string) string {
	if prefix == "" || fragment == "" || strings.HasSuffix(prefix, "_") {
		return prefix + fragment
	}
	return prefix + "." + fragment
}
