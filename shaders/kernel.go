package shaders

import (
	"fmt"
	"io/fs"
	"maps"
	"math"
	"strings"
)

// Absent is a Binding.Arg for an optional arg that the op does not have. The runtime
// binds a small buffer of zeros.
const Absent = -1

// Pane is the size in bytes of a uniform binding of an arg. It is the largest size
// that WebGPU guarantees.
const Pane = 64 << 10

// Access is the class of a binding in a kernel's text.
type Access uint8

// The ways to reach a binding.
const (
	Read      Access = iota // var<storage, read>
	ReadWrite               // var<storage, read_write>
	Uniform                 // var<uniform>: a pane of an arg
)

// Binding says what one of a kernel's variables is bound to.
//
// A Uniform binding sees a Pane of a value or of a packed constant, from Offset on.
// The kernel must ignore what it sees beyond their end. Pack leaves room for a pane
// after a constant's last offset.
type Binding struct {
	Arg    int // args first, then the result, then scratch; or Absent
	Access Access
	Offset int64 // in bytes, a multiple of 256
	Size   int64 // in bytes; 0 means up to the end, or a Pane for Uniform
	Half   bool  // the arg is stored as f16: see Program.Halved and Holds
}

// Kernel is one dispatch of a kernel file with its constants set. It is data:
// Source makes the text, Sizes.Words the uniform.
type Kernel struct {
	File     string    // NAME of NAME.wgsl, with the entry point main
	Set      Set       // constants that differ from the file's
	Grid     [3]int    // workgroups
	Bindings []Binding // in order; the uniform of Sizes follows them
	Sizes    Sizes
	F16      bool    // the text may have the type f16; else f16 are pairs in u32
	Waste    float64 // the share of its work that lies outside the result; 0 if nobody counted

	// Files holds the caller's own files: NAME.wgsl, and lib/NAME.wgsl for
	// "//wgsl:import NAME". They take precedence over this package's files. Nil means
	// none.
	Files fs.FS
}

// Source returns the final text.
func (k Kernel) Source() (string, error) {
	text, err := source(k.Files, k.File, k.Set)
	for i, b := range k.Bindings {
		if b.Half && err == nil {
			text, err = halve(text, i, k.F16)
		}
	}
	if err != nil {
		return "", err
	}
	if k.F16 && k.halves() > 0 {
		text = "enable f16;\n" + text
	}
	return text, nil
}

// Alike reports whether k and o have the same text, with less work than Name. It may
// report false although they have.
func (k Kernel) Alike(o Kernel) bool {
	return k.File == o.File && k.halves() == o.halves() && k.F16 == o.F16 && k.Files == nil && o.Files == nil && maps.Equal(k.Set, o.Set)
}

// Name returns the file's name and the constants that differ from the file's, in the
// file's order: conv2d_naive-act_1-has_bias. Two kernels with the same Name and the
// same Files have the same text.
func (k Kernel) Name() (string, error) {
	t, err := templateOf(k.Files, k.File)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(k.File)
	found := 0
	for _, c := range t.constants {
		v, set := k.Set[c.name]
		if !set {
			continue
		}
		found++
		text, err := c.literal(v)
		if err != nil {
			return "", fmt.Errorf("shaders: %s: constant %s: %w", k.File, c.name, err)
		}
		if text == c.expr {
			continue
		}
		name := strings.ToLower(c.name)
		switch v := v.(type) {
		case Calls:
			b.WriteString("-" + name + "_" + string(v))
			continue
		case Type:
			text, _, _ = strings.Cut(string(v), "<")
		}
		switch text {
		case "true":
			b.WriteString("-" + name)
		case "false":
			b.WriteString("-no_" + name)
		default:
			b.WriteString("-" + name + "_" + strings.TrimSuffix(text, "u"))
		}
	}
	if found < len(k.Set) {
		_, err := k.Source() // the error names the constant that the file lacks
		return "", err
	}
	for i := range k.Bindings {
		if k.Bindings[i].Half {
			way := "f16"
			if k.F16 {
				way = "native16"
			}
			fmt.Fprintf(&b, "-%s_%d", way, i)
		}
	}
	return b.String(), nil
}

// Access returns the access of each binding, and last that of Sizes.
func (k Kernel) Access() []Access {
	all := make([]Access, len(k.Bindings)+1)
	for i, b := range k.Bindings {
		all[i] = b.Access
	}
	all[len(k.Bindings)] = Uniform
	return all
}

// Sizes are the fields of a kernel's struct Sizes, in its order. The fields of a struct
// inside it follow one another.
type Sizes []Size

// Size is one field: an int is a u32 or an i32, a float64 an f32.
type Size struct {
	Name  string
	Value any
}

// sizes gives values to fields whose names are separated by spaces.
func sizes[T int | float64](names string, values ...T) Sizes {
	fields := strings.Fields(names)
	if len(fields) != len(values) {
		panic(fmt.Sprintf("shaders: %d values for the fields %s", len(values), names))
	}
	s := make(Sizes, len(fields))
	for i, name := range fields {
		s[i] = Size{name, values[i]}
	}
	return s
}

// Words returns the words of the uniform. A negative whole number wraps around.
func (s Sizes) Words() ([]uint32, error) {
	words := make([]uint32, len(s))
	for i, f := range s {
		switch v := f.Value.(type) {
		case int:
			if int64(v) < math.MinInt32 || int64(v) > math.MaxUint32 {
				return nil, fmt.Errorf("shaders: size %s: %d takes more than 32 bits", f.Name, v)
			}
			words[i] = uint32(v)
		case float64:
			words[i] = math.Float32bits(float32(v))
		default:
			return nil, fmt.Errorf("shaders: size %s: cannot write %T", f.Name, v)
		}
	}
	return words, nil
}

// reads binds args that are read.
func reads(args ...int) []Binding { return bound(Read, args) }

// writes binds args that are written and may be read, too.
func writes(args ...int) []Binding { return bound(ReadWrite, args) }

func bound(access Access, args []int) []Binding {
	b := make([]Binding, len(args))
	for i, a := range args {
		b[i] = Binding{Arg: a, Access: access}
	}
	return b
}

// inOut binds args that are read, and then y that is written.
func inOut(y int, args ...int) []Binding {
	b := make([]Binding, 0, len(args)+1)
	for _, a := range args {
		b = append(b, Binding{Arg: a, Access: Read})
	}
	return append(b, Binding{Arg: y, Access: ReadWrite})
}

// rebound returns bindings with other args.
func rebound(bindings []Binding, to func(arg int) int) []Binding {
	out := make([]Binding, len(bindings))
	for i, b := range bindings {
		out[i] = b
		if b.Arg != Absent {
			out[i].Arg = to(b.Arg)
		}
	}
	return out
}

// counts returns names of fields. Those marked with * count runs of width elements and
// end in 4 if the runs are vec4s.
func counts(width int, names string) string {
	mark := ""
	if width == 4 {
		mark = "4"
	}
	return strings.ReplaceAll(names, "*", mark)
}
