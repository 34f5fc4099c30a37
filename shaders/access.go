package shaders

import (
	"errors"
	"strings"
)

// uncommented returns a text without its comments.
func uncommented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		code, _, found := strings.Cut(line, "//")
		b.WriteString(code)
		if found {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// redirected makes calls of the accesses to an array. It turns each name[i] of a text
// without comments into READname(i), and each name[i] = v; into WRITEname(i, v);. It is an
// error if the text writes a part of an element, or adds to one.
func redirected(text, name, read, write string) (string, error) {
	var b strings.Builder
	for {
		at := strings.Index(text, name+"[")
		if at < 0 {
			return b.String() + text, nil
		}
		open := at + len(name)
		if at > 0 && inWord(text[at-1]) {
			b.WriteString(text[:open+1])
			text = text[open+1:]
			continue
		}
		end, depth := open+1, 1
		for ; end < len(text) && depth > 0; end++ {
			switch text[end] {
			case '[':
				depth++
			case ']':
				depth--
			}
		}
		index, err := redirected(text[open+1:end-1], name, read, write)
		if err != nil {
			return "", err
		}
		index = "u32(" + index + ")" // it may be an i32
		before, after := text[:at], text[end:]
		value, whole := strings.CutPrefix(strings.TrimLeft(after, " "), "= ")
		switch {
		case whole:
			value, rest, _ := strings.Cut(value, ";")
			if value, err = redirected(value, name, read, write); err != nil {
				return "", err
			}
			b.WriteString(before + write + name + "(" + index + ", " + value + ");")
			text = rest
		case changed(after):
			return "", errors.New("a part of an element is assigned, or a sum")
		default:
			b.WriteString(before + read + name + "(" + index + ")")
			text = after
		}
	}
}

// changed reports whether text, which follows an element, assigns to a component of it or
// adds to it.
func changed(text string) bool {
	for text != "" && (inWord(text[0]) || text[0] == '[') {
		if text[0] == '[' {
			_, text, _ = strings.Cut(text, "]")
			continue
		}
		text = text[1:]
	}
	text = strings.TrimLeft(text, " ")
	if text != "" && strings.ContainsRune("+-*/%&|^", rune(text[0])) {
		text = text[1:]
	}
	return strings.HasPrefix(text, "= ")
}

// inWord reports whether a name goes on with c, or is a field behind it.
func inWord(c byte) bool {
	return c == '.' || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
