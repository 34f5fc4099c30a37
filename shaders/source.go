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
	t, err := templateOf(own, kernel)
	if err != nil {
		return "", err
	}
	text, err := t.fill(set)
	if err != nil {
		return "", fmt.Errorf("shaders: %s: %w", kernel, err)
	}
	return text, nil
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
