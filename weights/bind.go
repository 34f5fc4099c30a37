package weights

import (
	"fmt"
	"path"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// Bind fills the declared tensors of a model, a pointer to a struct, from src.
//
// A field tagged `weight:"fragment"` contributes its fragment to the name;
// fragments join with dots, slices append their index, untagged embedded
// structs add nothing, nil pointers are absent. Other untagged fields hold no
// weights. Names that match a pattern of ignore (path.Match, "*" matches no
// dot) may be in src without being used; BatchNorm's num_batches_tracked
// always may. All that is missing, misshapen or unused is in one error.
func Bind(model any, src Source, ignore ...string) error {
	var problems []string
	wanted := map[string]bool{}
	have := map[string]bool{}
	for _, n := range src.Names() {
		have[n] = true
	}
	bind := map[*tensor.Tensor]*tensor.Tensor{}
	Walk(model, func(name string, t *tensor.Tensor) {
		wanted[name] = true
		if !have[name] {
			problems = append(problems, "missing "+name+" "+t.Shape.String())
			return
		}
		// A tensor of another shape is not read to be refused.
		if e, ok := entryOf(src, name); ok && !e.Shape.Equal(t.Shape) {
			problems = append(problems, fmt.Sprintf("%s is %v, the model wants %v", name, e.Shape, t.Shape))
			return
		}
		got, err := src.Tensor(name)
		switch {
		case err != nil:
			problems = append(problems, err.Error())
		case !got.Shape.Equal(t.Shape):
			problems = append(problems, fmt.Sprintf("%s is %v, the model wants %v", name, got.Shape, t.Shape))
		default:
			bind[t] = got
		}
	})
	for _, n := range src.Names() {
		if !wanted[n] && !ignored(n, ignore) {
			problems = append(problems, "unused "+n)
		}
	}
	if len(problems) > 0 {
		sort.Strings(problems)
		more := ""
		if n := len(problems); n > 12 {
			problems, more = problems[:12], fmt.Sprintf("; and %d more", n-12)
		}
		return fmt.Errorf("weights: %s%s", strings.Join(problems, "; "), more)
	}
	for t, got := range bind {
		t.Data = got.Data
	}
	return nil
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
			t.Name = prefix
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
	if prefix == "" || fragment == "" {
		return prefix + fragment
	}
	return prefix + "." + fragment
}
