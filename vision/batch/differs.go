package batch

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/zoo"
)

// setting is what a Spec says under the name of a flag.
type setting struct {
	name  string
	value any
	model bool // results differ by it only if the fingerprints differ
}

// settings are all that a Spec says, except for the fingerprint.
func (s Spec) settings() []setting {
	onnx := cmp.Or(s.ONNX, &zoo.ONNXOptions{})
	in := onnx.Input
	vectors := "parquet"
	if s.NPY {
		vectors = "npy"
	}
	return []setting{
		{"task", s.Task, false}, {"model", s.Model, false}, {"scale", s.Scale, false},
		{"weights", s.Weights, true}, {"vocab", s.Vocabulary, true}, {"key", s.Key, true}, {"classes", s.Classes, true},
		{"model", s.CLIP.Model, true}, {"clip-heads", s.CLIP.Heads, true}, {"clip-heads of texts", s.CLIP.TextHeads, true}, {"clip-activation", s.CLIP.Activation, true},
		{"size", s.Size, false}, {"labels", s.Labels, false},
		{"dim", onnx.Dims, true}, {"range", in.Range, true}, {"mean", []float64(in.Mean), true}, {"std", []float64(in.Std), true},
		{"channels", in.Channels, true}, {"fit", in.Fit, true}, {"input-layout", in.Layout, true},
		{"top", s.Top, false}, {"normalize", s.Normalize, false}, {"layer", s.Layer, false}, {"layout", s.Layout, false},
		{"threshold", s.Threshold, false}, {"format", s.Format, false}, {"sha256", s.SHA256, false}, {"vectors", vectors, false},
	}
}

// differs says by which flags the results of two specs may differ. It is empty if there is
// none.
func (s Spec) differs(o Spec) string {
	var all []string
	now := o.settings()
	for i, was := range s.settings() {
		if was.model && s.Fingerprint == o.Fingerprint || empty(was.value) && empty(now[i].value) || reflect.DeepEqual(was.value, now[i].value) {
			continue
		}
		all = append(all, was.name+" "+difference(was.value, now[i].value))
	}
	if len(all) == 0 && s.Fingerprint != o.Fingerprint {
		return fmt.Sprintf("the weights %s, or a file beside them that says how pictures are prepared, are not as they were", files.Quote(cmp.Or(s.Weights, s.Model)))
	}
	return strings.Join(all, "; ")
}

// empty reports whether a flag is not given.
func empty(v any) bool {
	x := reflect.ValueOf(v)
	if k := x.Kind(); k == reflect.Map || k == reflect.Slice {
		return x.Len() == 0
	}
	return x.IsZero()
}

// difference names two values that differ, and of lists of names the first line that does.
func difference(was, now any) string {
	a, ok := was.([]string)
	b, _ := now.([]string)
	if !ok || len(a) == 0 || len(b) == 0 {
		return shown(was) + ", not " + shown(now)
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("with %s in line %d, not %s", files.Quote(a[i]), i+1, files.Quote(b[i]))
		}
	}
	return fmt.Sprintf("of %d lines, not %d", len(a), len(b))
}

// shown is a value as a flag has it.
func shown(v any) string {
	if _, ok := v.(bool); empty(v) && !ok {
		return "none"
	}
	switch v := v.(type) {
	case [2]int:
		return fmt.Sprintf("%dx%d", v[0], v[1])
	case []string:
		return fmt.Sprintf("of %d lines", len(v))
	case string:
		return files.Quote(v)
	case []float64:
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(v), " ", ","), "[]")
	case map[string]int:
		return strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(v), "map["), "]"), ":", "=")
	}
	return fmt.Sprint(v)
}
