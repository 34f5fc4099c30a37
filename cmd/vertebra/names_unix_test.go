//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vertebra/vertebra/internal/files"
)

// TestNotUTF8 takes names that are not UTF-8 from --json and opens them again.
func TestNotUTF8(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "caf\xe9")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	good := []string{seven(t, dir, "a.png", 40), seven(t, dir, "\xff\xfe.png", 50), seven(t, dir, "\u00e9.png", 50)}
	w, out := smallCLIP(t, 1), filepath.Join(dir, "\xff.safetensors")
	paths := func(list []string) []string {
		var all []string
		for _, name := range list {
			if !utf8.ValidString(name) {
				t.Errorf("%q is not UTF-8", name)
			}
			all = append(all, files.Unquote(name))
		}
		slices.Sort(all)
		return all
	}
	slices.Sort(good)
	var c []classified
	if err := json.Unmarshal([]byte(ok(t, "classify", "lenet", dir, "--json")), &c); err != nil || len(c) != 3 {
		t.Fatal(err, c)
	}
	shown := []string{c[0].File, c[1].File, c[2].File}
	if got := paths(shown); !slices.Equal(got, good) {
		t.Errorf("classify: %q, want %q", got, good)
	}
	if again := ok(t, append([]string{"classify", "lenet", "--json"}, shown...)...); again != ok(t, "classify", "lenet", dir, "--json") {
		t.Errorf("classify with the names that it has written: %s", again)
	}
	var e writtenTensors
	if err := json.Unmarshal([]byte(ok(t, "embed", files.Text(dir), "--weights", w, "--json", "-o", files.Text(out))), &e); err != nil {
		t.Fatal(err)
	}
	var list []string
	if err := json.Unmarshal([]byte(openFile(t, out).Metadata["pictures"]), &list); err != nil || !slices.Equal(paths(list), good) {
		t.Errorf("embed: %v, %q, want %q", err, list, good)
	}
	if got := paths(e.Files); !slices.Equal(got, good) || files.Unquote(e.Output) != out {
		t.Errorf("embed: %q, %q", got, e.Output)
	}
	var s searched
	if err := json.Unmarshal([]byte(ok(t, "search", files.Text(dir), "ab", "--weights", w, "--json")), &s); err != nil || len(s.Found) != 3 {
		t.Fatal(err, s)
	}
	if got := paths([]string{s.Found[0].File, s.Found[1].File, s.Found[2].File}); !slices.Equal(got, good) {
		t.Errorf("search: %q, want %q", got, good)
	}
}

// TestLongTexts leaves out the texts that are too long, and those alone.
func TestLongTexts(t *testing.T) {
	in, w, long := photograph(t, 8, 8), smallCLIP(t, 1), strings.Repeat("ab ", 20)
	status, stdout, stderr := vertebra("match", in, "--text", "ab", "--text", long, "--text", "a c", "--text", " ", "--weights", w, "--json")
	var m []matched
	if err := json.Unmarshal([]byte(stdout), &m); err != nil || status != 1 || len(m) != 1 || len(m[0].Texts) != 2 || m[0].Texts[1].Text != "a c" {
		t.Errorf("match: status %d, %v, %+v", status, err, m)
	}
	if !strings.Contains(stderr, "left out 2 of 4 texts: ") || !strings.Contains(stderr, "tokens, but at most 8 fit") {
		t.Errorf("match: %s", stderr)
	}
	folder := photos(t, 2)
	lines := file(t, "queries", []byte("ab\n"+long+"\n\na c"))
	status, stdout, stderr = piped(t, lines, "search", folder, "-", "--weights", w, "-q")
	if status != 1 || strings.Count(stdout, "\n") != 4 || !strings.Contains(stderr, "tokens, but at most 8 fit") || !strings.Contains(stderr, "1 of 3 queries") {
		t.Errorf("search: status %d, %s, %s", status, stdout, stderr)
	}
}
