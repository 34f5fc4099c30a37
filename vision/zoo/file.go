package zoo

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// File is a file to download, as its authors publish it.
type File struct {
	URL    string
	Bytes  int64  // 0: not known
	SHA256 string // in hexadecimal, or its beginning where no more is published
	MD5    string // likewise; at most one of the two is needed

	Terms         string // the licence's short name; what follows "; " applies, too
	NonCommercial bool   // the licence forbids commercial use
}

// CLIPVocabulary is the vocabulary of all of OpenAI's CLIPs, for
// ReadCLIPTokenizer.
var CLIPVocabulary = File{
	URL:    "https://github.com/openai/CLIP/raw/main/clip/bpe_simple_vocab_16e6.txt.gz",
	Bytes:  1_356_917,
	SHA256: "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a",
	Terms:  "MIT",
}

// Name is the name of the file, as a browser saves it.
func (f File) Name() string { return path.Base(f.URL) }

// Licence is the short name of the licence, as "MIT".
func (f File) Licence() string { return licence(f.Terms) }

// String is where the file is, how large, and its terms.
func (f File) String() string {
	if f.Bytes == 0 {
		return fmt.Sprintf("%s (%s)", f.URL, f.Terms)
	}
	return fmt.Sprintf("%s (%s, %s)", f.URL, mebibytes(f.Bytes), f.Terms)
}

func licence(terms string) string {
	name, _, _ := strings.Cut(terms, ";")
	return name
}

// mebibytes is a number of bytes for people.
func mebibytes(n int64) string {
	if n >= 1000<<20 {
		return fmt.Sprintf("%.3g GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.3g MiB", float64(n)/(1<<20))
}

// Licence is the short name of the licence of m's weights: of those built in,
// or of the first file; "" if there are none.
func (m Model) Licence() string {
	if m.Weights == nil && len(m.Files) > 0 {
		return m.Files[0].Licence()
	}
	return licence(m.Terms)
}

// Download is the size of m's first file. Where that is not known, it is the
// size of the weights in float32, and exact is false. Without files it is 0.
func (m Model) Download() (bytes int64, exact bool) {
	if len(m.Files) == 0 {
		return 0, true
	}
	if n := m.Files[0].Bytes; n != 0 {
		return n, true
	}
	weights.Walk(m.New(), func(_ string, w *tensor.Tensor) { bytes += 4 * int64(w.Shape.Len()) })
	return bytes, false
}

// Where says where m's weights are: "built in", "none published", or the first
// file, with its size and terms.
func (m Model) Where() string {
	switch {
	case m.Weights != nil:
		return fmt.Sprintf("built in (%s)", m.Terms)
	case len(m.Files) == 0:
		return "none published"
	}
	f := m.Files[0]
	if bytes, exact := m.Download(); !exact {
		return fmt.Sprintf("%s (about %s, %s)", f.URL, mebibytes(bytes), f.Terms)
	}
	return f.String()
}

// ErrNoWeights is in the error of a model that is opened without its weights.
var ErrNoWeights = errors.New("no built-in weights")

// Missing is the error of a model that is to run without a checkpoint, though
// its weights are not built in. It wraps ErrNoWeights and says where they are.
func (m Model) Missing() error {
	if len(m.Files) == 0 {
		return fmt.Errorf("%s has %w, and none are published", m.Name, ErrNoWeights)
	}
	return fmt.Errorf("%s has %w: download %s", m.Name, ErrNoWeights, m.Where())
}
