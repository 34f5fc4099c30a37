package files

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Quote returns a name from a file or a disk as it may be shown. It is unchanged if it
// is printable. Otherwise it is a string of Go, with escapes for control characters,
// line breaks, marks of direction, characters without width, and bytes that are not
// UTF-8.
func Quote(name string) string {
	hidden := func(r rune) bool { return !strconv.IsPrint(r) }
	if utf8.ValidString(name) && !strings.ContainsFunc(name, hidden) {
		return name
	}
	return strconv.Quote(name)
}
