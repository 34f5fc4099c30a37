package weights

import (
	"bytes"
	"errors"
	"fmt"
	bigint "math/big"
	"slices"
	"strconv"
	"strings"
)

// bytes returns the next n bytes. If fewer are left, it fails and returns nil.
func (m *machine) bytes(n uint64) []byte {
	if m.err != nil || n > uint64(len(m.data)-m.at) {
		m.fail("%d bytes wanted, %d are left", n, len(m.data)-m.at)
		return nil
	}
	b := m.data[m.at : m.at+int(n)]
	m.at += int(n)
	return b
}

// string returns a copy of the next n bytes.
func (m *machine) string(n uint64) string {
	b := m.bytes(n)
	m.take(len(b))
	return string(b)
}

func (m *machine) byte() byte { return byte(m.uint(1)) }

// uint reads a little-endian number of n bytes.
func (m *machine) uint(n uint64) uint64 {
	var v uint64
	for i, b := range m.bytes(n) {
		v |= uint64(b) << (8 * i)
	}
	return v
}

func (m *machine) line() string {
	n := bytes.IndexByte(m.data[m.at:], '\n')
	if n < 0 {
		m.fail("line without an end")
		return ""
	}
	m.take(n)
	s := string(m.data[m.at : m.at+n])
	m.at += n + 1
	return s
}

// index reads the index that a PUT or GET opcode uses in the memo.
func (m *machine) index(op byte) uint64 {
	switch op {
	case 'q', 'h':
		return m.uint(1)
	case 'r', 'j':
		return m.uint(4)
	case 0x94:
		return uint64(len(m.memo.dense) + len(m.memo.other))
	}
	i, err := strconv.ParseUint(m.line(), 10, 32)
	if err != nil {
		m.fail("memo: %.60v", err)
	}
	return i
}

// integer decodes a little-endian number in two's complement.
func integer(b []byte) any {
	if len(b) > 8 {
		return long(b)
	}
	var v int64
	for i := len(b) - 1; i >= 0; i-- {
		if i == len(b)-1 {
			v = int64(int8(b[i]))
		} else {
			v = v<<8 | int64(b[i])
		}
	}
	return v
}

// number decodes the text of INT, LONG and FLOAT.
func (m *machine) number(op byte) any {
	s := m.line()
	switch {
	case op == 'F':
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			m.fail("%q is not a number", s)
		}
		return v
	case op == 'I' && (s == "00" || s == "01"):
		return s == "01"
	}
	digits := strings.TrimSuffix(s, "L")
	v, err := strconv.ParseInt(digits, 10, 64)
	if errors.Is(err, strconv.ErrRange) && len(digits) < 100 { // what follows may be no digits
		if n, ok := new(bigint.Int).SetString(digits, 10); ok {
			return longOf(n)
		}
	}
	if err != nil {
		m.fail("%.100q is not an integer", s)
	}
	return v
}

// longOf returns n in two's complement.
func longOf(n *bigint.Int) long {
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 {
		n.Add(n, new(bigint.Int).Lsh(bigint.NewInt(1), uint(8*size)))
	}
	b := n.FillBytes(make([]byte, size))
	slices.Reverse(b)
	return long(b)
}

// String writes the integer in decimal digits.
func (l long) String() string {
	if len(l) > 64 {
		return fmt.Sprintf("an integer of %d bytes", len(l))
	}
	b := []byte(l)
	slices.Reverse(b)
	n := new(bigint.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(bigint.Int).Lsh(bigint.NewInt(1), uint(8*len(b))))
	}
	return n.String()
}

// text decodes the text of STRING, a quoted Python literal, and of UNICODE.
func (m *machine) text(op byte) string {
	s := m.line()
	if op == 'S' {
		if n := len(s); n < 2 || s[0] != s[n-1] || s[0] != '\'' && s[0] != '"' {
			m.fail("string without quotes")
			return ""
		}
		s = s[1 : len(s)-1]
	}
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for s != "" {
		if literal := op == 'V' && len(s) > 1 && s[1] != 'u' && s[1] != 'U'; s[0] != '\\' || literal {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		r, _, rest, err := strconv.UnquoteChar(s, s[min(1, len(s)-1)])
		if err != nil {
			m.fail("bad escape in %q", s)
			return ""
		}
		b.WriteRune(r)
		s = rest
	}
	return b.String()
}

// forbidden lists modules and functions that attacks need and checkpoints do
// not. Safety does not rest on this list, since nothing is ever called. But a
// file that asks for these is suspect, and so are its numbers.
var forbidden = map[string]bool{
	"ctypes": true, "importlib": true, "marshal": true, "nt": true, "os": true, "posix": true, "pty": true, "runpy": true,
	"shutil": true, "socket": true, "subprocess": true, "sys": true, "webbrowser": true, "torch.hub": true,
	"pickle": true, "_pickle": true, "cPickle": true, "code": true, "pdb": true, "bdb": true, "timeit": true, "cProfile": true, "profile": true,
	"builtins.__import__": true, "builtins.apply": true, "builtins.breakpoint": true, "builtins.compile": true,
	"builtins.delattr": true, "builtins.eval": true, "builtins.exec": true, "builtins.execfile": true, "builtins.file": true,
	"builtins.globals": true, "builtins.input": true, "builtins.open": true, "builtins.setattr": true, "torch.load": true,
}

// global checks the name of a class or function.
func (m *machine) global(module, name string) global {
	if module == "__builtin__" {
		module = "builtins"
	}
	full := module + "." + name
	m.take(len(full))
	if m.err == nil {
		root, _, _ := strings.Cut(module, ".")
		if forbidden[root] || forbidden[module] || forbidden[full] {
			m.fail("not a tensor or a container: %s", shown(full))
		}
	}
	return global(full)
}
