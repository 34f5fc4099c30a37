package weights

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// checkJSON returns an error if text is not JSON, is not UTF-8, or has an object with
// the same name twice. Of two names that are the same, or become the same where they
// are not UTF-8, encoding/json keeps only one.
func checkJSON(text []byte) error {
	if !json.Valid(text) {
		var v struct{}
		return json.Unmarshal(text, &v) // says where it is not JSON
	}
	var objects []names // that are open, and lists
	var odd []string    // names and values that are not UTF-8
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '{', '[':
			objects = append(objects, names{})
		case '}', ']':
			objects = objects[:len(objects)-1]
		case '"':
			end := i + 1
			plain := true
			for text[end] != '"' {
				if text[end] == '\\' {
					plain = false
					end++
				}
				end++
			}
			quoted := text[i : end+1]
			i = end
			if !utf8.Valid(quoted) {
				odd = append(odd, fmt.Sprintf("%.60q", quoted[1:len(quoted)-1]))
				continue
			}
			if !isName(text[end+1:]) {
				continue
			}
			name := string(quoted[1 : len(quoted)-1])
			if !plain {
				if err := json.Unmarshal(quoted, &name); err != nil {
					return err
				}
			}
			if !objects[len(objects)-1].add(name) {
				return fmt.Errorf("name %.100q is used twice", name)
			}
		}
	}
	switch n := len(odd); {
	case n == 1:
		return fmt.Errorf("%s is not UTF-8", odd[0])
	case n > 4:
		return fmt.Errorf("%s and %d more are not UTF-8", strings.Join(odd[:4], ", "), n-4)
	case n > 1:
		return fmt.Errorf("%s are not UTF-8", strings.Join(odd, ", "))
	}
	return nil
}

// names is a set of the names in an object, which has few or many.
type names struct {
	few  []string
	many map[string]bool
}

// add adds a name and reports whether it is new.
func (n *names) add(name string) bool {
	if n.many == nil && len(n.few) < 8 {
		if slices.Contains(n.few, name) {
			return false
		}
		n.few = append(n.few, name)
		return true
	}
	if n.many == nil {
		n.many = map[string]bool{}
		for _, f := range n.few {
			n.many[f] = true
		}
	}
	if n.many[name] {
		return false
	}
	n.many[name] = true
	return true
}

// isName reports whether the string before rest is a name: a colon follows.
func isName(rest []byte) bool {
	for _, c := range rest {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return c == ':'
		}
	}
	return false
}
