package vision

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
)

// Embedding is a picture as a vector. The vectors of similar pictures, and of texts
// that describe them, lie close together.
type Embedding struct {
	Name   string    // of the input
	Vector []float32 // not normalised; see Unit
}

// EmbedPictures turns pictures into vectors, in order. If a picture cannot be read,
// it yields an *InputError and goes on; it stops at any other error. EmbedTexts turns
// texts into vectors, Match compares both, and package index searches many pictures.
func (m *Model) EmbedPictures(ctx context.Context, in ...Input) iter.Seq2[Embedding, error] {
	return func(yield func(Embedding, error) bool) {
		if err := m.For(zoo.Embed); err != nil {
			yield(Embedding{}, err)
			return
		}
		for c, err := range m.each(ctx, true, nil, in) {
			var e Embedding
			if c.prepared != nil {
				e.Name = c.name
			}
			if err == nil {
				e.Vector = c.outputs[0].Data
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// textBatch is the number of texts that are embedded at once.
const textBatch = 16

// ErrNoVocabulary is in the error of a method that needs texts if the model was opened
// without a vocabulary; see Options.Vocabulary.
var ErrNoVocabulary = errors.New("no vocabulary")

// EmbedTexts turns texts into vectors, in order. They can be compared with the vectors
// of EmbedPictures. It checks all texts before it computes the first. Without texts it
// only checks that the model can embed texts.
func (m *Model) EmbedTexts(ctx context.Context, texts ...string) ([][]float32, error) {
	clip, err := m.clip()
	if err != nil {
		return nil, err
	}
	if len(texts) == 0 {
		return nil, nil
	}
	ids, err := m.tokenize(clip, texts)
	if err != nil {
		return nil, err
	}
	ids = shorten(ids)
	count, length := ids.Shape[0], ids.Shape[1]
	batch := min(count, textBatch)
	var all [][]float32
	for len(all) < count {
		from := min(len(all), count-batch) // the last batch is whole
		rows := tensor.Of(ids.Data[from*length:][:batch*length], batch, length)
		out, err := m.runTexts(ctx, clip, rows)
		if err != nil {
			return nil, err
		}
		width := out.Shape[1]
		for i := len(all) - from; i < batch; i++ {
			all = append(all, out.Data[i*width:][:width:width])
		}
	}
	return all, nil
}

// CheckText returns an error if EmbedTexts cannot embed the text, as it is empty or too
// long.
func (m *Model) CheckText(text string) error {
	clip, err := m.clip()
	if err != nil {
		return err
	}
	if strings.TrimSpace(text) == "" {
		return errors.New("the text is empty")
	}
	_, err = m.tokenize(clip, []string{text})
	return err
}

// clip returns the network if it can embed texts.
func (m *Model) clip() (*models.CLIP, error) {
	if err := m.For(zoo.Embed); err != nil {
		return nil, err
	}
	clip, ok := m.Network.(*models.CLIP)
	if !ok {
		return nil, fmt.Errorf("%s embeds pictures but not texts", m.Name)
	}
	if m.Tokenizer == nil {
		return nil, fmt.Errorf("%s: %w lies beside it: download %v", files.Quote(m.Checkpoint), ErrNoVocabulary, zoo.CLIPVocabulary)
	}
	return clip, nil
}

// tokenize turns texts into ids, [N, context].
func (m *Model) tokenize(clip *models.CLIP, texts []string) (*tensor.Tensor, error) {
	for i, t := range texts {
		if strings.TrimSpace(t) == "" {
			return nil, fmt.Errorf("text %d of %d is empty", i+1, len(texts))
		}
	}
	c := clip.Config()
	ids, err := m.Tokenizer.Tokenize(texts, c.Context, m.truncate)
	if err != nil {
		return nil, err
	}
	for _, id := range ids.Data {
		if int(id) >= c.Vocabulary {
			return nil, fmt.Errorf("the vocabulary belongs to another model: it has token %d, but %s has only %d tokens", int(id), files.Quote(m.Checkpoint), c.Vocabulary)
		}
	}
	return ids, nil
}

// shorten drops columns after the ends of all texts. They do not change the result,
// because attention is causal and the network reads the token at a text's end, its
// largest id. Lengths are multiples of eight, which keeps the number of plans small.
func shorten(ids *tensor.Tensor) *tensor.Tensor {
	count, context := ids.Shape[0], ids.Shape[1]
	length := 0
	for i := range count {
		end, row := 0, ids.Data[i*context:][:context]
		for j, id := range row {
			if id > row[end] {
				end = j
			}
		}
		length = max(length, end+1)
	}
	length = min((length+7)/8*8, context)
	short := tensor.New(count, length)
	for i := range count {
		copy(short.Data[i*length:][:length], ids.Data[i*context:])
	}
	return short
}

// runTexts embeds ids [N, length] as [N, embedding].
func (m *Model) runTexts(ctx context.Context, clip *models.CLIP, ids *tensor.Tensor) (*tensor.Tensor, error) {
	out, err := m.plans.run(ctx, fmt.Sprint("texts ", ids.Shape), func() (Plan, error) {
		g, err := graph.Trace(func(g *graph.Graph) {
			g.Output("text", clip.ForwardText(g.Input("ids", ids.Shape...)))
		})
		if err != nil {
			return nil, err
		}
		return m.compileGraph(g)
	}, ids)
	if err != nil {
		return nil, err
	}
	return out[0], m.CheckFinite(out[0])
}

// Unit scales a vector to length one. The dot product of two such vectors is the
// cosine of the angle between them. It is an error if the vector is zero or not finite.
func Unit(v []float32) error {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0) || math.IsInf(sum, 1) {
		return fmt.Errorf("the embedding has length %v, want a finite length over 0", math.Sqrt(sum))
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
	return nil
}
