package shaders

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var (
	structure   = regexp.MustCompile(`(?s)struct (\w+) \{(.*?)\}`)
	member      = regexp.MustCompile(`(\w+): (\w+)`)
	comment     = regexp.MustCompile(`//[^\n]*`)
	declaration = regexp.MustCompile(`@group\(0\) @binding\((\d+)\) var<([^>]*)> (\w+): (\w+)`)
)

// declared is the interface that a kernel file declares.
type declared struct {
	sizes    []string   // names and types
	bindings [][]string // text, number, class, name and type
}

// fields returns the members of struct name in a text. It replaces a struct inside it
// by that struct's members.
func fields(text, name string) []string {
	var all []string
	for _, s := range structure.FindAllStringSubmatch(comment.ReplaceAllString(text, ""), -1) {
		if s[1] != name {
			continue
		}
		for _, m := range member.FindAllStringSubmatch(s[2], -1) {
			if inner := fields(text, m[2]); inner != nil {
				all = append(all, inner...)
			} else {
				all = append(all, m[1]+" "+m[2])
			}
		}
	}
	return all
}

// TestSizes compares the sizes that Go fills with the struct of each kernel file:
// names, order and types.
func TestSizes(t *testing.T) {
	eachKernel(t, func(k Kernel, d declared) error {
		want := d.sizes
		if len(want) == 0 {
			return fmt.Errorf("no struct Sizes")
		}
		if len(k.Sizes) != len(want) {
			return fmt.Errorf("%d sizes for %v", len(k.Sizes), want)
		}
		for i, s := range k.Sizes {
			name, kind, _ := strings.Cut(want[i], " ")
			if s.Name != name {
				return fmt.Errorf("size %d is %s in Go, %s in the file", i, s.Name, name)
			}
			switch _, whole := s.Value.(int); {
			case whole && kind != "u32" && kind != "i32", !whole && kind != "f32":
				return fmt.Errorf("size %s is %T in Go, %s in the file", name, s.Value, kind)
			}
		}
		_, err := k.Sizes.Words()
		return err
	})
}

// TestBindings compares the bindings in Go with the declarations of each kernel file:
// number, order and access.
func TestBindings(t *testing.T) {
	classes := map[Access]string{Read: "storage, read", ReadWrite: "storage, read_write", Uniform: "uniform"}
	eachKernel(t, func(k Kernel, d declared) error {
		want := d.bindings
		if len(want) != len(k.Bindings)+1 {
			return fmt.Errorf("%d bindings and the sizes in Go, %d in the file", len(k.Bindings), len(want))
		}
		for i, w := range want {
			if w[1] != fmt.Sprint(i) {
				return fmt.Errorf("binding %d is declared as number %s", i, w[1])
			}
			if i == len(k.Bindings) {
				if w[2] != "uniform" || w[3] != "sizes" || w[4] != "Sizes" {
					return fmt.Errorf("the last binding is %v", w[0])
				}
			} else if class := classes[k.Bindings[i].Access]; class != w[2] {
				return fmt.Errorf("binding %d is %s in Go, %s in the file", i, class, w[2])
			}
		}
		return nil
	})
}

var emittedOnce = sync.OnceValues(emitted)

// eachKernel calls check with every kernel that a program for a sample has, and
// what its file declares, up to the first fault of a file.
func eachKernel(t *testing.T, check func(k Kernel, d declared) error) {
	t.Helper()
	kernels, err := emittedOnce()
	if err != nil {
		t.Fatal(err)
	}
	files, bad := map[string]declared{}, map[string]bool{}
	for _, k := range kernels {
		d, ok := files[k.File]
		if !ok {
			text, err := splice(nil, k.File)
			if err != nil {
				t.Fatal(err)
			}
			d = declared{fields(text, "Sizes"), declaration.FindAllStringSubmatch(text, -1)}
			files[k.File] = d
		}
		if err := check(k, d); err != nil && !bad[k.File] {
			bad[k.File] = true
			t.Errorf("%s: %v", k.File, err)
		}
	}
	t.Logf("%d kernels of %d files", len(kernels), len(files))
}

// TestName checks that kernels with the same name have the same text, and expects an
// error for a constant that does not exist.
func TestName(t *testing.T) {
	k := Kernel{File: "conv2d_naive", Set: Set{"ACT": 1, "HAS_BIAS": true, "HAS_RESIDUAL": false}}
	if name, err := k.Name(); err != nil || name != "conv2d_naive-has_bias-act_1" && name != "conv2d_naive-act_1-has_bias" {
		t.Errorf("%s, %v", name, err)
	}
	for _, k := range []Kernel{{File: "none"}, {File: "conv2d_naive", Set: Set{"NONE": 1}}, {File: "conv2d_naive", Set: Set{"ACT": "one"}}} {
		if name, err := k.Name(); err == nil {
			t.Errorf("%v is named %s", k, name)
		}
		if _, err := k.Source(); err == nil {
			t.Errorf("%v has a text", k)
		}
	}
}

// TestWords writes sizes of each type, and expects errors for values that do not fit
// in a word.
func TestWords(t *testing.T) {
	words, err := append(sizes("a b", 7, -1), sizes("c", 1.0)...).Words()
	if err != nil || fmt.Sprint(words) != fmt.Sprint([]uint32{7, 1<<32 - 1, 0x3f800000}) {
		t.Errorf("%v, %v", words, err)
	}
	for _, s := range []Size{{"a", 1 << 32}, {"a", -1<<31 - 1}, {"a", "text"}} {
		if w, err := (Sizes{s}).Words(); err == nil {
			t.Errorf("%v is %v", s, w)
		}
	}
}
