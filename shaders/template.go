package shaders

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
)

// template is a kernel file with its imports, taken apart: Programs makes very many kernels
// of few files.
type template struct {
	constants []constant
	parts     []part // text before the first constant, behind it, and so on
	ends      []int  // of the parts before each constant
}

// part is a piece of text that stays, and what follows it: a constant expression that
// becomes a number, or the name of an alias that becomes its type.
type part struct{ text, size, alias string }

// templates keeps those of this package's files.
var templates sync.Map // by file: *template

// templateOf returns the template of a kernel file.
func templateOf(own fs.FS, kernel string) (*template, error) {
	if t, ok := templates.Load(kernel); ok && own == nil {
		return t.(*template), nil
	}
	text, err := splice(own, kernel)
	if err != nil {
		return nil, err
	}
	t := newTemplate(text)
	if own == nil {
		templates.Store(kernel, t)
	}
	return t, nil
}

func newTemplate(text string) *template {
	t := &template{}
	at := 0
	for c, ok := nextConstant(text, 0); ok; c, ok = nextConstant(text, c.end) {
		t.parts = append(t.parts, split(text[at:c.start])...)
		t.constants, t.ends = append(t.constants, c), append(t.ends, len(t.parts))
		at = c.end
	}
	t.parts = append(t.parts, split(text[at:])...)
	return t
}

// constant is a declaration at the beginning of a line: "const NAME: T = EXPR;",
// "alias NAME = TYPE;" or "fn chosen_NAME(…) -> T { return EXPR; }".
type constant struct {
	name, expr string
	kind       byte // the declaration's first letter
	left       string
	start, end int // in the text
}

// nextConstant finds the first declaration from at on.
func nextConstant(src string, at int) (c constant, ok bool) {
	const mark, alias, chosen = "const ", "alias ", "fn chosen_"
	for ; at < len(src); at++ {
		skip, sep := len(mark), " = "
		rest := src[at:]
		switch {
		case strings.HasPrefix(rest, mark), strings.HasPrefix(rest, alias): // of the same length
		case strings.HasPrefix(rest, chosen):
			skip, sep = len(chosen), "return "
		default:
			skip = 0
		}
		if skip > 0 {
			end := strings.IndexByte(rest, ';')
			left, expr, found := strings.Cut(rest[skip:max(end, skip)], sep)
			if found {
				name := left[:strings.IndexAny(left+":", ":(")]
				return constant{name, expr, rest[0], rest[:skip] + left + sep, at, at + end + 1}, true
			}
		}
		line := strings.IndexByte(src[at:], '\n')
		if line < 0 {
			break
		}
		at += line
	}
	return c, false
}

// split finds what has to be a literal: workgroup sizes, the lengths in array<T, LENGTH>,
// and bitcast<ALIAS>, which not all compilers take.
func split(text string) []part {
	const group, array, bitcast = "@workgroup_size(", "array<", "bitcast<"
	at, mark := len(text), ""
	for _, m := range []string{group, array, bitcast} {
		if i := strings.Index(text[:at], m); i >= 0 {
			at, mark = i, m
		}
	}
	if mark == "" {
		return []part{{text: text}}
	}
	parts, rest := []part{{text: text[:at+len(mark)]}}, text[at+len(mark):]
	switch mark {
	case group:
		sizes, _, _ := strings.Cut(rest, ")")
		for i, size := range strings.Split(sizes, ",") {
			if i > 0 {
				parts = append(parts, part{text: ", "})
			}
			parts = append(parts, part{size: size})
		}
		rest = rest[len(sizes):]
	case array:
		comma, end := arrayEnds(rest)
		if length := rest[comma:end]; end > comma && strings.Trim(length, ", ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_u*/+-") == "" {
			parts = append(parts, split(rest[:comma])...)
			parts = append(parts, part{text: ", ", size: length[1:]})
			rest = rest[end:]
		}
	case bitcast:
		alias, _, _ := strings.Cut(rest, ">")
		parts = append(parts, part{alias: alias})
		rest = rest[len(alias):]
	}
	return append(parts, split(rest)...)
}

// arrayEnds returns where an array's type has its last comma and where it ends. Without a
// length both are 0.
func arrayEnds(inside string) (comma, end int) {
	depth := 1
	for i, c := range []byte(inside) {
		switch c {
		case '<':
			depth++
		case '>':
			if depth--; depth == 0 {
				if comma == 0 {
					return 0, 0
				}
				return comma, i
			}
		case ',':
			if depth == 1 {
				comma = i
			}
		case ';', '{', '}', '=':
			return 0, 0
		}
	}
	return 0, 0
}

// fill returns the text with constants set. Constant expressions in declarations of
// constants, workgroup sizes and array lengths are literals in it.
func (t *template) fill(set Set) (string, error) {
	values := make(map[string]string, len(t.constants))
	declarations := make([]string, len(t.constants))
	for i, c := range t.constants {
		text, err := c.text(set, values)
		if err != nil {
			return "", fmt.Errorf("constant %s: %w", c.name, err)
		}
		values[c.name] = text
		declarations[i] = c.left + text + ";"
		if c.kind == 'c' {
			declarations[i] = "const " + c.name + " = " + text + ";" // the literal has the type
		}
	}
	for name := range set {
		if _, ok := values[name]; !ok {
			return "", fmt.Errorf("no constant %s", name)
		}
	}
	var b strings.Builder
	at := 0
	for i, end := range append(t.ends[:len(t.ends):len(t.ends)], len(t.parts)) {
		if err := write(&b, t.parts[at:end], values); err != nil {
			return "", err
		}
		at = end
		if i < len(declarations) {
			if err := write(&b, split(declarations[i]), values); err != nil {
				return "", err
			}
		}
	}
	return b.String(), nil
}

// text returns the constant's value, as it stands in the final text. Values has those
// before it.
func (c constant) text(set Set, values map[string]string) (string, error) {
	if v, ok := set[c.name]; ok {
		return c.literal(v)
	}
	if c.kind != 'c' || isNumber(c.expr) || c.expr == "true" || c.expr == "false" {
		return c.expr, nil
	}
	n, err := evaluate(c.expr, values)
	return fmt.Sprintf("%du", n), err
}

// write writes parts, with the values of constants in them.
func write(b *strings.Builder, parts []part, values map[string]string) error {
	for _, p := range parts {
		b.WriteString(p.text)
		if p.size != "" {
			n, err := evaluate(p.size, values)
			if err != nil {
				return err
			}
			b.WriteString(strconv.Itoa(n))
		}
		if t, ok := values[p.alias]; ok {
			b.WriteString(t)
		} else {
			b.WriteString(p.alias)
		}
	}
	return nil
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(strings.TrimRight(strings.TrimSpace(s), "uif"), 64)
	return err == nil
}

// literal returns v as WGSL: a literal, or the type of an alias.
func (c constant) literal(v any) (string, error) {
	switch v := v.(type) {
	case Type:
		if c.kind == 'a' {
			return string(v), nil
		}
	case Calls:
		if c.kind == 'f' {
			return v.of(c.expr), nil
		}
	}
	if c.kind != 'c' {
		return "", fmt.Errorf("cannot write %v for %s", v, c.expr)
	}
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		if v < 0 {
			return "", fmt.Errorf("%d is negative", v)
		}
		return fmt.Sprintf("%du", v), nil
	case float64:
		s := strconv.FormatFloat(v, 'g', 9, 32)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s, nil
	}
	return "", fmt.Errorf("cannot write %T for %s", v, c.expr)
}
