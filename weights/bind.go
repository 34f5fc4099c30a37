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

// Canonical is src under the model's own names. A model whose checkpoints come
// in several layouts, those of its authors and of a library say, has a method
// Canonical(Source) Source that knows them. It lets pass what has the model's
// names already. For a model without the method Canonical is src itself.
func Canonical(model any, src Source) Source {
	if l, ok := model.(interface{ Canonical(Source) Source }); ok {
		return l.Canonical(src)
	}
	return src
}

// Bind fills the declared tensors of a model, a pointer to a struct, from src.
// The names in src are those of any layout that the model knows: see Canonical.
//
// A field tagged `weight:"fragment"` contributes its fragment to the name.
// Fragments join with dots, or without one after an underscore. A slice appends
// the index of each element. An untagged embedded struct adds nothing, a nil
// pointer is absent, and any other untagged field holds no weights.
//
// All that is missing, misshapen or unused is in one error. A name may stay
// unused if it matches a pattern of ignore (see path.Match; "*" matches no dot)
// or if it is the num_batches_tracked of a BatchNorm.
//
// The model's tensors are those of View: they stay valid when src is closed,
// and those that lie in a mapped file are for reading only.
func Bind(model any, src Source, ignore ...string) error {
	src = Canonical(model, src)
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
		t.Data, t.Unload = got.Data, got.Unload
	}
	return nil
}

// Adopt gives each declared tensor of model the shape that src has for it, where
// the number of dimensions is the same. A model that is declared in its usual
// size then binds a checkpoint of other widths or classes. The names in src are
// those that Bind takes; what is missing keeps its shape.
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
		if shape, err := ShapeOf(src, name); err == nil && len(shape) == len(t.Shape) {
			t.Shape = shape.Clone()
		}
	})
}

// Fit says how a checkpoint differs from what a model declares. The lists are
// sorted.
type Fit struct {
	Matched   int      // tensors of the same name and shape
	Missing   []string // "name [shape]": the model wants them
	Misshapen []string // "name is [shape], the model wants [shape]"
	Unused    []string // names that the model does not have
}

// Compare tells how src, by names and shapes, differs from what Bind wants
// for model. It reads no tensor of a source that can describe it.
func Compare(model any, src Source, ignore ...string) Fit {
	return compare(model, Canonical(model, src), ignore)
}

// compare is Compare for a source under the model's own names.
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
		if !wanted[n] && !ignored(n, ignore) {
			f.Unused = append(f.Unused, n)
		}
	}
	sort.Strings(f.Missing)
	sort.Strings(f.Misshapen)
	sort.Strings(f.Unused)
	return f
}

// ShapeOf is the shape of a tensor, which is read only if the source cannot
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

// Err is nil if the checkpoint fits, and else names up to twelve differences.
func (f Fit) Err() error {
	problems := slices.Clone(f.Misshapen)
	for _, m := range f.Missing {
		problems = append(problems, "missing "+m)
	}
	for _, u := range f.Unused {
		problems = append(problems, "unused "+u)
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

// Walk calls f for every declared tensor of a model with its full name, which
// it also gives to the tensor.
func Walk(model any, f func(name string, t *tensor.Tensor)) {
	walk(reflect.ValueOf(model), "", f)
}

var tensorType = reflect.TypeFor[*tensor.Tensor]()

func walk(v reflect.Value, prefix string, f func(string, *tensor.Tensor)) {
	switch {
	case v.Type() == tensorType:
		if t := v.Interface().(*tensor.Tensor); t != nil {
			if t.Name != prefix { // not written again: a model may be traced by several goroutines
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
