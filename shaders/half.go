package shaders

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
)

// Halved returns the program with its weight as f16, and the number of that arg. It
// reports false if the op has no weight, or if the program needs it as f32.
//
// The texts stay the same: Source declares such a binding as pairs of f16 in u32, and
// turns each read of it into a call that unpacks what is read.
func (p Program) Halved(op graph.Op) (q Program, arg int, ok bool) {
	arg, weighted := Weight(op)
	if !weighted || p.exact {
		return p, 0, false
	}
	q = p
	q.Kernels = make([]Kernel, len(p.Kernels))
	for i, k := range p.Kernels {
		q.Kernels[i] = k
		q.Kernels[i].Bindings = append([]Binding(nil), k.Bindings...)
		for j := range q.Kernels[i].Bindings {
			b := &q.Kernels[i].Bindings[j]
			if b.Arg != arg {
				continue
			}
			// Offsets stay multiples of 256 bytes.
			if k.Files != nil || b.Access == ReadWrite || b.Offset%512 != 0 || b.Size%8 != 0 {
				return p, 0, false
			}
			if b.Access == Uniform && b.Size == 0 {
				b.Size = Pane
			}
			b.Half, b.Offset, b.Size = true, b.Offset/2, b.Size/2
			ok = true
		}
		if i > 0 && q.Kernels[i].Alike(q.Kernels[i-1]) {
			continue
		}
		if _, err := q.Kernels[i].Source(); err != nil {
			return p, 0, false
		}
	}
	return q, arg, ok
}

// Weight returns the number of an op's arg that Halved may make f16, if it has one.
func Weight(op graph.Op) (arg int, ok bool) {
	switch op.(type) {
	case graph.Conv2d, graph.ConvTranspose2d, graph.Linear, graph.Embedding:
		return 1, true
	}
	return 0, false
}

// Exact reports whether the program's weights must not be rounded.
func (p Program) Exact() bool { return p.exact }

// halves has bit i for each binding i that holds f16.
func (k Kernel) halves() uint {
	bits := uint(0)
	for i, b := range k.Bindings {
		if b.Half {
			bits |= 1 << i
		}
	}
	return bits
}

// unpacked says how an element of an array is read from one of pairs. NAME is the
// variable. A factor says how many elements take the place of one.
var unpacked = map[string]struct {
	element string
	factor  int
	read    string
}{
	"f32": {"u32", 1, `fn half_NAME(i: u32) -> f32 {
    let pair = unpack2x16float(NAME[i / 2u]);
    return select(pair.x, pair.y, i % 2u == 1u);
}
`},
	"vec4<f32>": {"vec2<u32>", 1, `fn half_NAME(i: u32) -> vec4<f32> {
    let pairs = NAME[i];
    return vec4<f32>(unpack2x16float(pairs.x), unpack2x16float(pairs.y));
}
`},
	"mat4x4<f32>": {"vec4<u32>", 2, `fn half_NAME(i: u32) -> mat4x4<f32> {
    let a = NAME[2u * i];
    let b = NAME[2u * i + 1u];
    return mat4x4<f32>(
        vec4<f32>(unpack2x16float(a.x), unpack2x16float(a.y)),
        vec4<f32>(unpack2x16float(a.z), unpack2x16float(a.w)),
        vec4<f32>(unpack2x16float(b.x), unpack2x16float(b.y)),
        vec4<f32>(unpack2x16float(b.z), unpack2x16float(b.w)));
}
`},
}

// halve makes the variable of a binding in a final text an array of pairs of f16.
func halve(text string, binding int) (string, error) {
	fail := func(what string) (string, error) {
		return "", fmt.Errorf("binding %d cannot hold f16: %s", binding, what)
	}
	head, rest, found := strings.Cut(text, fmt.Sprintf("@binding(%d) ", binding))
	line, tail, _ := strings.Cut(rest, "\n")
	class, kind, typed := strings.Cut(line, ": array<")
	name := class[strings.LastIndexByte(class, ' ')+1:]
	if !found || !typed || strings.Contains(class, "read_write") {
		return fail("it is no array that is only read")
	}
	kind, length, sized := strings.Cut(strings.TrimSuffix(kind, ">;"), ", ")
	if _, of, ok := strings.Cut(text, "\nalias "+kind+" = "); ok {
		kind, _, _ = strings.Cut(of, ";")
	}
	u, ok := unpacked[kind]
	switch {
	case !ok:
		return fail("no pairs make a " + kind)
	case sized && (u.factor != 2 || strings.Trim(length, "0123456789") != ""):
		return fail("its length is " + length)
	case sized:
		n := 0
		fmt.Sscan(length, &n)
		u.element += fmt.Sprintf(", %d", u.factor*n)
	}
	declaration := fmt.Sprintf("@binding(%d) %s: array<%s>;\n", binding, class, u.element)
	return reread(head, name) + declaration + reread(tail, name) + "\n" + strings.ReplaceAll(u.read, "NAME", name), nil
}

// reread turns each name[i] of a text into half_name(i).
func reread(text, name string) string {
	var b strings.Builder
	for {
		at := strings.Index(text, name+"[")
		if at < 0 {
			return b.String() + text
		}
		open := at + len(name)
		if at > 0 && inWord(text[at-1]) {
			b.WriteString(text[:open+1])
			text = text[open+1:]
			continue
		}
		end, depth := open+1, 1
		for ; end < len(text) && depth > 0; end++ {
			switch text[end] {
			case '[':
				depth++
			case ']':
				depth--
			}
		}
		b.WriteString(text[:at] + "half_" + name + "(" + reread(text[open+1:end-1], name) + ")")
		text = text[end:]
	}
}

// inWord reports whether a name goes on with c, or is a field behind it.
func inWord(c byte) bool {
	return c == '.' || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
