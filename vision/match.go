package vision

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sort"

	"github.com/vertebra/vertebra/internal/files"
)

// Match says how well texts fit a picture.
type Match struct {
	Name  string      // of the input
	Texts []TextMatch // in the caller's order
}

// TextMatch is a text and how well it fits a picture.
type TextMatch struct {
	Text        string
	Probability float64 // that this text is right, if exactly one of the texts is
	Cosine      float64 // of the angle between the embeddings of picture and text
}

// Best lists the texts, the most probable first.
func (m Match) Best() []TextMatch {
	all := append([]TextMatch(nil), m.Texts...)
	sort.SliceStable(all, func(i, j int) bool { return all[i].Probability > all[j].Probability })
	return all
}

// Match compares pictures with texts, in the order of the pictures. Texts that
// describe a whole picture, such as "a photo of a cat", work best. If a picture
// cannot be read, it yields an *InputError and goes on; it stops at any other error.
func (m *Model) Match(ctx context.Context, texts []string, in ...Input) iter.Seq2[Match, error] {
	return func(yield func(Match, error) bool) {
		vectors, scale, err := m.matchTexts(ctx, texts)
		if err != nil {
			yield(Match{}, err)
			return
		}
		for e, err := range m.EmbedPictures(ctx, in...) {
			r := Match{Name: e.Name}
			fatal := false
			if err == nil {
				if err = Unit(e.Vector); err != nil {
					err, fatal = files.Named(e.Name, err), true
				} else {
					r.Texts = compare(e.Vector, texts, vectors, scale)
				}
			}
			if !yield(r, err) || fatal {
				return
			}
		}
	}
}

// matchTexts embeds texts as vectors of length one. scale is the model's factor of
// cosines.
func (m *Model) matchTexts(ctx context.Context, texts []string) (vectors [][]float32, scale float64, err error) {
	clip, err := m.clip()
	if err != nil {
		return nil, 0, err
	}
	if len(texts) == 0 {
		return nil, 0, errors.New("no text to compare pictures with")
	}
	if vectors, err = m.EmbedTexts(ctx, texts...); err != nil {
		return nil, 0, err
	}
	for i, v := range vectors {
		if err := Unit(v); err != nil {
			return nil, 0, fmt.Errorf("%q: %w", texts[i], err)
		}
	}
	return vectors, clip.Scale(), nil
}

// compare compares a picture's vector with those of texts, all of length one.
// Probabilities are softmax(scale·cosine).
func compare(picture []float32, texts []string, vectors [][]float32, scale float64) []TextMatch {
	all, logits := make([]TextMatch, len(texts)), make([]float64, len(texts))
	for i, v := range vectors {
		cosine := 0.0
		for j, x := range v {
			cosine += float64(x) * float64(picture[j])
		}
		all[i] = TextMatch{Text: texts[i], Cosine: cosine}
		logits[i] = cosine * scale
	}
	for i, p := range softmax(logits) {
		all[i].Probability = p
	}
	return all
}
