package main

import (
	"encoding/json"
	"io"
	"reflect"

	"github.com/vertebra/vertebra/internal/files"
)

// printJSON writes a value as indented JSON. Names that are not UTF-8 become what
// files.Text makes of them.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(inUTF8(v))
}

// inUTF8 returns v, or a copy of it in which files.Text has changed all strings.
func inUTF8(v any) any {
	if v == nil {
		return nil
	}
	from := reflect.ValueOf(v)
	to := reflect.New(from.Type()).Elem()
	copyText(to, from)
	return to.Interface()
}

// copyText sets to, which is zero, to a copy of from, with all strings changed.
func copyText(to, from reflect.Value) {
	switch from.Kind() {
	case reflect.String:
		to.SetString(files.Text(from.String()))
	case reflect.Struct:
		to.Set(from)
		for i := range from.NumField() {
			if to.Field(i).CanSet() {
				copyText(to.Field(i), from.Field(i))
			}
		}
	case reflect.Slice:
		if from.IsNil() {
			return
		}
		to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			copyText(to.Index(i), from.Index(i))
		}
	case reflect.Map:
		if from.IsNil() {
			return
		}
		to.Set(reflect.MakeMap(from.Type()))
		for i := from.MapRange(); i.Next(); {
			key, value := reflect.New(from.Type().Key()).Elem(), reflect.New(from.Type().Elem()).Elem()
			copyText(key, i.Key())
			copyText(value, i.Value())
			to.SetMapIndex(key, value)
		}
	case reflect.Pointer, reflect.Interface:
		if from.IsNil() {
			return
		}
		one := reflect.New(from.Elem().Type())
		copyText(one.Elem(), from.Elem())
		if from.Kind() == reflect.Interface {
			one = one.Elem()
		}
		to.Set(one)
	default:
		to.Set(from)
	}
}
