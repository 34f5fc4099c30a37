package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
)

// pickled writes a value in protocol 2. It writes an object as a call of its
// class followed by its state, and a storage as its persistent identifier.
func pickled(v any) []byte {
	return append(appendPickle([]byte("\x80\x02"), v), '.')
}

func appendPickle(b []byte, v any) []byte {
	all := func(items []any) {
		for _, v := range items {
			b = appendPickle(b, v)
		}
	}
	switch v := v.(type) {
	case nil:
		b = append(b, 'N')
	case bool:
		b = append(b, map[bool]byte{true: 0x88, false: 0x89}[v])
	case int:
		b = binary.LittleEndian.AppendUint64(append(b, 0x8a, 8), uint64(v))
	case float64:
		b = binary.BigEndian.AppendUint64(append(b, 'G'), math.Float64bits(v))
	case string:
		b = append(binary.LittleEndian.AppendUint32(append(b, 'X'), uint32(len(v))), v...)
	case long:
		b = append(append(b, 0x8a, byte(len(v))), v...)
	case global:
		module, name := string(v), ""
		if i := strings.LastIndexByte(module, '.'); i >= 0 {
			module, name = module[:i], module[i+1:]
		}
		b = append(b, "c"+module+"\n"+name+"\n"...)
	case *tuple:
		b = append(b, '(')
		all(v.items)
		b = append(b, 't')
	case *list:
		b = append(b, ']', '(')
		all(v.items)
		b = append(b, 'e')
	case *dict:
		b = append(b, '}', '(')
		for i := range v.keys {
			all([]any{v.keys[i], v.values[i]})
		}
		b = append(b, 'u')
	case *object:
		b = append(appendPickle(appendPickle(b, v.class), tupleOf(v.args...)), 'R')
		if v.state != nil {
			b = append(appendPickle(b, v.state), 'b')
		}
	case *storage:
		class := global("torch." + v.dtype)
		b = append(appendPickle(b, tupleOf("storage", class, v.key, "cpu", int(v.numel))), 'Q')
	default:
		panic(v)
	}
	return b
}

func tupleOf(items ...any) *tuple { return &tuple{items} }

func dictOf(pairs ...any) *dict {
	d := &dict{}
	for i := 0; i < len(pairs); i += 2 {
		d.set(pairs[i], pairs[i+1])
	}
	return d
}

func TestPickleValues(t *testing.T) {
	for _, c := range []struct {
		name, program string
		want          any
	}{
		{"none", "N.", nil},
		{"protocol 0 integers", "(I01\nI00\nI-5\nL77L\nt.", tupleOf(true, false, int64(-5), int64(77))},
		{"integers", "(K\xffM\xff\xffJ\xff\xff\xff\xff\x8a\x00\x8a\x02\x00\x80\x8b\x01\x00\x00\x00\x7ft.",
			tupleOf(int64(255), int64(65535), int64(-1), int64(0), int64(-32768), int64(127))},
		{"an integer of 80 bits", "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", legacyMagic},
		{"floats", "F1.5\nG\xbf\xf0\x00\x00\x00\x00\x00\x00\x86.", tupleOf(1.5, -1.0)},
		{"protocol 0 strings", "S'it\\'s \\x41\\n'\nVa\\u00e9\\n\n\x86.", tupleOf("it's A\n", `aé\n`)},
		{"strings", "U\x01aX\x01\x00\x00\x00b\x8c\x01c\x87.", tupleOf("a", "b", "c")},
		{"bytes", "C\x01aB\x01\x00\x00\x00b\x96\x01\x00\x00\x00\x00\x00\x00\x00c\x87.", tupleOf([]byte("a"), []byte("b"), []byte("c"))},
		{"frames", "\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00K\x01.", int64(1)},
		{"lists", "](K\x01K\x02eK\x03a.", &list{[]any{int64(1), int64(2), int64(3)}}},
		{"sets", "\x8f(K\x01\x90(K\x02\x91\x86.", tupleOf(&list{[]any{int64(1)}}, &list{[]any{int64(2)}})},
		{"dictionaries", "}U\x01aK\x01s(U\x01aK\x02U\x01bK\x03u.", dictOf("a", int64(2), "b", int64(3))},
		{"a mark without items", "(dN\x86.", tupleOf(&dict{}, nil)},
		{"memo", "]q\x000h\x00p1\n0g1\n\x94j\x02\x00\x00\x00\x85\x86.", tupleOf(&list{}, tupleOf(&list{}))},
		{"pop and mark", "N(NN1(02\x86.", tupleOf(nil, nil)},
		{"class", "cmodule\nName\n.", global("module.Name")},
		{"class by stack", "\x8c\x06module\x8c\x04Name\x93.", global("module.Name")},
		{"calls", "cm\nf\nK\x01\x85R}b.", &object{class: "m.f", args: []any{int64(1)}, state: &dict{}}},
		{"objects of protocol 0", "(im\nf\n.", &object{class: "m.f"}},
		{"objects of protocol 1", "(cm\nf\nK\x01o.", &object{class: "m.f", args: []any{int64(1)}}},
		{"new", "cm\nf\n)}\x92U\x01aK\x01s.", &object{class: "m.f", items: dictOf("a", int64(1))}},
		{"a call of a result", "cm\nf\n)R)R.", &object{}},
	} {
		got, n, err := unpickle([]byte(c.program+"tail"), newQuota(0), nil, nil)
		if err != nil || n != len(c.program) || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v, %d bytes, %v; want %#v", c.name, got, n, err, c.want)
		}
	}
}

func TestPickleRefuses(t *testing.T) {
	for _, c := range []struct{ program, want string }{
		{"", "1 bytes wanted, 0 are left"},
		{".", "stack is empty"},
		{"K\x01", "1 bytes wanted"},
		{"(.", "stack is empty"},
		{"NN(\x86.", "stack is empty"},
		{"t.", "no mark"},
		{"\x80\x06N.", "protocol 6"},
		{"h\x07.", "memo has no entry 7"},
		{"p-1\n.", "memo"},
		{"X\xff\xff\xff\xffab", "4294967295 bytes wanted, 2 are left"},
		{"\x8d\xff\xff\xff\xff\xff\xff\xff\xffab", "18446744073709551615 bytes wanted"},
		{"\x8b\xff\xff\xff\xffab", "4294967295 bytes wanted"},
		{"\x95\xff\xff\xff\xff\xff\xff\xff\xff.", "frame"},
		{"Inumber\n.", "not an integer"},
		{"S'a\n.", "quotes"},
		{"cmodule\nName", "line without an end"},
		{"NN\x93.", "not a string"},
		{"cm\nf\nNR.", "not a tuple"},
		{"N(K\x01u.", "key without a value"},
		{"N(K\x01K\x02u.", "not a dictionary"},
		{"NNa.", "not a list"},
		{"(o.", "without a class"},
		{"NQ.", "persistent"},
		{"Pkey\n.", "0x50"},
		{"\x82\x01.", "extension registry"},
		{"\xff.", "unknown"},
		{"cos\nsystem\nU\x02id\x85R.", "not a tensor or a container: os.system"},
		{"cposix\nsystem\nU\x02id\x85R.", "not a tensor or a container: posix.system"},
		{"c__builtin__\neval\nU\x011\x85R.", "not a tensor or a container: builtins.eval"},
		{"\x8c\x08builtins\x8c\x04exec\x93.", "not a tensor or a container: builtins.exec"},
		{"(isubprocess\nPopen\n.", "not a tensor or a container: subprocess.Popen"},
	} {
		_, _, err := unpickle([]byte(c.program), newQuota(0), nil, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v does not say %q", c.program, err, c.want)
		}
	}
}

// programs lists the pickles in a file.
func programs(t testing.TB, path string) (all [][]byte) {
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if z, err := zip.NewReader(bytes.NewReader(file), int64(len(file))); err == nil {
		for _, f := range z.File {
			b, err := zipBlob(f, file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(f.Name, "data.pkl") {
				all = append(all, b.data)
			}
		}
		return all
	}
	anything := func(any) (any, error) { return nil, nil }
	for {
		_, n, err := unpickle(file, newQuota(len(file)), nil, anything)
		if err != nil {
			return all
		}
		all = append(all, file[:n])
		file = file[n:]
	}
}

func FuzzPickle(f *testing.F) {
	for _, path := range pytorchFiles(f, "testdata/pth") {
		for _, p := range programs(f, path) {
			f.Add(p)
		}
	}
	f.Add([]byte("\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00(lp0\n0g0\n."))
	f.Add([]byte("(im\nf\n(cm\nf\no\x92\x81R}b."))
	f.Fuzz(func(t *testing.T, program []byte) {
		data := make([]byte, 64)
		q := newQuota(len(program))
		value, n, err := unpickle(program, q, construct(q), func(id any) (any, error) {
			s, err := newStorage(id)
			if s == nil || err != nil {
				return nil, err
			}
			s.blob = &blob{data: data, size: int64(len(data))}
			return s, nil
		})
		if n > len(program) || err == nil && program[n-1] != '.' {
			t.Fatalf("%d of %d bytes, %v", n, len(program), err)
		}
		p := &PyTorch{entries: map[string]view{}, size: len(program)}
		if err != nil || p.collect(value, q, true) != nil {
			return
		}
		for _, name := range p.Names() {
			if x, err := p.Tensor(name); err == nil && len(x.Data) > max(len(program), len(data)) {
				t.Fatalf("%v out of %d bytes", x, len(program))
			}
		}
	})
}
