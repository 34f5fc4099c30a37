package meta

import "encoding/binary"

// boxProfile returns the first profile among the properties of a HEIC's or AVIF's
// items. They stand in meta, iprp, ipco, colr.
func boxProfile(file []byte) []byte {
	properties := file
	for _, name := range []string{"meta", "iprp", "ipco"} {
		var found []byte
		for kind, data := range boxes(properties) {
			if kind == name {
				found = data
				break
			}
		}
		if name == "meta" && len(found) >= 4 {
			found = found[4:] // its version and flags
		}
		properties = found
	}
	for kind, data := range boxes(properties) {
		if kind == "colr" && (has(data, 0, "prof") || has(data, 0, "rICC")) {
			return data[4:]
		}
	}
	return nil
}

// boxes yields the kinds and contents of the boxes that stand in data one behind the
// other.
func boxes(data []byte) func(yield func(kind string, data []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for len(data) >= 8 {
			n, head := uint64(binary.BigEndian.Uint32(data)), 8
			switch {
			case n == 0: // to the end
				n = uint64(len(data))
			case n == 1 && len(data) >= 16:
				n, head = binary.BigEndian.Uint64(data[8:]), 16
			}
			if n < uint64(head) || n > uint64(len(data)) || !yield(string(data[4:8]), data[head:n]) {
				return
			}
			data = data[n:]
		}
	}
}
