package onnx

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// The wire types of a field. A field's key is 8·number + type.
const (
	varint  = uint64(protowire.VarintType)
	fixed64 = uint64(protowire.Fixed64Type)
	length  = uint64(protowire.BytesType)
	fixed32 = uint64(protowire.Fixed32Type)
)

// field is one field of a message. A field whose key no reader knows is skipped, as
// the wire format demands.
type field struct {
	key uint64 // 8·number + wire type
	n   uint64 // of varint, fixed32 and fixed64
	b   []byte // the bytes of the value; without the length, if it has one
}

// fields calls f for each field of message b, in order.
func fields(b []byte, f func(x field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		x := field{key: uint64(num)*8 + uint64(typ)}
		switch uint64(typ) {
		case varint:
			x.n, n = protowire.ConsumeVarint(b)
		case fixed32:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			x.n = uint64(v)
		case fixed64:
			x.n, n = protowire.ConsumeFixed64(b)
		case length:
			x.b, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		if uint64(typ) != length {
			x.b = b[:n:n]
		}
		b = b[n:]
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}

// join appends more to b. The first part stays in the file.
func join(b, more []byte) []byte {
	if len(b) == 0 {
		return more[:len(more):len(more)]
	}
	return append(b, more...)
}

// varints calls f for each number of a packed field.
func varints(b []byte, f func(uint64)) error {
	for len(b) > 0 {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		f(v)
		b = b[n:]
	}
	return nil
}

// Bounds of a file. They are far above what any network needs.
const (
	mostParts = 1 << 20 // nodes, attributes, tensors and descriptions of values
	mostDepth = 32      // graphs inside graphs
)

// budget counts the parts of a file.
type budget int

func (b *budget) take() error {
	if *b++; *b > mostParts {
		return fmt.Errorf("more than %d nodes, attributes and tensors", mostParts)
	}
	return nil
}

var errDeep = errors.New("graphs are nested too deeply")
