package files

import (
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Quote returns a name from a file or a disk as it may be shown. It is unchanged if it
// is printable. Otherwise it is a string of Go, with escapes for control characters,
// line breaks, marks of direction, characters without width, and bytes that are not
// UTF-8.
func Quote(name string) string {
	if printable(name) {
		return name
	}
	return strconv.Quote(name)
}

// Escape returns text with Quote's escapes for what is not printable, and without
// quotes. It is for text that has names in it.
func Escape(text string) string {
	if printable(text) {
		return text
	}
	var b strings.Builder
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		if strconv.IsPrint(r) && (r != utf8.RuneError || n > 1) {
			b.WriteRune(r)
		} else {
			quoted := strconv.Quote(text[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[n:]
	}
	return b.String()
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) })
}

// Unquote returns the name that Quote shows as shown, so that what is shown can be
// opened. It is shown itself if there is a file of that name, or if Quote would not
// write so.
func Unquote(shown string) string {
	if !strings.HasPrefix(shown, `"`) || !strings.HasSuffix(shown, `"`) {
		return shown
	}
	name, err := strconv.Unquote(shown)
	if err != nil || Quote(name) != shown {
		return shown
	}
	if _, err := os.Lstat(shown); err == nil {
		return shown
	}
	return name
}

// Text returns a name for JSON and other text in UTF-8: unchanged if it is UTF-8, else as
// Quote shows it.
func Text(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	return strconv.Quote(name)
}
