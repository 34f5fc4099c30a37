package shaders

import (
	"fmt"
	"maps"
	"slices"

	"github.com/vertebra/vertebra/graph"
)

// Text is a kernel text with its unique name, Kernel.Name.
type Text struct{ Name, Source string }

// Catalog makes the texts of every kernel in each of its forms, sorted by name, and some
// that read weights as f16, or read and write values so. They cover all programs on both
// kinds of device, all shapes that make a difference, and every epilogue and activation.
// Head sizes and epsilons have only a few values here.
func Catalog() ([]Text, error) {
	kernels, err := emitted()
	if err != nil {
		return nil, err
	}
	return textsOf(kernels)
}

// textsOf makes the texts of kernels and of their other forms, as Catalog says.
func textsOf(kernels []Kernel) ([]Text, error) {
	seen, forms := map[string]bool{}, map[string]Kernel{}
	for _, k := range kernels {
		key := fmt.Sprint(k.File, k.Set, k.halves())
		if seen[key] {
			continue
		}
		seen[key] = true
		if k.halves() == 0 {
			if n, ok := k.narrow(); ok {
				name, err := n.Name()
				if err != nil {
					return nil, err
				}
				forms[name] = n
			}
		}
		sets := variants(k.Set, choices)
		if k.halves() > 0 || k.Set["APART"] == true { // the reads are the same in all
			sets = []Set{k.Set}
		}
		for _, set := range sets {
			k.Set = set
			name, err := k.Name()
			if err != nil {
				return nil, err
			}
			forms[name] = k
		}
	}
	var texts []Text
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		source, err := forms[name].Source()
		if err != nil {
			return nil, err
		}
		texts = append(texts, Text{name, source})
	}
	return texts, nil
}

// emitted lists the kernels of all programs for all samples.
func emitted() ([]Kernel, error) {
	calls, err := samples()
	if err != nil {
		return nil, err
	}
	large, apart := Default, Default
	large.WorkgroupMemory, large.WorkgroupSize = 32<<10, 1024
	apart.ReadsApart = true
	software := Default
	software.Kind = CPU
	fma, _ := PeakFMA(64, 1)
	copying, _ := PeakCopy(4096)
	kernels := []Kernel{fma, copying}
	for _, c := range calls {
		for _, lim := range []Limits{Default, large, apart, software} {
			programs := Programs(c, lim)
			if lim.Kind == CPU { // where those for a tuner are few
				programs = Search(c, lim)
			}
			for _, p := range programs {
				kernels = append(kernels, p.Kernels...)
				if half, _, ok := p.Halved(c.Op); ok {
					kernels = append(kernels, half.Kernels...)
				}
			}
		}
	}
	return kernels, nil
}

// choices lists constants that an op's attributes can set to each of these values,
// independently of the others.
var choices = [][]Set{
	activations(),
	{{"HAS_BIAS": false}, {"HAS_BIAS": true}},
	{{"HAS_RESIDUAL": false, "ONTO": false}, {"HAS_RESIDUAL": true, "ONTO": false}, {"HAS_RESIDUAL": false, "ONTO": true}},
	{{"BIASES": 0}, {"BIASES": 1}, {"BIASES": 2}},
	{{"CAUSAL": false}, {"CAUSAL": true}},
	{{"REL": false}, {"REL": true}},
	{{"RANK": 1}, {"RANK": 2}, {"RANK": 3}, {"RANK": 4}, {"RANK": 5}, {"RANK": 6}},
}

func activations() []Set {
	var all []Set
	for a := graph.None; a <= graph.ExpClamped; a++ {
		all = append(all, Set{"ACT": int(a)})
	}
	return all
}

// variants returns set with every combination of values for the choices whose
// constants it has.
func variants(set Set, choices [][]Set) []Set {
	if len(choices) == 0 {
		return []Set{set}
	}
	for c := range choices[0][0] {
		if _, ok := set[c]; !ok {
			return variants(set, choices[1:])
		}
	}
	var all []Set
	for _, v := range choices[0] {
		all = append(all, variants(set.with(v), choices[1:])...)
	}
	return all
}
