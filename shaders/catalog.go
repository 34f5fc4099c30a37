package shaders

import (
	"fmt"
	"sort"
	"strings"

	"github.com/vertebra/vertebra/graph"
)

// Text is a kernel text with a name that tells it from all others: the
// kernel's file and the constants that differ from those in the file.
type Text struct{ Name, Source string }

// Catalog makes the texts of every kernel, in each of its forms: all programs,
// on both kinds of device, for arguments of every shape that makes a
// difference, with every epilogue and activation. In the order of names. Sizes
// of heads and epsilons, of which there is no end, are there in a few values.
func Catalog() ([]Text, error) {
	sources, err := emitted()
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	names := map[string]int{}
	var texts []Text
	for _, source := range sources {
		for _, source := range variants(source, choices) {
			if seen[source] {
				continue
			}
			seen[source] = true
			name, err := nameOf(source)
			if err != nil {
				return nil, err
			}
			if names[name]++; names[name] > 1 {
				name = fmt.Sprintf("%s-%d", name, names[name])
			}
			texts = append(texts, Text{name, source})
		}
	}
	sort.Slice(texts, func(i, j int) bool { return texts[i].Name < texts[j].Name })
	return texts, nil
}

// emitted makes the kernels of all samples, each text once.
func emitted() ([]string, error) {
	nodes, err := samples()
	if err != nil {
		return nil, err
	}
	large := Default
	large.WorkgroupMemory, large.WorkgroupSize = 32<<10, 1024
	software := Default
	software.Kind = CPU
	fma, _ := PeakFMA(64, 1)
	copying, _ := PeakCopy(4096)
	sources := []string{fma.Source, copying.Source}
	seen := map[string]bool{}
	for _, v := range nodes {
		for _, lim := range []Limits{Default, large, software} {
			for _, p := range Programs(v.Op, v.ArgShapes(), lim) {
				for _, k := range p.Kernels {
					if !seen[k.Source] {
						seen[k.Source] = true
						sources = append(sources, k.Source)
					}
				}
			}
		}
	}
	return sources, nil
}

// choice is a constant that an op's attributes set to any of these values,
// whatever the others are.
type choice struct {
	constant string
	values   []string
}

var choices = []choice{
	{"ACT", activations()},
	{"HAS_BIAS", []string{"false", "true"}},
	{"HAS_RESIDUAL", []string{"false", "true"}},
	{"BIASES", []string{"0u", "1u", "2u"}},
	{"CAUSAL", []string{"false", "true"}},
	{"REL", []string{"false", "true"}},
	{"RANK", []string{"1u", "2u", "3u", "4u", "5u", "6u"}},
}

func activations() []string {
	var all []string
	for a := graph.None; a <= graph.ExpClamped; a++ {
		all = append(all, fmt.Sprintf("%du", a))
	}
	return all
}

// variants are the texts that source becomes with every value of the choices
// whose constants it has. Where K is split, the epilogue is another kernel's.
func variants(source string, choices []choice) []string {
	if len(choices) == 0 || strings.Contains(source, "\nconst SPLIT = true;") {
		return []string{source}
	}
	rest := variants(source, choices[1:])
	for c, ok := nextConstant(source, 0); ok; c, ok = nextConstant(source, c.end) {
		if c.name != choices[0].constant {
			continue
		}
		var all []string
		for _, v := range choices[0].values {
			all = append(all, variants(source[:c.start]+"const "+c.name+" = "+v+";"+source[c.end:], choices[1:])...)
		}
		return all
	}
	return rest
}

// nameOf reads a text's file off its header, and its constants.
func nameOf(source string) (string, error) {
	file, _, _ := strings.Cut(strings.TrimPrefix(source, "// "), ":")
	plain, err := splice(file)
	if err != nil {
		return "", fmt.Errorf("%w; the header of a kernel begins with its name", err)
	}
	before := map[string]string{}
	for c, ok := nextConstant(plain, 0); ok; c, ok = nextConstant(plain, c.end) {
		before[c.name] = c.expr
	}
	parts := []string{file}
	for c, ok := nextConstant(source, 0); ok; c, ok = nextConstant(source, c.end) {
		was := before[c.name]
		if c.expr == was || !isNumber(was) && was != "true" && was != "false" { // as in the file, or derived
			continue
		}
		switch name := strings.ToLower(c.name); c.expr {
		case "true":
			parts = append(parts, name)
		case "false":
			parts = append(parts, "no_"+name)
		default:
			parts = append(parts, name+"_"+strings.TrimSuffix(c.expr, "u"))
		}
	}
	return strings.Join(parts, "-"), nil
}
