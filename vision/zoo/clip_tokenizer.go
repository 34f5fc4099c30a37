package zoo

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
)

// CLIPTokenizer turns texts into the ids that CLIP was trained with: byte-pair
// encoding (Sennrich et al., arXiv:1508.07909) of cleaned words. Goroutines may
// share it.
type CLIPTokenizer struct {
	ids        map[string]int
	pieces     map[int]string
	ranks      map[[2]string]int // of pairs of pieces; the lowest is merged first
	start, end int
}

// The tokens around a text, and the end of a word.
const (
	clipStart = "<|startoftext|>"
	clipEnd   = "<|endoftext|>"
	wordEnd   = "</w>"
)

// clipMerges is the number of merges in OpenAI's file that are used.
const clipMerges = 49152 - 256 - 2

var errNoVocabulary = errors.New("no vocabulary of CLIP: neither tokenizer.json nor vocab.json with merges.txt nor bpe_simple_vocab_16e6.txt.gz")

// ReadCLIPTokenizer reads a vocabulary: OpenAI's bpe_simple_vocab_16e6.txt,
// compressed or not, tokenizer.json, vocab.json with merges.txt beside it, or a
// folder with one of these.
func ReadCLIPTokenizer(path string) (*CLIPTokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		for _, name := range []string{"tokenizer.json", "vocab.json", "bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt"} {
			t, err := ReadCLIPTokenizer(filepath.Join(path, name))
			if !errors.Is(err, fs.ErrNotExist) {
				return t, err
			}
		}
		return nil, files.Named(path, errNoVocabulary)
	}
	data, err := files.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var t *CLIPTokenizer
	switch filepath.Base(path) {
	case "tokenizer.json":
		t, err = readTokenizerJSON(data)
	case "vocab.json":
		var merges []byte
		if merges, err = files.ReadFile(filepath.Join(filepath.Dir(path), "merges.txt")); err != nil {
			return nil, err
		}
		t, err = readVocabJSON(data, merges)
	default:
		t, err = ReadCLIPMerges(bytes.NewReader(data))
	}
	if err != nil {
		return nil, files.Named(path, err)
	}
	return t, nil
}

// ReadCLIPMerges reads OpenAI's list of merges, compressed or not. It has a title
// line and then two pieces in each line. The ids follow from the merges.
func ReadCLIPMerges(r io.Reader) (*CLIPTokenizer, error) {
	in := bufio.NewReader(r)
	if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = bufio.NewReader(z)
	}
	merges, err := readMerges(in)
	if err != nil {
		return nil, err
	}
	merges = merges[:min(len(merges), clipMerges)]
	var vocabulary []string
	for _, end := range []string{"", wordEnd} {
		for _, b := range byteOrder() {
			vocabulary = append(vocabulary, string(byteRunes[b])+end)
		}
	}
	for _, m := range merges {
		vocabulary = append(vocabulary, m[0]+m[1])
	}
	ids := map[string]int{}
	for i, piece := range append(vocabulary, clipStart, clipEnd) {
		ids[piece] = i
	}
	return newCLIPTokenizer(ids, merges)
}

// readMerges reads one pair of pieces from each line after the first.
func readMerges(r io.Reader) ([][2]string, error) {
	var merges [][2]string
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan() && len(merges) < clipMerges; n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		if line == "" || n == 1 {
			continue
		}
		first, second, ok := strings.Cut(line, " ")
		if !ok || strings.Contains(second, " ") {
			return nil, fmt.Errorf("merges: line %d is %.40q, want two pieces", n, line)
		}
		merges = append(merges, [2]string{first, second})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("merges: %w", err)
	}
	if len(merges) == 0 {
		return nil, errors.New("merges: the list is empty")
	}
	return merges, nil
}

func readVocabJSON(vocab, merges []byte) (*CLIPTokenizer, error) {
	var ids map[string]int
	if err := json.Unmarshal(vocab, &ids); err != nil {
		return nil, err
	}
	m, err := readMerges(bytes.NewReader(merges))
	if err != nil {
		return nil, err
	}
	return newCLIPTokenizer(ids, m)
}

func readTokenizerJSON(data []byte) (*CLIPTokenizer, error) {
	var file struct {
		Added []struct {
			ID      int
			Content string
		} `json:"added_tokens"` // may be the only place of the tokens around a text
		Model struct {
			Type   string
			Vocab  map[string]int
			Merges []json.RawMessage // "a b", or in newer files ["a", "b"]
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	var merges [][2]string
	for _, raw := range file.Model.Merges {
		var pair [2]string
		if err := json.Unmarshal(raw, &pair); err != nil {
			var line string
			if err := json.Unmarshal(raw, &line); err != nil {
				return nil, fmt.Errorf("merges: %w", err)
			}
			pair[0], pair[1], _ = strings.Cut(line, " ")
		}
		merges = append(merges, pair)
	}
	for _, a := range file.Added {
		if _, ok := file.Model.Vocab[a.Content]; !ok && file.Model.Vocab != nil {
			file.Model.Vocab[a.Content] = a.ID
		}
	}
	return newCLIPTokenizer(file.Model.Vocab, merges)
}

// newCLIPTokenizer makes a tokenizer. It checks that every piece that merging can
// give has an id.
func newCLIPTokenizer(ids map[string]int, merges [][2]string) (*CLIPTokenizer, error) {
	t := &CLIPTokenizer{ids: ids, pieces: map[int]string{}, ranks: map[[2]string]int{}}
	need := []string{clipStart, clipEnd}
	for _, r := range byteRunes {
		need = append(need, string(r), string(r)+wordEnd)
	}
	for i, m := range merges {
		need = append(need, m[0]+m[1])
		if _, ok := t.ranks[m]; !ok {
			t.ranks[m] = i
		}
	}
	for _, piece := range need {
		if _, ok := ids[piece]; !ok {
			return nil, fmt.Errorf("not a vocabulary of CLIP: it has no %q", piece)
		}
	}
	for piece, id := range ids {
		if id < 0 || id >= 1<<24 {
			return nil, fmt.Errorf("vocabulary: %q has id %d, want 0 to %d", piece, id, 1<<24-1)
		}
		t.pieces[id] = piece
	}
	t.start, t.end = ids[clipStart], ids[clipEnd]
	return t, nil
}

// words matches the words of a cleaned text.
var words = regexp.MustCompile(`(?i:<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}|[^\s\x0b\x{85}\p{Z}\p{L}\p{N}]+`)

// Encode returns the ids of a text, without those of start and end.
func (t *CLIPTokenizer) Encode(text string) []int {
	ids := []int{}
	for _, word := range words.FindAllString(CleanText(text), -1) {
		if id, ok := t.ids[word]; ok && (word == clipStart || word == clipEnd) {
			ids = append(ids, id)
			continue
		}
		for _, piece := range t.merge(word) {
			ids = append(ids, t.ids[piece])
		}
	}
	return ids
}

// Tokenize returns the ids of texts, [B, context], for models.CLIP.ForwardText. A row
// is the id of start, the text, the id of end, and zeros. A text that is too long is
// cut if truncate is set, else it is an error.
func (t *CLIPTokenizer) Tokenize(texts []string, context int, truncate bool) (*tensor.Tensor, error) {
	if len(texts) == 0 || context < 2 {
		return nil, fmt.Errorf("tokenize: %d texts in %d tokens, want at least 1 in 2", len(texts), context)
	}
	out := tensor.New(len(texts), context)
	for i, text := range texts {
		ids := append(append([]int{t.start}, t.Encode(text)...), t.end)
		if len(ids) > context {
			if !truncate {
				return nil, fmt.Errorf("text %.40q has %d tokens, but at most %d fit", text, len(ids), context)
			}
			ids = ids[:context]
			ids[context-1] = t.end
		}
		for j, id := range ids {
			out.Data[i*context+j] = float32(id)
		}
	}
	return out, nil
}

// Decode returns the text of ids, with a space after each word.
func (t *CLIPTokenizer) Decode(ids []int) string {
	var b []byte
	for _, id := range ids {
		piece := t.pieces[id]
		end := strings.HasSuffix(piece, wordEnd)
		for _, r := range strings.TrimSuffix(piece, wordEnd) {
			if v, ok := runeBytes[r]; ok {
				b = append(b, v)
			}
		}
		if end {
			b = append(b, ' ')
		}
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// byteRunes gives each byte a printable character: its own if it is printable in
// Latin-1, else one from U+0100 on.
var byteRunes, runeBytes = func() (runes [256]rune, bytes map[rune]byte) {
	bytes = map[rune]byte{}
	next := rune(256)
	for b := range 256 {
		runes[b] = rune(b)
		if !printable(b) {
			runes[b] = next
			next++
		}
		bytes[runes[b]] = byte(b)
	}
	return runes, bytes
}()

func printable(b int) bool { return b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae }

// byteOrder returns the bytes in the order of their ids, printable ones first.
func byteOrder() []byte {
	var order, rest []byte
	for b := range 256 {
		if printable(b) {
			order = append(order, byte(b))
		} else {
			rest = append(rest, byte(b))
		}
	}
	return append(order, rest...)
}
