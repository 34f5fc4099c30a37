package files

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

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
		if got := Unquote(c.want); got != c.name {
			t.Errorf("Unquote(%s) = %q, want %q", c.want, got, c.name)
		}
		if got, bare := Escape(c.name), strings.Trim(c.want, `"`); c.name != c.want && got != bare {
			t.Errorf("Escape(%q) = %s, want %s", c.name, got, bare)
		}
	}
}

// TestUnquote leaves alone what Quote would not write and the names of files.
func TestUnquote(t *testing.T) {
	t.Chdir(t.TempDir())
	there := `"a\nb"`
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{there, "", `"`, `""`, `"plain"`, `"a\qb"`, `"a"b"`, `"\u0041"`} {
		if got := Unquote(name); got != name {
			t.Errorf("Unquote(%s) = %q", name, got)
		}
	}
}

// TestText takes names through JSON and back.
func TestText(t *testing.T) {
	for _, name := range []string{"a b", "a\x1bb", "é", "\xff.png", "a\nb\xe9\u202e"} {
		text, err := json.Marshal(Text(name))
		if err != nil {
			t.Fatal(err)
		}
		var back string
		if err := json.Unmarshal(text, &back); err != nil || Unquote(back) != name {
			t.Errorf("%q becomes %s and then %q, %v", name, text, Unquote(back), err)
		}
	}
}

// FuzzQuote shows that what Quote, Escape and Text return is printable or UTF-8, and that
// Unquote returns the name.
func FuzzQuote(f *testing.F) {
	for _, name := range []string{"", "a b", `"a"`, `"a\nb"`, "a\nb", "\xff\u202e", "\u200b\u3000\ufffd"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		shown, text := Quote(name), Text(name)
		if !printable(shown) || !printable(Escape(name)) || !utf8.ValidString(text) {
			t.Errorf("%q is shown as %q and %q, and is %q in text", name, shown, Escape(name), text)
		}
		if shown != name && Unquote(shown) != name || text != name && Unquote(text) != name {
			t.Errorf("%q comes back as %q and %q", name, Unquote(shown), Unquote(text))
		}
	})
}
