package weights

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// line is what a safetensors header says of a tensor.
type line struct {
	DType   string  `json:"dtype"`
	Shape   []int64 `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// parseLine reads a line that is JSON. A header may have many thousands of lines, and
// writers give them the same form. json.Unmarshal reads what is of another form.
func parseLine(text []byte) (line, error) {
	if l, ok := usualLine(text); ok {
		return l, nil
	}
	var l line
	return l, json.Unmarshal(text, &l)
}

// usualLine reads {"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}, in any order and
// with any blanks. It reports whether text is of that form.
func usualLine(text []byte) (l line, ok bool) {
	var seen [3]bool
	rest := bytes.TrimSpace(text)
	for range seen {
		if len(rest) == 0 || rest[0] != '{' && rest[0] != ',' {
			return l, false
		}
		var name, value []byte
		if name, rest, ok = cutQuoted(rest[1:]); !ok {
			return l, false
		}
		rest = bytes.TrimLeft(rest, blanks)
		if len(rest) == 0 || rest[0] != ':' {
			return l, false
		}
		rest = rest[1:]
		which := 0
		switch string(name) {
		case "dtype":
			if value, rest, ok = cutQuoted(rest); !ok {
				return l, false
			}
			l.DType = string(value)
		case "shape":
			which = 1
			if l.Shape, rest, ok = cutNumbers(rest); !ok {
				return l, false
			}
		case "data_offsets":
			which = 2
			if l.Offsets, rest, ok = cutNumbers(rest); !ok {
				return l, false
			}
		default:
			return l, false
		}
		if seen[which] {
			return l, false
		}
		seen[which] = true
		rest = bytes.TrimLeft(rest, blanks)
	}
	return l, string(rest) == "}"
}

// blanks are what JSON allows between its parts.
const blanks = " \t\r\n"

// cutQuoted cuts a string without escapes off text.
func cutQuoted(text []byte) (value, rest []byte, ok bool) {
	text = bytes.TrimLeft(text, blanks)
	if len(text) == 0 || text[0] != '"' {
		return nil, nil, false
	}
	value, rest, ok = bytes.Cut(text[1:], []byte{'"'})
	return value, rest, ok && bytes.IndexByte(value, '\\') < 0
}

// cutNumbers cuts a list of whole numbers off text.
func cutNumbers(text []byte) (numbers []int64, rest []byte, ok bool) {
	text = bytes.TrimLeft(text, blanks)
	if len(text) == 0 || text[0] != '[' {
		return nil, nil, false
	}
	list, rest, ok := bytes.Cut(text[1:], []byte{']'})
	if !ok {
		return nil, nil, false
	}
	numbers = make([]int64, 0, 4)
	if list = bytes.Trim(list, blanks); len(list) == 0 {
		return numbers, rest, true
	}
	for more := true; more; {
		var digits []byte
		digits, list, more = bytes.Cut(list, []byte{','})
		n, err := strconv.ParseInt(string(bytes.Trim(digits, blanks)), 10, 64)
		if err != nil {
			return nil, nil, false
		}
		numbers = append(numbers, n)
	}
	return numbers, rest, true
}
