package shaders

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
)

// Halved returns the program with its weight as f16, and the number of that arg. It
// reports false if the op has no weight, or if the program needs it as f32.
//
// The files stay the same: Source declares such a binding as pairs of f16 in u32, or of the
// type f16, and turns each read of it into a call that unpacks what is read.
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
			kind, _ := k.element(j)
			if kind == "-" || b.Access == ReadWrite || b.Offset%512 != 0 || b.Size%8 != 0 {
				return p, 0, false
			}
			if b.Access == Uniform && b.Size == 0 {
				b.Size = Pane
			}
			b.Half, b.Offset, b.Size = true, b.Offset/2, b.Size/2
			ok = true
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

// narrow returns k with f16 for all bindings that can hold them, if one can.
func (k Kernel) narrow() (_ Kernel, some bool) {
	k.Bindings = slices.Clone(k.Bindings)
	for i := range k.Bindings {
		k.Bindings[i].Half, _ = k.Holds(i)
		some = some || k.Bindings[i].Half
	}
	return k, some
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

// unpacked is how an element of an array is read from one of f16. NAME is the variable. A
// factor says how many elements take the place of one.
type unpacked struct {
	element string
	factor  int
	read    string
}

// native reads the type f16, and pairs reads u32s. No array of a kernel has the name of what
// these functions declare.
var native = map[string]unpacked{
	"f32": {"f16", 1, `fn half_NAME(element: u32) -> f32 { return f32(NAME[element]); }
`},
	"vec4<f32>": {"vec4<f16>", 1, `fn half_NAME(element: u32) -> vec4<f32> { return vec4<f32>(NAME[element]); }
`},
	"mat4x4<f32>": {"mat4x4<f16>", 1, `fn half_NAME(element: u32) -> mat4x4<f32> {
    let whole = NAME[element];
    return mat4x4<f32>(vec4<f32>(whole[0]), vec4<f32>(whole[1]), vec4<f32>(whole[2]), vec4<f32>(whole[3]));
}
`},
}

var pairs = map[string]unpacked{
	"f32": {"u32", 1, `fn half_NAME(element: u32) -> f32 {
    let pair = unpack2x16float(NAME[element / 2u]);
    return select(pair.x, pair.y, element % 2u == 1u);
}
`},
	"vec4<f32>": {"vec2<u32>", 1, `fn half_NAME(element: u32) -> vec4<f32> {
    let pairs = NAME[element];
    return vec4<f32>(unpack2x16float(pairs.x), unpack2x16float(pairs.y));
}
`},
	"mat4x4<f32>": {"vec4<u32>", 2, `fn half_NAME(element: u32) -> mat4x4<f32> {
    let first = NAME[2u * element];
    let second = NAME[2u * element + 1u];
    return mat4x4<f32>(
        vec4<f32>(unpack2x16float(first.x), unpack2x16float(first.y)),
        vec4<f32>(unpack2x16float(first.z), unpack2x16float(first.w)),
        vec4<f32>(unpack2x16float(second.x), unpack2x16float(second.y)),
        vec4<f32>(unpack2x16float(second.z), unpack2x16float(second.w)));
}
`},
}

// packed says how an element is written. Beyond the largest f16 it becomes that: what
// pack2x16float returns there is not defined.
const packed = `fn pack_NAME(element: u32, whole: vec4<f32>) {
    let bounded = clamp(whole, vec4<f32>(-65504.0), vec4<f32>(65504.0));
    NAME[element] = vec2<u32>(pack2x16float(bounded.xy), pack2x16float(bounded.zw));
}
`

// packedNative is packed for the type f16.
const packedNative = `fn pack_NAME(element: u32, whole: FROM) {
    NAME[element] = TO(clamp(whole, FROM(-65504.0), FROM(65504.0)));
}
`

// halve makes the variable of a binding in a final text an array of f16: of the type f16 if
// typed is set, else of pairs. Pairs that are written have to be of vec4s, so that no two
// invocations write to one.
func halve(text string, binding int, typed bool) (string, error) {
	fail := func(what string) (string, error) {
		return "", fmt.Errorf("binding %d cannot hold f16: %s", binding, what)
	}
	text = uncommented(text)
	head, rest, found := strings.Cut(text, fmt.Sprintf("@binding(%d) ", binding))
	line, tail, _ := strings.Cut(rest, "\n")
	class, kind, array := strings.Cut(line, ": array<")
	name := class[strings.LastIndexByte(class, ' ')+1:]
	if !found || !array {
		return fail("it is no array")
	}
	kind, length, sized := strings.Cut(strings.TrimSuffix(kind, ">;"), ", ")
	if _, of, ok := strings.Cut(text, "\nalias "+kind+" = "); ok {
		kind, _, _ = strings.Cut(of, ";")
	}
	all := pairs
	if typed {
		all = native
	}
	u, ok := all[kind]
	written := strings.Contains(class, "read_write")
	switch {
	case !ok || written && kind != "vec4<f32>" && (kind != "f32" || !typed):
		return fail("no f16 make a " + kind)
	case sized && (kind != "mat4x4<f32>" || strings.Trim(length, "0123456789") != ""):
		return fail("its length is " + length)
	case sized:
		n := 0
		fmt.Sscan(length, &n)
		u.element += fmt.Sprintf(", %d", u.factor*n)
	}
	declaration := fmt.Sprintf("@binding(%d) %s: array<%s>;\n", binding, class, u.element)
	functions := u.read
	switch {
	case written && typed:
		functions += strings.NewReplacer("FROM", kind, "TO", u.element).Replace(packedNative)
	case written:
		functions += packed
	}
	head, err := redirected(head, name, "half_", "pack_")
	if err == nil {
		tail, err = redirected(tail, name, "half_", "pack_")
	}
	if err != nil {
		return fail(err.Error())
	}
	return head + declaration + tail + "\n" + strings.ReplaceAll(functions, "NAME", name), nil
}
