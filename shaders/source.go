// Package shaders holds the WGSL kernels, and says which of them can compute an op. It is
// text and arithmetic, and needs no GPU.
//
// Programs lists the programs for a Call, which is an op on args of given shapes. A Program
// has Kernels in their order, scratch, and layouts of constants. A Kernel is data, and
// Kernel.Source returns its text.
//
// A kernel file is ordinary WGSL with default constants. Source sets constants by name. It
// replaces each line "//wgsl:import NAME" by lib/NAME.wgsl. It reduces constant
// expressions to literals where naga 0.13, the oldest compiler, needs that.
package shaders

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed *.wgsl lib/*.wgsl
var files embed.FS

// Set gives values to constants of a kernel file by name. An int is a u32, a float64 an
// f32, a bool a bool, and a Type is what an alias stands for. Calls are for a function
// whose name begins with chosen_.
type Set map[string]any

// Type is a type of WGSL.
type Type string

// Calls is what a chosen function returns: functions separated by dots, the first one first.
// An empty Calls is the file's own expression. A function of one number is its name, and one
// of two numbers has the other number before or after it.
//
// "fn chosen_NAME(v: T, a: T) -> T { return v; }" with "exp.a~sub.plus" returns
// f_plus(g_sub(a, f_exp(v, sizes.p0, sizes.q0)), sizes.p2, sizes.q2).
type Calls string

// of returns the calls around an expression.
func (c Calls) of(expr string) string {
	if c == "" {
		return expr
	}
	for i, name := range strings.Split(string(c), ".") {
		first, second, two := strings.Cut(name, "~")
		switch {
		case !two:
			expr = fmt.Sprintf("f_%s(%s, sizes.p%d, sizes.q%d)", name, expr, i, i)
		case len(second) == 1: // the other number
			expr = fmt.Sprintf("g_%s(%s, %s)", first, expr, second)
		default:
			expr = fmt.Sprintf("g_%s(%s, %s)", second, first, expr)
		}
	}
	return expr
}

// element returns the Set of a kernel whose Element is an f32, or a vec4 if width is 4.
func element(width int) Set {
	if width == 4 {
		return Set{"Element": Type("vec4<f32>")}
	}
	return Set{"Element": Type("f32")}
}

// source returns the final text of a kernel file, with constants set. A constant that the
// file does not declare is an error.
func source(own fs.FS, kernel string, set Set) (string, error) {
	src, err := splice(own, kernel)
	if err != nil {
		return "", err
	}
	src, err = reduce(src, set)
	if err != nil {
		return "", fmt.Errorf("shaders: %s: %w", kernel, err)
	}
	return src, nil
}

// read returns the caller's own file of this path, or else this package's.
func read(own fs.FS, path string) ([]byte, error) {
	if own != nil {
		if text, err := fs.ReadFile(own, path); !errors.Is(err, fs.ErrNotExist) {
			return text, err
		}
	}
	return files.ReadFile(path)
}

// splice returns the text of a kernel file with its imports in their places. It leaves out
// a snippet that is named again.
func splice(own fs.FS, kernel string) (string, error) {
	text, err := read(own, kernel+".wgsl")
	if err != nil {
		return "", fmt.Errorf("shaders: no kernel %s: %w", kernel, err)
	}
	var b strings.Builder
	if err := imports(&b, own, text, map[string]bool{}); err != nil {
		return "", fmt.Errorf("shaders: %s: %w", kernel, err)
	}
	return b.String(), nil
}

// imports writes text with its imports in their places. It leaves out those in done.
func imports(b *strings.Builder, own fs.FS, text []byte, done map[string]bool) error {
	for {
		before, rest, found := bytes.Cut(text, []byte("//wgsl:import "))
		b.Write(before)
		if !found {
			return nil
		}
		line, rest, _ := bytes.Cut(rest, []byte("\n"))
		if name := string(line); !done[name] {
			snippet, err := read(own, "lib/"+name+".wgsl")
			if err != nil {
				return fmt.Errorf("no snippet %s: %w", name, err)
			}
			done[name] = true
			if err := imports(b, own, snippet, done); err != nil {
				return err
			}
		}
		text = rest
	}
}

// reduce sets constants. It replaces constant expressions by literals in declarations of
// constants, workgroup sizes and array lengths.
func reduce(src string, set Set) (string, error) {
	r := reducer{values: map[string]string{}}
	src = r.constants(src, set)
	for k := range set {
		if _, ok := r.values[k]; !ok {
			r.fail(fmt.Errorf("no constant %s", k))
		}
	}
	src = r.bitcasts(r.arrays(r.sizes(src)))
	return src, r.err
}

// reducer rewrites a text piece by piece. It scans by hand: it runs for every candidate of
// every op, and regular expressions are slow.
type reducer struct {
	values map[string]string // of constants, as literals
	err    error             // the first
}

func (r *reducer) fail(err error) {
	if r.err == nil {
		r.err = err
	}
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

func (r *reducer) constants(src string, set Set) string {
	var b strings.Builder
	at := 0
	for {
		c, ok := nextConstant(src, at)
		if !ok {
			b.WriteString(src[at:])
			return b.String()
		}
		if v, ok := set[c.name]; ok {
			text, err := c.literal(v)
			if err != nil {
				r.fail(fmt.Errorf("constant %s: %w", c.name, err))
			}
			c.expr = text
		} else if c.kind == 'c' && !isNumber(c.expr) && c.expr != "true" && c.expr != "false" {
			n, err := evaluate(c.expr, r.values)
			if err != nil {
				r.fail(fmt.Errorf("constant %s: %w", c.name, err))
			}
			c.expr = fmt.Sprintf("%du", n)
		}
		r.values[c.name] = c.expr
		b.WriteString(src[at:c.start])
		if c.kind == 'c' {
			c.left = "const " + c.name + " = " // the literal has the type
		}
		b.WriteString(c.left + c.expr + ";")
		at = c.end
	}
}

// size returns the value of a constant expression, in digits.
func (r *reducer) size(expr string) string {
	n, err := evaluate(expr, r.values)
	if err != nil {
		r.fail(err)
	}
	return strconv.Itoa(n)
}

// sizes reduces @workgroup_size(A, B, C).
func (r *reducer) sizes(src string) string {
	const mark = "@workgroup_size("
	head, rest, found := strings.Cut(src, mark)
	args, tail, closed := strings.Cut(rest, ")")
	if !found || !closed {
		return src
	}
	dims := strings.Split(args, ",")
	for i, d := range dims {
		dims[i] = r.size(d)
	}
	return head + mark + strings.Join(dims, ", ") + ")" + r.sizes(tail)
}

// arrays reduces the lengths in array<T, LENGTH>.
func (r *reducer) arrays(src string) string {
	const mark = "array<"
	var b strings.Builder
	for {
		at := strings.Index(src, mark)
		if at < 0 {
			b.WriteString(src)
			return b.String()
		}
		inside := src[at+len(mark):]
		comma, end := arrayEnds(inside)
		b.WriteString(src[:at+len(mark)])
		if length := inside[comma:end]; end > comma && strings.Trim(length, ", ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_u*/+-") == "" {
			b.WriteString(r.arrays(inside[:comma]) + ", " + r.size(length[1:]))
			src = inside[end:]
		} else {
			src = inside
		}
	}
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

// bitcasts replaces the name of an alias in bitcast<NAME>, which not all compilers take.
func (r *reducer) bitcasts(src string) string {
	const mark = "bitcast<"
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(src, mark)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString(mark)
		name, _, _ := strings.Cut(rest, ">")
		src = rest
		if t, ok := r.values[name]; ok {
			b.WriteString(t)
			src = rest[len(name):]
		}
	}
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
