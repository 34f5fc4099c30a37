package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
)

const shapesWanted = `want a JSON array of shapes, as [{"name": "fc", "op": "linear", "m": 1, "k": 768, "n": 1000}]`

// parseShapes reads a JSON array. An error says in which entry and line.
func parseShapes(text []byte) ([]Shape, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	line := func(at int64) int { return 1 + bytes.Count(text[:min(at, int64(len(text)))], []byte("\n")) }
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, errors.New(shapesWanted)
	}
	var shapes []Shape
	for d.More() {
		var entry json.RawMessage
		if err := d.Decode(&entry); err != nil {
			at := d.InputOffset()
			if s := (*json.SyntaxError)(nil); errors.As(err, &s) {
				at = s.Offset
			}
			return nil, fmt.Errorf("entry %d, line %d: %w; %s", len(shapes)+1, line(at), err, shapesWanted)
		}
		s, err := parseShape(entry)
		if err != nil {
			where := fmt.Sprintf("entry %d", len(shapes)+1)
			if s.Name != "" {
				where += fmt.Sprintf(" (%s)", s.Name)
			}
			return nil, fmt.Errorf("%s, line %d: %w", where, line(d.InputOffset()-int64(len(entry))), err)
		}
		shapes = append(shapes, s)
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("line %d: no ] at the end; %s", line(int64(len(text))), shapesWanted)
	}
	if len(shapes) == 0 {
		return nil, errors.New("no shapes; " + shapesWanted)
	}
	return shapes, nil
}

// key is one key of a shape's JSON.
type key struct {
	name   string
	to     any // *string, *bool, *int or *graph.Pair
	least  int // smallest allowed number
	needed bool
}

// keys lists the keys that a shape of s.Op may have.
func (s *Shape) keys() []key {
	keys := []key{
		{"name", &s.Name, 0, false},
		{"op", &s.Op, 0, true},
		{"count", &s.Count, 0, false},
		{"bias", &s.Bias, 0, false},
		{"data", &s.Data, 0, false},
	}
	switch s.Op {
	case "conv2d":
		keys = append(keys, []key{
			{"batch", &s.Batch, 1, false},
			{"h", &s.H, 1, true},
			{"w", &s.W, 1, true},
			{"cin", &s.Cin, 1, true},
			{"cout", &s.Cout, 1, true},
			{"kernel", &s.Kernel, 1, true},
			{"stride", &s.Stride, 1, false},
			{"pad", &s.Pad, 0, false},
			{"groups", &s.Groups, 1, false},
		}...)
	case "linear":
		keys = append(keys, []key{
			{"m", &s.M, 1, true},
			{"k", &s.K, 1, true},
			{"n", &s.N, 1, true},
		}...)
	}
	return keys
}

// parseShape reads one shape. If the shape is wrong, it still returns the name.
func parseShape(text []byte) (s Shape, err error) {
	given := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &given); err != nil {
		return s, errors.New(shapesWanted)
	}
	for _, name := range []string{"name", "op"} { // the other keys depend on these
		for _, k := range s.keys() {
			if v, ok := given[name]; ok && k.name == name {
				if err := k.parse(v); err != nil {
					return s, err
				}
			}
		}
	}
	if s.Op != "conv2d" && s.Op != "linear" {
		return s, fmt.Errorf("op %q, want conv2d or linear", s.Op)
	}
	var names []string
	for _, k := range s.keys() {
		names = append(names, k.name)
		v, ok := given[k.name]
		switch {
		case ok:
			if err := k.parse(v); err != nil {
				return s, err
			}
		case k.needed:
			return s, fmt.Errorf("no %q, %s", k.name, k.wanted())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(names, name) {
			return s, fmt.Errorf("unknown key %q; a %s has %s", name, s.Op, strings.Join(names, ", "))
		}
	}
	return s, nil
}

func (k key) wanted() string {
	switch k.to.(type) {
	case *string:
		return "want a text"
	case *bool:
		return "want true or false"
	case *graph.Pair:
		return fmt.Sprintf("want two whole numbers of %d or more, down and across, as [3, 3]", k.least)
	}
	return fmt.Sprintf("want a whole number of %d or more", k.least)
}

func (k key) parse(v json.RawMessage) error {
	ok := false
	switch to := k.to.(type) {
	case *graph.Pair:
		var pair []int
		if err := json.Unmarshal(v, &pair); err == nil && len(pair) == 2 && min(pair[0], pair[1]) >= k.least {
			*to, ok = graph.Pair(pair), true
		}
	case *int:
		ok = json.Unmarshal(v, to) == nil && *to >= k.least
	default:
		ok = json.Unmarshal(v, to) == nil
	}
	if !ok || string(v) == "null" {
		return fmt.Errorf("%q is %s, %s", k.name, v, k.wanted())
	}
	return nil
}
