// Package shaders holds the WGSL kernels and knows which of them, with which
// choices, can compute an op: pure text and arithmetic that needs no GPU.
//
// A kernel file is ordinary WGSL with default constants. Source sets constants
// by name, splices the snippets named by "//wgsl:import NAME" from lib, and
// reduces constant expressions to literals, as far as the oldest compiler
// (naga 0.13) needs them reduced.
package shaders

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

//go:embed *.wgsl lib/*.wgsl
var files embed.FS

// Set gives values to constants of a kernel file: int for u32, float64 for
// f32, bool for bool.
type Set map[string]any

var (
	importLine = regexp.MustCompile(`(?m)^//wgsl:import (\w+)\n`)
	constLine  = regexp.MustCompile(`(?m)^const (\w+)(?:: *\w+)? = ([^;]+);`)
	sizeAttr   = regexp.MustCompile(`@workgroup_size\(([^)]*)\)`)
	arrayType  = regexp.MustCompile(`\b(array<[^;{}=]*?), *([A-Z0-9_u*/+\- ]+)>`)
	name       = regexp.MustCompile(`\b[A-Z][A-Z0-9_]*\b`)
)

// Source returns the final text of the kernel file NAME.wgsl with constants
// set. It is an error to set a constant that the file does not declare.
func Source(kernel string, set Set) (string, error) {
	text, err := files.ReadFile(kernel + ".wgsl")
	if err != nil {
		return "", fmt.Errorf("shaders: no kernel %s", kernel)
	}
	src := string(text)
	imported := map[string]bool{}
	for {
		m := importLine.FindStringSubmatchIndex(src)
		if m == nil {
			break
		}
		lib, snippet := src[m[2]:m[3]], []byte(nil)
		if !imported[lib] {
			if snippet, err = files.ReadFile("lib/" + lib + ".wgsl"); err != nil {
				return "", fmt.Errorf("shaders: %s: no snippet %s", kernel, lib)
			}
			imported[lib] = true
		}
		src = src[:m[0]] + string(snippet) + src[m[1]:]
	}
	src, err = reduce(src, set)
	if err != nil {
		return "", fmt.Errorf("shaders: %s: %w", kernel, err)
	}
	return src, nil
}

// Kernels lists the names of the kernel files.
func Kernels() []string {
	paths, _ := fs.Glob(files, "*.wgsl")
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(p, ".wgsl")
	}
	sort.Strings(paths)
	return paths
}

// reduce sets constants and replaces constant expressions by literals in
// constant declarations, workgroup sizes and array lengths.
func reduce(src string, set Set) (string, error) {
	values := map[string]string{}
	var err error
	fail := func(e error) {
		if err == nil {
			err = e
		}
	}
	src = constLine.ReplaceAllStringFunc(src, func(line string) string {
		m := constLine.FindStringSubmatch(line)
		expr := m[2]
		if v, ok := set[m[1]]; ok {
			text, e := literal(v, expr)
			if e != nil {
				fail(fmt.Errorf("constant %s: %w", m[1], e))
			}
			expr = text
		} else if name.MatchString(expr) || strings.ContainsAny(expr, "*/+-%") && !isNumber(expr) {
			n, e := evaluate(expr, values)
			if e != nil {
				fail(fmt.Errorf("constant %s: %w", m[1], e))
			}
			expr = fmt.Sprintf("%du", n)
		}
		values[m[1]] = expr
		return fmt.Sprintf("const %s = %s;", m[1], expr)
	})
	for k := range set {
		if _, ok := values[k]; !ok {
			fail(fmt.Errorf("no constant %s", k))
		}
	}
	size := func(expr string) string {
		n, e := evaluate(expr, values)
		if e != nil {
			fail(e)
		}
		return strconv.Itoa(n)
	}
	src = sizeAttr.ReplaceAllStringFunc(src, func(attr string) string {
		dims := strings.Split(sizeAttr.FindStringSubmatch(attr)[1], ",")
		for i, d := range dims {
			dims[i] = size(d)
		}
		return "@workgroup_size(" + strings.Join(dims, ", ") + ")"
	})
	src = arrayType.ReplaceAllStringFunc(src, func(t string) string {
		m := arrayType.FindStringSubmatch(t)
		return m[1] + ", " + size(m[2]) + ">"
	})
	return src, err
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(strings.TrimRight(strings.TrimSpace(s), "uif"), 64)
	return err == nil
}

// literal writes v as a WGSL literal of the type that the default has.
func literal(v any, byDefault string) (string, error) {
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
	return "", fmt.Errorf("cannot write %T for %s", v, byDefault)
}

// evaluate computes an expression of unsigned integers and known constants
// with + - * / % and parentheses.
func evaluate(expr string, values map[string]string) (int, error) {
	p := parser{text: strings.ReplaceAll(expr, " ", ""), values: values}
	n := p.sum()
	if p.err == nil && p.at != len(p.text) {
		p.fail()
	}
	return n, p.err
}

type parser struct {
	text   string
	at     int
	values map[string]string
	err    error
}

func (p *parser) fail() int {
	if p.err == nil {
		p.err = fmt.Errorf("constant expression %q", p.text)
	}
	p.at = len(p.text)
	return 1
}

func (p *parser) accept(set string) byte {
	if p.at < len(p.text) && strings.IndexByte(set, p.text[p.at]) >= 0 {
		p.at++
		return p.text[p.at-1]
	}
	return 0
}

func (p *parser) sum() int {
	n := p.product()
	for {
		switch p.accept("+-") {
		case '+':
			n += p.product()
		case '-':
			n -= p.product()
		default:
			return n
		}
	}
}

func (p *parser) product() int {
	n := p.factor()
	for {
		op := p.accept("*/%")
		if op == 0 {
			return n
		}
		m := p.factor()
		switch {
		case op == '*':
			n *= m
		case m == 0:
			return p.fail()
		case op == '/':
			n /= m
		default:
			n %= m
		}
	}
}

func (p *parser) factor() int {
	if p.accept("(") != 0 {
		n := p.sum()
		if p.accept(")") == 0 {
			return p.fail()
		}
		return n
	}
	start := p.at
	for p.at < len(p.text) && !strings.ContainsRune("+-*/%()", rune(p.text[p.at])) {
		p.at++
	}
	word := p.text[start:p.at]
	if v, ok := p.values[word]; ok {
		word = v
	}
	n, err := strconv.Atoi(strings.TrimSuffix(word, "u"))
	if err != nil {
		return p.fail()
	}
	return n
}
