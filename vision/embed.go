package vision

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
)

// Embedding is a picture as a vector. Pictures that show the same lie close, and
// so do the texts that tell of it.
type Embedding struct {
	Name   string    // of the input
	Vector []float32 // of any length: Unit makes it one
}

// EmbedPictures turns pictures into vectors, in order. A picture that cannot be
// read is yielded with an *InputError, and the others follow; any other error is
// the last. See EmbedTexts for the vectors of texts, Match for a comparison of
// the two, and package index for a search in many pictures.
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

// textBatch is how many texts are embedded at once.
const textBatch = 16

// ErrNoVocabulary is in the error of a model that is asked about texts and was
// opened without a vocabulary; see Options.Vocabulary.
var ErrNoVocabulary = errors.New("no vocabulary")

// EmbedTexts turns texts into vectors, in order, to be compared with those of
// EmbedPictures. All texts are checked before the first is computed. Without
// texts it does no more than say whether the model can embed some.
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

// clip is the network with its two towers, if texts can be embedded.
func (m *Model) clip() (*models.CLIP, error) {
	if err := m.For(zoo.Embed); err != nil {
		return nil, err
	}
	clip, ok := m.Network.(*models.CLIP)
	if !ok {
		return nil, fmt.Errorf("%s embeds pictures, but no texts", m.Name)
	}
	if m.Tokenizer == nil {
		return nil, fmt.Errorf("%s: %w lies beside it: download %v", m.Checkpoint, ErrNoVocabulary, zoo.CLIPVocabulary)
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
			return nil, fmt.Errorf("the vocabulary is of another model: it has a token %d, %s knows %d", int(id), m.Checkpoint, c.Vocabulary)
		}
	}
	return ids, nil
}

// shorten leaves out columns behind the ends of all texts: a token sees those
// before it alone, and the network gives what it has at the end, a text's largest
// id. Lengths are multiples of eight, so that few of them are compiled.
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

// runTexts embeds ids [N, context]: [N, embedding].
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
	return out[0], nil
}

// Unit brings a vector to length one, so that the dot product of two is the
// cosine of the angle between them. The vector must be finite, and not zero.
func Unit(v []float32) error {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0) || math.IsInf(sum, 1) {
		return fmt.Errorf("an embedding has the length %v", math.Sqrt(sum))
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
	return nil
}
