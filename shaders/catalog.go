package shaders

import (
	"fmt"
	"sort"
	"strings"
)

// Text is a kernel text with a name that tells it from all others: the
// kernel's file and the constants that differ from those in the file.
type Text struct{ Name, Source string }

// Catalog makes the texts of every kernel, in each of its forms: all programs,
// on both kinds of device, for arguments of every shape that makes a
// difference, and every activation. In the order of names.
func Catalog() ([]Text, error) {
	nodes, err := samples()
	if err != nil {
		return nil, err
	}
	large := Default
	large.WorkgroupMemory, large.WorkgroupSize = 32<<10, 1024
	software := Default
	software.Kind = CPU
	seen := map[string]bool{}
	names := map[string]int{}
	var texts []Text
	add := func(source string) error {
		if seen[source] {
			return nil
		}
		seen[source] = true
		name, err := nameOf(source)
		if err != nil {
			return err
		}
		if names[name]++; names[name] > 1 {
			name = fmt.Sprintf("%s-%d", name, names[name])
		}
		texts = append(texts, Text{name, source})
		return nil
	}
	for _, v := range nodes {
		for _, lim := range []Limits{Default, large, software} {
			for _, p := range Programs(v.Op, v.ArgShapes(), lim) {
				for _, k := range p.Kernels {
					if err := add(k.Source); err != nil {
						return nil, fmt.Errorf("shaders: %s: %w", p.Name, err)
					}
				}
			}
		}
	}
	fma, _ := PeakFMA(64, 1)
	copying, _ := PeakCopy(4096)
	for _, k := range []Kernel{fma, copying} {
		if err := add(k.Source); err != nil {
			return nil, fmt.Errorf("shaders: %w", err)
		}
	}
	sort.Slice(texts, func(i, j int) bool { return texts[i].Name < texts[j].Name })
	return texts, nil
}

// nameOf reads a text's file off its header, and its constants.
func nameOf(source string) (string, error) {
	file, _, _ := strings.Cut(strings.TrimPrefix(source, "// "), ":")
	plain, err := files.ReadFile(file + ".wgsl")
	if err != nil {
		return "", fmt.Errorf("the header %q names no kernel file", file)
	}
	before := map[string]string{}
	for c, ok := nextConstant(string(plain), 0); ok; c, ok = nextConstant(string(plain), c.end) {
		before[c.name] = c.expr
	}
	parts := []string{file}
	for c, ok := nextConstant(source, 0); ok; c, ok = nextConstant(source, c.end) {
		name, value := c.name, c.expr
		was, ours := before[name]
		if !ours && name == "ACT" {
			was, ours = "0u", true // of lib/activation
		}
		if !ours || value == was || name == "PI" || strings.ContainsAny(was, "ABCDEFGHIJKLMNOPQRSTUVWXYZ*/") {
			continue
		}
		switch name = strings.ToLower(name); value {
		case "true":
			parts = append(parts, name)
		case "false":
			parts = append(parts, "no_"+name)
		default:
			parts = append(parts, name+"_"+strings.TrimSuffix(value, "u"))
		}
	}
	return strings.Join(parts, "-"), nil
}
