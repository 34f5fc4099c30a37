package zoo

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// merges are invented for these tests.
const merges = "#version: 0.2\nc a\nca t</w>\nt h\nth e</w>\na t</w>\n"

// TestTokenizer checks merging, and that all forms of a vocabulary give the same ids.
func TestTokenizer(t *testing.T) {
	fromText, err := ReadCLIPMerges(strings.NewReader(merges))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return filepath.Dir(path)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(merges))
	z.Close()
	vocab, _ := json.Marshal(fromText.ids)
	old, _ := json.Marshal(map[string]any{"model": map[string]any{
		"vocab": fromText.ids, "merges": strings.Split(strings.TrimSpace(merges), "\n")[1:]}})
	pairs := [][]string{}
	for _, line := range strings.Split(strings.TrimSpace(merges), "\n")[1:] {
		pairs = append(pairs, strings.Split(line, " "))
	}
	recent, _ := json.Marshal(map[string]any{"model": map[string]any{"vocab": fromText.ids, "merges": pairs}})
	without := maps.Clone(fromText.ids)
	delete(without, clipStart)
	delete(without, clipEnd)
	added, _ := json.Marshal(map[string]any{
		"added_tokens": []any{map[string]any{"id": fromText.start, "content": clipStart, "special": true}, map[string]any{"id": fromText.end, "content": clipEnd}},
		"model":        map[string]any{"vocab": without, "merges": pairs},
	})
	write("b/vocab.json", vocab)
	forms := []string{
		write("a/bpe_simple_vocab_16e6.txt.gz", packed.Bytes()),
		write("b/merges.txt", []byte(merges)),
		write("c/tokenizer.json", old),
		write("d/tokenizer.json", recent),
		write("e/tokenizer.json", added),
	}
	// The merges follow 512 pieces of one byte.
	const cat, the, at, start = 513, 515, 516, 517
	one := func(s string) int { return fromText.ids[s] }
	for _, form := range forms {
		tk, err := ReadCLIPTokenizer(form)
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string][]int{
			"":                  {},
			" The\tCAT&amp; ":   {the, cat, one("&</w>")},
			"cats at 7":         {512, one("t"), one("s</w>"), at, one("7</w>")},
			"<|endoftext|> the": {start + 1, the},
			"é":                 {one("Ã"), one("©</w>")},
		} {
			if got := tk.Encode(text); !slices.Equal(got, want) {
				t.Errorf("%s: %q is %v, want %v", form, text, got, want)
			}
		}
	}
	if got := fromText.Decode(fromText.Encode("the café's cat")); got != "the café 's cat " {
		t.Errorf("decoded %q", got)
	}
}

func TestTokenize(t *testing.T) {
	tk, err := ReadCLIPMerges(strings.NewReader("#\na b</w>\n"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := tk.Tokenize([]string{"ab ab ab", "ab"}, 4, true)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{513, 512, 512, 514, 513, 512, 514, 0}; !slices.Equal(got.Data, want) || got.Shape.String() != "[2, 4]" {
		t.Errorf("%v %v, want %v", got.Shape, got.Data, want)
	}
	if _, err := tk.Tokenize([]string{"ab ab ab"}, 4, false); err == nil || !strings.Contains(err.Error(), "5 tokens, but at most 4") {
		t.Errorf("error is %v", err)
	}
}

func TestTokenizerErrors(t *testing.T) {
	for _, text := range []string{"", "#version\n", "#\nonepiece\n", "#\na b c\n", "\x1f\x8bno gzip"} {
		if _, err := ReadCLIPMerges(strings.NewReader(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	for _, data := range []string{"", "[]", "{}", `{"model":{"vocab":{"a":0},"merges":[]}}`, `{"model":{"merges":[3]}}`} {
		if _, err := readTokenizerJSON([]byte(data)); err == nil {
			t.Errorf("%q is taken", data)
		}
	}
	if _, err := ReadCLIPTokenizer(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no vocabulary of CLIP") {
		t.Errorf("error is %v", err)
	}
}

func TestCleanText(t *testing.T) {
	for text, want := range map[string]string{
		"&amp;amp;lt;":                 "<",
		"&amp;amp;lt; <":               "&lt; <",
		"caf&eacute &EACUTE; &notit;":  "café é ¬it;",
		"&#x41;&#128;&#3;&#0;&#xD800;": "a€\ufffd\ufffd",
		"&#99999999999;":               "\ufffd",
		"A\u2003B\r\nC\u0085d":         "a b c d",
		"ΑΣ İ":                         "ας i̇",
		"Ã¼ber":                        "über",
		"itâ€™s":                       "it's",
		"daß“":                         `daß"`,
		"ｱＡ１":                          "アa1",
		"e\u0301":                      "é",
		"\x1b[31mred\x07":              "red",
		"ﬁne":                          "fine",
		"bad\xff":                      "bad\ufffd",
	} {
		if got := CleanText(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// TestCleanNested ends with a text whose references are in references more often than people
// write.
func TestCleanNested(t *testing.T) {
	for depth, want := range map[int]string{3: "&", 1000: "&" + strings.Repeat("amp;", 1000-mostMendings-2)} {
		if got := CleanText("&" + strings.Repeat("amp;", depth)); got != want {
			t.Errorf("%d: %.40q of length %d, want %.40q of length %d", depth, got, len(got), want, len(want))
		}
	}
}

// TestOfficialTokens compares with the results of OpenAI's tokenizer, if the folders
// that VERTEBRA_DATA and VERTEBRA_GOLDEN name have its vocabulary and results.
func TestOfficialTokens(t *testing.T) {
	data, golden := os.Getenv("VERTEBRA_DATA"), os.Getenv("VERTEBRA_GOLDEN")
	if data == "" || golden == "" {
		return
	}
	tk, err := ReadCLIPTokenizer(data)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(golden, "clip_tokens.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Cases []struct {
			Text, Clean, Decoded string
			IDs, Tokenize        []int
			Truncated            bool
		}
	}
	if err := json.Unmarshal(file, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range want.Cases {
		if got := CleanText(c.Text); got != c.Clean {
			t.Errorf("%q is cleaned to %q, want %q", c.Text, got, c.Clean)
		}
		if got := tk.Encode(c.Text); !slices.Equal(got, c.IDs) {
			t.Errorf("%q is %v, want %v", c.Text, got, c.IDs)
		}
		if got := tk.Decode(c.IDs); got != c.Decoded {
			t.Errorf("%v is %q, want %q", c.IDs, got, c.Decoded)
		}
		out, err := tk.Tokenize([]string{c.Text}, 77, true)
		if err != nil {
			t.Fatal(err)
		}
		padded := make([]float32, 77)
		for i, id := range c.Tokenize {
			padded[i] = float32(id)
		}
		if !slices.Equal(out.Data, padded) {
			t.Errorf("%q is %v, want %v", c.Text, out.Data, c.Tokenize)
		}
		if _, err := tk.Tokenize([]string{c.Text}, 77, false); (err != nil) != c.Truncated {
			t.Errorf("%q: error %v", c.Text, fmt.Sprint(err))
		}
	}
}
