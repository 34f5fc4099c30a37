package zoo

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// CleanText returns a text as CLIP's tokenizer sees it. It mends the text, replaces
// HTML's character references twice, folds white space and converts to lower case.
//
// OpenAI mends texts with the Python package ftfy. CleanText does the same, but does
// not guess encodings: it decodes a line again only if all of it is UTF-8 that was
// read as Latin-1 or Windows-1252.
func CleanText(text string) string {
	text = mend(strings.ToValidUTF8(text, "\uFFFD"))
	text = unescape(unescape(text))
	return cases.Lower(language.Und).String(strings.Join(strings.Fields(text), " "))
}

// mostMendings is how often a line is mended. People's texts need a few; one with references in
// references would take a time with the square of its length.
const mostMendings = 100

// mend mends each line until nothing changes.
func mend(text string) string {
	var b strings.Builder
	references := true // until a line looks like HTML itself
	for _, line := range strings.SplitAfter(text, "\n") {
		references = references && !strings.Contains(line, "<")
		for range mostMendings {
			was := line
			if references {
				line = reference.ReplaceAllStringFunc(line, wholeReference)
			}
			line = recode(line)
			line = mendings.Replace(line)
			line = escapes.ReplaceAllString(line, "")
			line = strings.Map(mendRune, line)
			line = widths.ReplaceAllStringFunc(line, norm.NFKC.String)
			line = norm.NFC.String(line)
			if line == was {
				break
			}
		}
		b.WriteString(line)
	}
	return b.String()
}

var (
	reference = regexp.MustCompile(`&#?[0-9A-Za-z]{1,24};`)
	escapes   = regexp.MustCompile("\x1b\\[[0-9;]*[a-zA-Z]") // terminal escape sequences
	widths    = regexp.MustCompile("[\uFF01-\uFFEF]+")       // full-width and half-width characters
)

// mendings replaces ligatures, quotation marks and line ends.
var mendings = strings.NewReplacer(
	"Ĳ", "IJ", "ĳ", "ij", "ŉ", "ʼn", "Ǳ", "DZ", "ǲ", "Dz", "ǳ", "dz", "Ǆ", "DŽ", "ǅ", "Dž", "ǆ", "dž",
	"Ǉ", "LJ", "ǈ", "Lj", "ǉ", "lj", "Ǌ", "NJ", "ǋ", "Nj", "ǌ", "nj",
	"ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "ﬅ", "ſt", "ﬆ", "st",
	"\u02bc", "'", "‘", "'", "’", "'", "‚", "'", "‛", "'", "“", `"`, "”", `"`, "„", `"`, "‟", `"`,
	"\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\u0085", "\n", "\u3000", " ",
)

// mendRune drops control characters. It reads those in the second half of Latin-1 as
// Windows-1252.
func mendRune(r rune) rune {
	switch {
	case r <= 0x08, r == 0x0b, r >= 0x0e && r <= 0x1f, r == 0x7f,
		r >= 0x206a && r <= 0x206f, r == 0xfeff, r >= 0xfff9 && r <= 0xfffc:
		return -1
	case r >= 0x80 && r <= 0x9f:
		return windows1252(byte(r))
	}
	return r
}

// windows1252 decodes a byte. It decodes a byte without a meaning as Latin-1.
func windows1252(b byte) rune {
	if r := charmap.Windows1252.DecodeByte(b); r != utf8.RuneError {
		return r
	}
	return rune(b)
}

// wholeReference replaces ref if all of it is a character reference. A name in
// capitals stands for the capital letter.
func wholeReference(ref string) string {
	whole := func(ref string) (string, bool) {
		s := html.UnescapeString(ref)
		return s, s != ref && !strings.Contains(s, ";")
	}
	if s, ok := whole(ref); ok {
		return s
	}
	if lower := strings.ToLower(ref); ref == strings.ToUpper(ref) && ref[1] != '#' {
		if s, ok := whole(lower); ok {
			return strings.ToUpper(s)
		}
	}
	return ref
}

// recode decodes text that is UTF-8 read as Latin-1 or Windows-1252, if that is
// certain. All of the text must be such, and must contain one character sequence
// that people never write or two that they rarely write.
func recode(text string) string {
	bytes := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := charmap.Windows1252.EncodeRune(r)
		if !ok {
			if r > 0xff {
				return text
			}
			b = byte(r)
		}
		bytes = append(bytes, b)
	}
	if !utf8.Valid(bytes) {
		return text
	}
	sure := 0
	for _, r := range string(bytes) {
		switch n := utf8.RuneLen(r); {
		case n > 2 || r >= 0x80 && r < 0x100:
			sure += 2
		case n == 2:
			sure++
		}
	}
	if sure < 2 {
		return text
	}
	return string(bytes)
}

// charref matches what HTML treats as a character reference.
var charref = regexp.MustCompile(`&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)`)

// unescape replaces HTML's character references once, as Python's html.unescape
// does.
func unescape(text string) string {
	if !strings.Contains(text, "&") {
		return text
	}
	return charref.ReplaceAllStringFunc(text, func(ref string) string {
		if ref[1] != '#' {
			return html.UnescapeString(ref)
		}
		digits, base := strings.TrimSuffix(ref[2:], ";"), 10
		if digits[0] == 'x' || digits[0] == 'X' {
			digits, base = digits[1:], 16
		}
		n, err := strconv.ParseUint(digits, base, 32)
		switch {
		case err != nil, n == 0, n >= 0xd800 && n <= 0xdfff, n > utf8.MaxRune:
			return "\uFFFD"
		case n >= 0x80 && n <= 0x9f:
			return string(windows1252(byte(n)))
		case n <= 0x08, n == 0x0b, n >= 0x0e && n <= 0x1f, n == 0x7f, n >= 0xfdd0 && n <= 0xfdef, n&0xfffe == 0xfffe:
			return ""
		}
		return string(rune(n))
	})
}
