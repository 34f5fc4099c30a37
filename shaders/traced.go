package shaders

import (
	"fmt"
	"regexp"
	"strings"
)

// Traced returns the kernel's text with one more binding, which follows that of the sizes
// and is written. It has the number of entries, a word of padding, and an entry of two words
// for each access to the other bindings: the workgroup as x + 65536·y, and the binding times
// 2²⁸ plus the element. widths has the bytes of each binding's elements.
func (k Kernel) Traced() (text string, widths []int, err error) {
	if text, err = k.Source(); err != nil {
		return "", nil, err
	}
	text = uncommented(text)
	var b strings.Builder
	for i := range k.Bindings {
		d := arrayOf(i).FindStringSubmatch(text)
		if d == nil {
			return "", nil, fmt.Errorf("shaders: %s: binding %d is no array", k.File, i)
		}
		class, name, element := d[1], d[2], d[3]
		head, tail, _ := strings.Cut(text, d[0])
		if head, err = redirected(head, name, "traced_", "trace_"); err == nil {
			tail, err = redirected(tail, name, "traced_", "trace_")
		}
		if err != nil {
			return "", nil, fmt.Errorf("shaders: %s: binding %d: %w", k.File, i, err)
		}
		text = head + d[0] + tail
		fmt.Fprintf(&b, "fn traced_%s(i: u32) -> %s { trace(%du, i); return %s[i]; }\n", name, element, i, name)
		if strings.Contains(class, "read_write") {
			fmt.Fprintf(&b, "fn trace_%s(i: u32, v: %s) { trace(%du, i); %s[i] = v; }\n", name, element, i, name)
		}
		_, of, aliased := strings.Cut(text, "\nalias "+element+" = ")
		if aliased {
			element, _, _ = strings.Cut(of, ";")
		}
		widths = append(widths, map[string]int{"f32": 4, "u32": 4, "i32": 4, "vec2<u32>": 8, "vec4<f32>": 16, "vec4<u32>": 16, "mat4x4<f32>": 64}[element])
	}
	m := entry.FindStringSubmatchIndex(text)
	if m == nil {
		return "", nil, fmt.Errorf("shaders: %s: no main", k.File)
	}
	args, id := text[m[2]:m[3]], "traced_id"
	if g := grouped.FindStringSubmatch(args); g != nil {
		id = g[1]
	} else {
		args = strings.TrimRight(args, " ,\n") + ", @builtin(workgroup_id) traced_id: vec3<u32>"
	}
	text = text[:m[2]] + strings.TrimLeft(args, ", ") + ") {\n    traced_group = " + id + ".x + 65536u * " + id + ".y;" + text[m[1]:]
	fmt.Fprintf(&b, `struct Trace { count: atomic<u32>, pad: u32, entries: array<vec2<u32>> }
@group(0) @binding(%d) var<storage, read_write> trace_log: Trace;
var<private> traced_group: u32;
fn trace(binding: u32, i: u32) {
    let at = atomicAdd(&trace_log.count, 1u);
    if (at < arrayLength(&trace_log.entries)) {
        trace_log.entries[at] = vec2<u32>(traced_group, (binding << 28u) + min(i, 0xfffffffu));
    }
}
`, len(k.Bindings)+1)
	return text + "\n" + b.String(), widths, nil
}

var (
	entry   = regexp.MustCompile(`fn main\(([^{]*)\)\s*\{`)
	grouped = regexp.MustCompile(`@builtin\(workgroup_id\) (\w+)`)
)

// arrayOf matches the declaration of an array: its class, its name and its element.
func arrayOf(binding int) *regexp.Regexp {
	return regexp.MustCompile(fmt.Sprintf(`@binding\(%d\) (var<[^>]*>) (\w+): array<(\w+(?:<\w+>)?)(?:, \d+)?>;`, binding))
}
