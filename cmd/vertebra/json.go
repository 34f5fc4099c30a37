package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/vertebra/vertebra/internal/files"
)

// printJSON writes a value as indented JSON. Names that are not UTF-8 become what
// files.Text makes of them. Characters that are not printable, such as marks of
// direction, are escaped.
func printJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(inUTF8(v)); err != nil {
		return err
	}
	_, err := w.Write(escaped(b.Bytes()))
	return err
}

// escaped escapes what is not printable in the strings of text, which is JSON.
func escaped(text []byte) []byte {
	hidden := func(r rune) bool { return r >= utf8.RuneSelf && !strconv.IsPrint(r) }
	if bytes.IndexFunc(text, hidden) < 0 {
		return text
	}
	var out []byte
	for _, r := range string(text) {
		if !hidden(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
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
