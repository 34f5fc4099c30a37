package weights

import (
	"slices"
	"strconv"
	"strings"
)

// stateDictKeys lists the keys under which training scripts save the weights. The
// first one that holds tensors is used.
var stateDictKeys = []string{
	"state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "params_ema", "params", "weights",
	"ema_state_dict", "state_dict_ema", "model_ema", "ema",
}

type namedTensor struct {
	name   string
	tensor *rebuilt
}

// stateDict finds the tensors in a saved value and names them. The names take memory
// from q, because a shared object has many.
func (p *PyTorch) stateDict(value any, q *quota) ([]namedTensor, error) {
	holds := holder{}
	for range maxDepth {
		key, child := p.descend(value, holds)
		if child == nil {
			break
		}
		p.Key, value = join(p.Key, key), child
	}
	w := &nameWalk{quota: q, holds: holds}
	w.walk("", value, 0)
	if w.err != nil {
		return nil, w.err
	}
	for i := range p.Groups {
		prefix := strings.TrimPrefix(p.Groups[i].Key, p.Key+".") + "."
		for _, n := range w.found {
			if strings.HasPrefix(n.name, prefix) {
				p.Groups[i].Tensors++
			}
		}
	}
	const prefix = "module."
	for _, n := range w.found {
		if !strings.HasPrefix(n.name, prefix) {
			return w.found, nil
		}
	}
	for i := range w.found {
		w.found[i].name = w.found[i].name[len(prefix):]
	}
	return w.found, nil
}

// descend returns the key and the element of a container that is the state dict:
// the element under a usual key, else the only one that looks like a state dict.
// It returns nil if the container is a state dict itself or holds several. These
// become p's Groups.
func (p *PyTorch) descend(value any, holds holder) (string, any) {
	if attrs, _ := attributes(value); attrs != nil {
		return "", nil
	}
	all := parts(value)
	var inside, like []string // keys of containers with tensors
	var networks []Group
	at := map[string]any{}
	direct, paths := 0, 0
	looks := map[any]bool{} // a value may occur often
	for _, part := range all {
		if _, ok := part.value.(*rebuilt); ok {
			direct++
			if strings.Contains(part.key, ".") {
				paths++
			}
		} else if holds.tensors(part.value, 0) {
			inside = append(inside, part.key)
			at[part.key] = part.value
			usual := slices.Contains(stateDictKeys, part.key)
			if _, known := looks[part.value]; !known {
				looks[part.value] = looksLikeStateDict(part.value)
			}
			if looks[part.value] {
				like = append(like, part.key)
				usual = usual || !strings.Contains(part.key, "optim")
			}
			if usual {
				networks = append(networks, Group{Key: join(p.Key, part.key)})
			}
		}
	}
	if len(networks) > 1 && paths == 0 {
		p.Groups = networks
		return "", nil
	}
	chosen := slices.IndexFunc(stateDictKeys, func(k string) bool { return slices.Contains(inside, k) })
	key := ""
	switch {
	case chosen >= 0:
		key = stateDictKeys[chosen]
	case len(like) == 1 && paths == 0:
		key = like[0]
	case len(inside) == 1 && direct == 0 && sequence(value) != nil:
		key = inside[0]
	default:
		return "", nil
	}
	for _, k := range inside {
		if k != key {
			p.Beside = append(p.Beside, join(p.Key, k))
		}
	}
	return key, at[key]
}

// looksLikeStateDict reports whether v is a module or has a tensor whose name is
// a path.
func looksLikeStateDict(v any) bool {
	if attrs, _ := attributes(v); attrs != nil {
		return true
	}
	return slices.ContainsFunc(dictParts(dictionary(v)), func(p part) bool {
		_, ok := p.value.(*rebuilt)
		return ok && strings.Contains(p.key, ".")
	})
}

// dictionary returns v as a dictionary. v may be a dictionary, an object of a
// subclass, or another object, which gives its attributes.
func dictionary(v any) *dict {
	switch v := v.(type) {
	case *dict:
		return v
	case *object:
		if d, ok := v.state.(*dict); ok && v.items == nil {
			return d
		}
		return v.items
	}
	return nil
}

// attributes returns the attributes of a module of torch.nn or TorchScript, else
// nil.
func attributes(v any) (attrs *dict, script bool) {
	o, ok := v.(*object)
	if !ok {
		return nil, false
	}
	attrs, _ = o.state.(*dict)
	if attrs == nil {
		return nil, false
	}
	if strings.HasPrefix(string(o.class), "__torch__.") {
		return attrs, true
	}
	if dictionary(attrs.get("_parameters")) == nil || dictionary(attrs.get("_modules")) == nil {
		return nil, false
	}
	return attrs, false
}

// maxDepth bounds how deep names nest. It ends the walk of cyclic objects.
const maxDepth = 100

// holder records which containers hold tensors.
type holder map[any]bool

func (h holder) tensors(v any, depth int) bool {
	switch v.(type) {
	case *rebuilt:
		return true
	case *dict, *list, *tuple, *object:
	default:
		return false
	}
	known, seen := h[v]
	if seen || depth > maxDepth {
		return known
	}
	h[v] = false // the walk of v meets v again if it is cyclic
	for _, part := range parts(v) {
		if h.tensors(part.value, depth+1) {
			h[v] = true
			break
		}
	}
	return h[v]
}

type part struct {
	key   string
	value any
}

// parts lists the elements of v with their keys, in order.
func parts(v any) []part {
	if attrs, script := attributes(v); attrs != nil {
		if script {
			return dictParts(attrs)
		}
		all := dictParts(dictionary(attrs.get("_parameters")))
		buffers := dictParts(dictionary(attrs.get("_buffers")))
		transient := map[string]bool{}
		names := sequence(attrs.get("_non_persistent_buffers_set"))
		for _, n := range names[:min(len(names), len(buffers))] {
			if s, ok := n.(string); ok {
				transient[s] = true
			}
		}
		for _, p := range buffers {
			if !transient[p.key] {
				all = append(all, p)
			}
		}
		return append(all, dictParts(dictionary(attrs.get("_modules")))...)
	}
	if d := dictionary(v); d != nil {
		return dictParts(d)
	}
	var all []part
	for i, item := range sequence(v) {
		all = append(all, part{strconv.Itoa(i), item})
	}
	return all
}

func dictParts(d *dict) []part {
	if d == nil {
		return nil
	}
	var all []part
	for i, k := range d.keys {
		if s, ok := k.(string); ok {
			all = append(all, part{s, d.values[i]})
		}
	}
	return all
}

// nameWalk names the tensors below a value by path.
type nameWalk struct {
	found []namedTensor
	quota *quota
	holds holder
	err   error
}

func (w *nameWalk) walk(name string, v any, depth int) {
	if w.err != nil || depth > maxDepth || !w.holds.tensors(v, 0) {
		return
	}
	if !w.quota.take(slotBytes + len(name)) {
		w.err = errQuota
		return
	}
	if t, ok := v.(*rebuilt); ok {
		if name == "" {
			name = "tensor"
		}
		w.found = append(w.found, namedTensor{name, t})
		return
	}
	all := parts(v)
	w.quota.take(slotBytes * len(all))
	_, script := attributes(v)
	for _, p := range all {
		if script && sequence(p.value) != nil {
			continue // these are constants of the code, not weights
		}
		w.walk(join(name, p.key), p.value, depth+1)
	}
}
