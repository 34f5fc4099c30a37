package zoo

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// File is a file to download from its authors.
type File struct {
	URL    string
	Bytes  int64  // 0 means unknown
	SHA256 string // in hexadecimal; only the beginning if no more is published
	MD5    string // likewise; one of the two suffices

	Terms         string // the licence's short name; further terms may follow after "; "
	NonCommercial bool   // the licence forbids commercial use
}

// CLIPVocabulary is the vocabulary of all CLIP models by OpenAI, for
// ReadCLIPTokenizer.
var CLIPVocabulary = File{
	URL:    "https://github.com/openai/CLIP/raw/main/clip/bpe_simple_vocab_16e6.txt.gz",
	Bytes:  1_356_917,
	SHA256: "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a",
	Terms:  "MIT",
}

// Name returns the name under which a browser saves the file.
func (f File) Name() string { return path.Base(f.URL) }

// Licence returns the short name of the licence, such as "MIT".
func (f File) Licence() string { return licence(f.Terms) }

// String returns the URL, the size and the terms of the file.
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

// mebibytes writes a number of bytes in MiB or GiB.
func mebibytes(n int64) string {
	if n >= 1000<<20 {
		return fmt.Sprintf("%.3g GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.3g MiB", float64(n)/(1<<20))
}

// Licence returns the short name of the licence of m's weights: the built-in ones,
// else the first file. It is "" if there are no weights.
func (m Model) Licence() string {
	if m.Weights == nil && len(m.Files) > 0 {
		return m.Files[0].Licence()
	}
	return licence(m.Terms)
}

// Download returns the size of m's first file. If that is unknown, it returns the
// size of the weights in float32, and exact is false. Without files it returns 0.
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

// ErrNoWeights is wrapped by the error of a model that is opened without weights.
var ErrNoWeights = errors.New("no built-in weights")

// Missing returns the error for a model that is opened without a checkpoint and has
// no built-in weights. It wraps ErrNoWeights and says where to get the weights.
func (m Model) Missing() error {
	if len(m.Files) == 0 {
		return fmt.Errorf("%s has %w, and none are published", m.Name, ErrNoWeights)
	}
	return fmt.Errorf("%s has %w: download %s", m.Name, ErrNoWeights, m.Where())
}
