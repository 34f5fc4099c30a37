package weights

import (
	"encoding/binary"
	"fmt"
	"math"
)

// maxOpcodes bounds the time for a pickle in a large file. A checkpoint of ten
// thousand tensors has about a million opcodes.
const maxOpcodes = 1 << 26

// machine runs a pickle of protocol 0 to 5
// (https://github.com/python/cpython/blob/main/Lib/pickletools.py lists the
// opcodes). It checks every length against the bytes left, and takes the memory for
// all values from a quota.
type machine struct {
	data  []byte
	at    int
	stack []any
	high  int // what the stack has held at most
	marks []int
	memo  memo
	quota *quota
	err   error

	// call returns the value of calling the class or function f with args.
	call func(f global, args []any) (any, error)
	// persistent returns the value that the file keeps outside the pickle
	// under id.
	persistent func(id any) (any, error)
}

// unpickle runs the pickle at the start of data and returns its value and its
// length in bytes. If call is nil, every object is opaque; if persistent is nil,
// a persistent identifier is an error.
func unpickle(data []byte, q *quota, call func(global, []any) (any, error), persistent func(any) (any, error)) (any, int, error) {
	m := &machine{data: data, quota: q, call: call, persistent: persistent}
	if call == nil {
		m.call = func(f global, args []any) (any, error) { return &object{class: f, args: args}, nil }
	}
	for range maxOpcodes {
		op := m.byte()
		if m.err == nil && op == '.' {
			if v := m.pop(); m.err == nil {
				return v, m.at, nil
			}
		}
		if m.err == nil {
			m.step(op)
		}
		if m.err != nil {
			return nil, m.at, fmt.Errorf("pickle: byte %d: %w", m.at, m.err)
		}
	}
	return nil, m.at, fmt.Errorf("pickle: more than %d opcodes", maxOpcodes)
}

// take takes the memory for a value from the quota.
func (m *machine) take(n int) {
	if !m.quota.take(n) && m.err == nil {
		m.err = errQuota
	}
}

func (m *machine) fail(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf(format, args...)
	}
}

// step runs one opcode other than STOP.
func (m *machine) step(op byte) {
	switch op {
	case 0x80: // PROTO
		if v := m.byte(); v > 5 {
			m.fail("protocol %d is unknown", v)
		}
	case 0x95: // FRAME: a hint for readers of streams
		if n := m.uint(8); n > uint64(len(m.data)-m.at) {
			m.fail("frame of %d bytes, but %d are left", n, len(m.data)-m.at)
		}

	case 'N':
		m.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		m.push(op == 0x88)
	case 'K':
		m.push(int64(m.uint(1)))
	case 'M':
		m.push(int64(m.uint(2)))
	case 'J':
		m.push(int64(int32(m.uint(4))))
	case 'I', 'L', 'F':
		m.push(m.number(op))
	case 0x8a: // LONG1
		m.push(integer(m.bytes(m.uint(1))))
	case 0x8b: // LONG4
		m.push(integer(m.bytes(m.uint(4))))
	case 'G': // BINFLOAT
		if b := m.bytes(8); b != nil {
			m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
		}

	case 'X', 'T': // BINUNICODE, BINSTRING
		m.push(m.string(m.uint(4)))
	case 0x8c, 'U': // SHORT_BINUNICODE, SHORT_BINSTRING
		m.push(m.string(m.uint(1)))
	case 0x8d: // BINUNICODE8
		m.push(m.string(m.uint(8)))
	case 'S', 'V': // STRING, UNICODE
		m.push(m.text(op))
	case 'C': // SHORT_BINBYTES
		m.push(m.bytes(m.uint(1)))
	case 'B': // BINBYTES
		m.push(m.bytes(m.uint(4)))
	case 0x8e, 0x96: // BINBYTES8, BYTEARRAY8
		m.push(m.bytes(m.uint(8)))

	case '(':
		m.take(slotBytes)
		m.marks = append(m.marks, len(m.stack))
	case '0': // POP, which removes a mark if one is on top
		if n := len(m.marks); n > 0 && m.marks[n-1] == len(m.stack) {
			m.marks = m.marks[:n-1]
		} else {
			m.pop()
		}
	case '1':
		m.popMark()
	case '2':
		m.push(m.top())
	case 'p', 'q', 'r', 0x94: // PUT, BINPUT, LONG_BINPUT, MEMOIZE
		m.take(memoBytes)
		m.memo.put(m.index(op), m.top())
	case 'g', 'h', 'j': // GET, BINGET, LONG_BINGET
		i := m.index(op)
		v, ok := m.memo.get(i)
		if !ok {
			m.fail("memo has no entry %d", i)
		}
		m.push(v)

	default:
		m.build(op)
	}
}

// build runs the opcodes that make and fill containers and objects.
func (m *machine) build(op byte) {
	switch op {
	case ')':
		m.push(&tuple{})
	case 't':
		m.take(listBytes)
		m.push(&tuple{m.popMark()})
	case 0x85, 0x86, 0x87: // TUPLE1 to TUPLE3
		m.take(listBytes + int(op-0x84)*slotBytes)
		items := make([]any, op-0x84)
		for i := len(items) - 1; i >= 0; i-- {
			items[i] = m.pop()
		}
		m.push(&tuple{items})
	case ']', 0x8f: // EMPTY_LIST, EMPTY_SET
		m.take(listBytes)
		m.push(&list{})
	case 'l', 0x91: // LIST, FROZENSET
		m.take(listBytes)
		m.push(&list{m.popMark()})
	case 'a':
		item := m.pop()
		m.append([]any{item})
	case 'e', 0x90: // APPENDS, ADDITEMS
		m.append(m.popMark())
	case '}':
		m.take(dictBytes)
		m.push(&dict{})
	case 'd':
		m.take(dictBytes)
		items := m.popMark()
		m.push(&dict{})
		m.setItems(items)
	case 's':
		value := m.pop()
		key := m.pop()
		m.setItems([]any{key, value})
	case 'u':
		m.setItems(m.popMark())

	case 'c': // GLOBAL
		module := m.line()
		m.push(m.global(module, m.line()))
	case 0x93: // STACK_GLOBAL
		name, ok1 := m.pop().(string)
		module, ok2 := m.pop().(string)
		if !ok1 || !ok2 {
			m.fail("the name of a class is not a string")
		}
		m.push(m.global(module, name))
	case 'R', 0x81: // REDUCE, NEWOBJ
		args := m.pop()
		m.apply(m.pop(), args)
	case 0x92: // NEWOBJ_EX
		m.pop()
		args := m.pop()
		m.apply(m.pop(), args)
	case 'i': // INST
		module := m.line()
		class := m.global(module, m.line())
		m.apply(class, &tuple{m.popMark()})
	case 'o': // OBJ
		items := m.popMark()
		if len(items) == 0 {
			m.fail("object without a class")
			return
		}
		m.apply(items[0], &tuple{items[1:]})
	case 'b': // BUILD
		state := m.pop()
		if o, ok := m.top().(*object); ok {
			o.state = state
		}
	case 'Q': // BINPERSID
		m.take(dictBytes) // of a storage
		id := m.pop()
		if m.err != nil {
			return
		}
		if m.persistent == nil {
			m.fail("unexpected persistent identifier")
			return
		}
		v, err := m.persistent(id)
		m.err = err
		m.push(v)

	case 'P', 0x82, 0x83, 0x84, 0x97, 0x98:
		m.fail("opcode %#x (persistent text, extension registry or external buffer) has no meaning in a checkpoint", op)
	default:
		m.fail("opcode %#x is unknown", op)
	}
}

// apply pushes what call makes of f and args; it never runs f.
func (m *machine) apply(f, args any) {
	m.take(dictBytes) // of the result
	if m.err != nil {
		return
	}
	t, ok := args.(*tuple)
	if !ok {
		m.fail("the arguments of a call are not a tuple")
		return
	}
	class, ok := f.(global)
	if !ok { // f is the result of another call, and as opaque
		m.push(&object{args: t.items})
		return
	}
	v, err := m.call(class, t.items)
	m.err = err
	m.push(v)
}

func (m *machine) append(items []any) {
	m.take(slotBytes * len(items))
	switch to := m.top().(type) {
	case *list:
		to.items = append(to.items, items...)
	case *object: // a subclass of list or set
	default:
		m.fail("items appended to a value that is not a list")
	}
}

func (m *machine) setItems(items []any) {
	if m.err != nil {
		return
	}
	if len(items)%2 != 0 {
		m.fail("key without a value")
		return
	}
	var to *dict
	switch top := m.top().(type) {
	case *dict:
		to = top
	case *object:
		if top.items == nil {
			m.take(dictBytes)
			top.items = &dict{}
		}
		to = top.items
	default:
		m.fail("items set in a value that is not a dictionary")
		return
	}
	m.take(itemBytes * len(items) / 2)
	for i := 0; i < len(items) && m.err == nil; i += 2 {
		if !to.set(items[i], items[i+1]) {
			m.fail("key %q is set twice", items[i])
		}
	}
}

func (m *machine) push(v any) {
	switch v.(type) {
	case int64, float64, string, []byte, long, global:
		m.take(valueBytes)
	}
	if len(m.stack) == m.high {
		m.take(slotBytes)
		m.high++
	}
	m.stack = append(m.stack, v)
}

func (m *machine) top() any {
	v := m.pop()
	m.push(v)
	return v
}

// pop removes and returns the top of the stack. It does not reach below the last
// mark.
func (m *machine) pop() any {
	floor := 0
	if n := len(m.marks); n > 0 {
		floor = m.marks[n-1]
	}
	n := len(m.stack)
	if n <= floor {
		m.fail("the stack is empty")
		return nil
	}
	v := m.stack[n-1]
	m.stack = m.stack[:n-1]
	return v
}

// popMark removes the last mark and all values above it, and returns the values.
func (m *machine) popMark() []any {
	n := len(m.marks)
	if n == 0 {
		m.fail("the stack has no mark")
		return nil
	}
	from := m.marks[n-1]
	m.take(slotBytes * (len(m.stack) - from))
	if m.err != nil {
		return nil
	}
	items := append([]any(nil), m.stack[from:]...)
	m.stack, m.marks = m.stack[:from], m.marks[:n-1]
	return items
}
