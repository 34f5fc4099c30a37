package weights

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Group is one of several networks in a checkpoint.
type Group struct {
	Key     string `json:"key"` // for Unwrap
	Tensors int    `json:"tensors"`
}

// ChoiceError is the error for a checkpoint with several networks, if none is
// chosen or if the chosen one is not there.
type ChoiceError struct {
	Key    string  // what was chosen; may be empty
	Groups []Group // what there is
}

func (e *ChoiceError) Error() string {
	const most = 20
	var list []string
	for _, g := range e.Groups[:min(len(e.Groups), most)] {
		list = append(list, fmt.Sprintf("%s (%d tensors)", shown(g.Key), g.Tensors))
	}
	have := strings.Join(list, ", ")
	if n := len(e.Groups) - most; n > 0 {
		have += fmt.Sprintf(" and %d more", n)
	}
	switch {
	case e.Key == "":
		return "several networks, of which one has to be named by its key: " + have
	case have == "":
		return fmt.Sprintf("no tensors under the key %s", shown(e.Key))
	}
	return fmt.Sprintf("no tensors under the key %s; there are %s", shown(e.Key), have)
}

// wrappers are the attributes under which training code keeps a network. They
// stand before the names of its tensors, also several of them in any order.
var wrappers = map[string]bool{
	"_orig_mod": true, "module": true, "model": true, "net": true, "network": true, "backbone": true,
	"ema": true, "ema_model": true, "model_ema": true, "student": true, "teacher": true,
	"_forward_module": true, "_fsdp_wrapped_module": true, "_checkpoint_wrapped_module": true,
}

// Unwrap returns the network in src that fits. It is
//
//   - the part under key, a path of keys or the beginning of names, if key is not
//     empty; the key "." is for the names that begin with no wrapper;
//   - src itself, if it fits;
//   - else the part of src whose names begin with the attributes of a wrapper, such
//     as "module.", "_orig_mod." or "model.", if that part fits. Tensors beside it
//     are left out;
//   - else the same without wrappers inside names, such as "._orig_mod.".
//
// The names of the part are without prefix. It is a *ChoiceError if src holds
// several networks that may be meant. If nothing fits, Unwrap returns what stands
// below the wrappers that all names share.
func Unwrap(src Source, key string, fits func(Source) bool) (part Source, prefix string, err error) {
	if key != "" {
		if src, err = under(src, key); err != nil {
			return nil, "", err
		}
	}
	if fits(src) {
		return src, "", nil
	}
	if p, ok := src.(*PyTorch); ok && len(p.Groups) > 1 {
		return nil, "", &ChoiceError{Groups: p.Groups}
	}
	part, prefix, err = belowWrappers(src, fits)
	if part != nil || err != nil {
		return part, prefix, err
	}
	if plain := withoutInner(src); plain != nil {
		if fits(plain) {
			return plain, "", nil
		}
		part, prefix, err = belowWrappers(plain, fits)
		if part != nil || err != nil {
			return part, prefix, err
		}
	}
	names := src.Names()
	for _, root := range roots(names) {
		if root.Tensors == len(names) {
			part, prefix = below(src, root.Key), root.Key
		}
	}
	if part == nil {
		part = src
	}
	return part, prefix, nil
}

// belowWrappers returns the part of src below a prefix that fits, or nil if there is
// none. Two of them are an error.
func belowWrappers(src Source, fits func(Source) bool) (part Source, prefix string, err error) {
	var found []Group
	for _, root := range roots(src.Names()) {
		if rest := below(src, root.Key); fits(rest) {
			found = append(found, Group{strings.TrimSuffix(root.Key, "."), root.Tensors})
			part, prefix = rest, root.Key
		}
	}
	if len(found) == 1 {
		if rest, n := bare(src); n > 0 && fits(rest) {
			found = append(found, Group{".", n})
		}
	}
	if len(found) > 1 {
		return nil, "", &ChoiceError{Groups: found}
	}
	return part, prefix, nil
}

// inner removes the wrappers that may also stand around a part of a network, inside
// names.
var inner = strings.NewReplacer("._orig_mod.", ".", "._fsdp_wrapped_module.", ".", "._checkpoint_wrapped_module.", ".")

// withoutInner presents src without these wrappers. It returns nil if there are none, or
// if two names would become the same.
func withoutInner(src Source) Source {
	names := src.Names()
	if !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "._") && inner.Replace(n) != n }) {
		return nil
	}
	plain := Rename(src, inner.Replace)
	if len(plain.Names()) < len(names) {
		return nil
	}
	return plain
}

// Groups lists the parts of a checkpoint that Unwrap may be asked for: its networks
// if there are several, else the first parts of its names that stand for at least
// two tensors each.
func Groups(src Source) []Group {
	if p, ok := src.(*PyTorch); ok && len(p.Groups) > 1 {
		return p.Groups
	}
	count := map[string]int{}
	for _, n := range src.Names() {
		if first, _, ok := strings.Cut(n, "."); ok {
			count[first]++
		}
	}
	var groups []Group
	for key, n := range count {
		if n > 1 {
			groups = append(groups, Group{key, n})
		}
	}
	sort.Slice(groups, func(i, j int) bool { return groups[i].Key < groups[j].Key })
	return groups
}

// roots lists the prefixes of names that consist of wrappers, with the number of
// names that begin with each, shortest first.
func roots(names []string) []Group {
	count := map[string]int{}
	for _, n := range names {
		for at := 0; ; {
			i := strings.IndexByte(n[at:], '.')
			if i < 0 || !wrappers[n[at:at+i]] {
				break
			}
			at += i + 1
			count[n[:at]]++
		}
	}
	var all []Group
	for key, n := range count {
		all = append(all, Group{key, n})
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i].Key, all[j].Key
		if len(a) != len(b) {
			return len(a) < len(b)
		}
		return a < b
	})
	return all
}

// under returns the part of src under a key.
func under(src Source, key string) (Source, error) {
	if key == "." {
		if rest, n := bare(src); n > 0 {
			return rest, nil
		}
	}
	if p, ok := src.(*PyTorch); ok {
		for _, path := range []string{key, join(p.Key, key)} {
			for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
				part, err := p.under(path[:end])
				if err != nil {
					return nil, err
				}
				if part != nil && end == len(path) {
					return part, nil
				}
				if part != nil && has(part, path[end+1:]+".") {
					return below(part, path[end+1:]+"."), nil
				}
			}
		}
	}
	if has(src, key+".") {
		return below(src, key+"."), nil
	}
	return nil, &ChoiceError{Key: key, Groups: Groups(src)}
}

// bare presents the tensors whose names begin with no wrapper, and says how many
// they are.
func bare(src Source) (rest Source, tensors int) {
	plain := func(name string) string {
		if first, _, _ := strings.Cut(name, "."); wrappers[first] {
			return ""
		}
		return name
	}
	rest = Rename(src, plain)
	return rest, len(rest.Names())
}

// has reports whether a name of src begins with prefix.
func has(src Source, prefix string) bool {
	return slices.ContainsFunc(src.Names(), func(n string) bool { return strings.HasPrefix(n, prefix) })
}

// below presents the tensors whose names begin with prefix, without it.
func below(src Source, prefix string) Source {
	return Rename(src, func(name string) string {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			return ""
		}
		return rest
	})
}
