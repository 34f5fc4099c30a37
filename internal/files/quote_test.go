package files

import "testing"

// TestQuote shows that a printable name is unchanged and that no other reaches a
// terminal as it is.
func TestQuote(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"", ""},
		{"photos/a b.jpg", "photos/a b.jpg"},
		{`C:\photos\a "b".jpg`, `C:\photos\a "b".jpg`},
		{"Пляж/海.png", "Пляж/海.png"},
		{"e\u0301.png", "e\u0301.png"},
		{"a\x1b[31mb.png", `"a\x1b[31mb.png"`},
		{"a\nb\tc\rd", `"a\nb\tc\rd"`},
		{"a\u202egpj.exe", `"a\u202egpj.exe"`},
		{"a\u200bb\u2066c\ufeffd", `"a\u200bb\u2066c\ufeffd"`},
		{"a\u0085b\u009bc\x7f", `"a\u0085b\u009bc\x7f"`},
		{"a\u2028b\U000e0041", `"a\u2028b\U000e0041"`},
		{"caf\xe9.png", `"caf\xe9.png"`},
		{"\xff\xfe", `"\xff\xfe"`},
	} {
		if got := Quote(c.name); got != c.want {
			t.Errorf("Quote(%q) = %s, want %s", c.name, got, c.want)
		}
	}
}
