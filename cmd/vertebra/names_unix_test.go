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
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
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

// TestOddNames runs commands on names that would speak to the terminal. What they print
// is printable, shows the names with escapes, and has as many lines as for other names.
func TestOddNames(t *testing.T) {
	const odd = "a\x1b[31m\nb\u202egnp\u200b\xff"
	dir := filepath.Join(t.TempDir(), odd)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, odd+name) }
	in, broken := seven(t, dir, odd+".png", 40), at("_broken.png")
	labels, text, st := at(".txt"), at(".safetensors"), at("_out.safetensors")
	copyOf := func(path, to string) string {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(to, data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return to
	}
	named := tensor.New(2)
	named.Name = "w\x1b[31m\nb\u202e"
	odds := at("_named.safetensors")
	for _, err := range []error{
		os.WriteFile(broken, []byte("no picture"), 0o644), os.WriteFile(text, []byte("{}"), 0o644), os.Symlink("none", at("_loop.png")),
		os.WriteFile(labels, []byte(strings.Repeat("c\x1b[31m\u202e\n", 10)), 0o644), weights.WriteSafetensors(odds, nil, named),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w := copyOf(smallCLIP(t, 1), at("_clip.safetensors"))
	if err := os.WriteFile(filepath.Join(dir, "bpe_simple_vocab_16e6.txt"), []byte("#\na b</w>\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	sam, png := copyOf(smallSAM(t), at("_sam.safetensors")), at("_out.png")
	for _, args := range [][]string{
		{"classify", "lenet", dir, "--labels", labels}, {"classify", "lenet", in, "--csv", "--labels", labels}, {"classify", "lenet", broken},
		{"classify", "lenet", in, "--weights", odds}, {"classify", "lenet", in, "--weights", text}, {"classify", "lenet", in, "--weights", at("none")},
		{"classify", "lenet", in, "--labels", at("none")}, {"classify", at("none"), in}, {"classify", odds, in},
		{"upscale", in, "-o", png}, {"upscale", in, "-o", at(".tiff")}, {"upscale", in, "-o", in}, {"upscale", broken, "-o", png},
		{"match", dir, "--text", "ab", "--weights", w}, {"embed", dir, "--weights", w, "-o", st}, {"features", "lenet", dir, "-o", at(".npy")},
		{"search", dir, "ab", "--weights", w}, {"search", at("none"), "ab", "--weights", w}, {"search", in, "ab", "--weights", w},
		{"sam", in, "--point", "1,1", "--weights", sam, "-o", png}, {"sam", in, "--point", "1,1", "--weights", odds, "-o", png},
		{"sam", in, "--point", "1,1", "--weights", sam, "-o", png, "--embedding", odds}, {"sam", in, "--mask", odds, "--weights", sam, "-o", png},
		{"sam", in, "--everything", "--points-per-side", "2", "--weights", sam, "-o", png}, {"sam", in, "--point", "1000,1", "--weights", sam, "-o", png},
		{"inspect", odds}, {"inspect", text}, {"inspect", at("none")}, {"inspect", dir},
		{"run", "lenet", "--input", odds, "-o", st}, {"run", "lenet", "--input", text, "-o", st},
		{"verify", dir, "--device", "cpu"}, {"verify", odds}, {"verify", text, at("none")}, {"verify", "--data", at("none")},
		{"bench", "compare", text, odds}, {"bench", "ops", "--shapes", text}, {"bench", "model", "lenet", "--case", odds},
		{"segment", "unet", in, "--weights", odds, "-o", png}, {"detect", "vit_b_16_det", in, "--weights", odds, "-o", png},
		{"reconstruct", in, "--weights", odds, "-o", png}, {"attention", "vit_b_16", in, "--weights", odds, "--block", "1", "-o", png},
		{odd}, {"models", odd}, {"demo", "--" + odd}, {"summary", odd}, {"run", "lenet", "--input", odds, "-o", st, "--layout", odd}, {"devices", "--device", odd},
	} {
		_, stdout, stderr := vertebra(args...)
		shown := false
		for _, text := range []string{stdout, stderr} {
			for _, line := range strings.Split(text, "\n") {
				if line != files.Escape(line) {
					t.Errorf("%q: not printable: %q", args, line)
				}
			}
			shown = shown || strings.Contains(text, `\x1b[31m`)
			if strings.Contains(text, "\nb\\u202e") {
				t.Errorf("%q: a name breaks a line: %q", args, text)
			}
		}
		if !shown {
			t.Errorf("%q: shows no name: %q, %q", args, stdout, stderr)
		}
	}
}
