package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// textBatch is how many texts are embedded at once.
const textBatch = 16

// clip is CLIP with weights and a vocabulary, as commands ask for it by flags.
type clip struct {
	network // of the image tower
	vocab   string
	cut     bool
	batch   int

	clip   *models.CLIP
	tokens *zoo.CLIPTokenizer

	text      *program // of the text tower, for textCount texts; nil until it is needed
	textCount int
}

// close frees what texts has compiled.
func (n *clip) close() {
	if n.text != nil {
		n.text.close()
		n.text = nil
	}
}

// flags adds the flags that say which CLIP.
func (n *clip) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&n.weights, "weights", "", "CLIP: OpenAI's .pt, a safetensors file, or a folder of Hugging Face's")
	f.StringVar(&n.vocab, "vocab", "", "vocabulary: bpe_simple_vocab_16e6.txt.gz, tokenizer.json, or vocab.json beside merges.txt (default: the one beside the weights)")
	f.BoolVar(&n.cut, "truncate", false, "cut texts that are too long")
	f.IntVar(&n.batch, "batch", 1, "pictures at once")
	c.MarkFlagFilename("weights", "pt", "pth", "safetensors", "bin")
	c.MarkFlagFilename("vocab", "gz", "txt", "json")
}

// load reads the checkpoint; with text, also the vocabulary.
func (n *clip) load(c *cobra.Command, text bool) (err error) {
	n.out, n.err = c.OutOrStdout(), c.ErrOrStderr()
	if err := checkBatch(n.batch); err != nil {
		return err
	}
	if n.weights == "" {
		return wantWeights(c, zoo.Embed)
	}
	files, err := zoo.ReadCLIP(n.weights)
	if err != nil {
		return explain(err, n.weights, "CLIP", ofTask(zoo.Embed))
	}
	n.clip, n.tokens = files.Network, files.Tokenizer
	if n.vocab != "" {
		if n.tokens, err = zoo.ReadCLIPTokenizer(n.vocab); err != nil {
			return plain(n.vocab, err)
		}
	}
	if text && n.tokens == nil {
		return wantVocabulary(n.weights)
	}
	n.model = n.clip
	n.entry = zoo.Model{Name: "clip", Task: zoo.Embed, Channels: 3, Size: n.clip.Config().Size, Preprocess: files.Preprocess}
	return nil
}

// checkTexts refuses texts without a word.
func checkTexts(texts []string) error {
	for i, t := range texts {
		if strings.TrimSpace(t) == "" {
			return fmt.Errorf("text %d of %d is empty", i+1, len(texts))
		}
	}
	return nil
}

// tokenize is the ids of texts, [N, context].
func (n *clip) tokenize(texts []string) (*tensor.Tensor, error) {
	if err := checkTexts(texts); err != nil {
		return nil, err
	}
	c := n.clip.Config()
	ids, err := n.tokens.Tokenize(texts, c.Context, n.cut)
	if err != nil {
		return nil, err
	}
	for _, id := range ids.Data {
		if int(id) >= c.Vocabulary {
			return nil, fmt.Errorf("the vocabulary is of another model: it has a token %d, %s knows %d", int(id), n.weights, c.Vocabulary)
		}
	}
	return ids, nil
}

// texts embeds token ids [N, context]: [N, embedding].
// The caller closes n.
func (n *clip) texts(ctx context.Context, dev *machine, ids *tensor.Tensor) (*tensor.Tensor, error) {
	count, context := ids.Shape[0], ids.Shape[1]
	batch := min(count, textBatch)
	if n.text == nil || n.textCount != batch {
		n.close()
		weights.Walk(n.clip, func(string, *tensor.Tensor) {}) // names the layers
		g, err := graph.Trace(func(g *graph.Graph) {
			g.Output("text", n.clip.ForwardText(g.Input("ids", batch, context)))
		})
		if err != nil {
			return nil, err
		}
		if n.text, err = dev.compile(g, gpu.Choice{}); err != nil {
			n.text = nil
			return nil, err
		}
		n.textCount = batch
	}
	width := n.clip.Config().Embedding
	all := tensor.New(count, width)
	for at := 0; at < count; at += batch {
		at := min(at, count-batch) // the last batch is whole
		out, err := n.text.run(ctx, tensor.Of(ids.Data[at*context:][:batch*context], batch, context))
		if err != nil {
			return nil, err
		}
		copy(all.Data[at*width:], out[0].Data)
	}
	return all, nil
}

// pictures embeds files: use gets each with its embedding, in order. bad is
// runner's.
func (n *clip) pictures(ctx context.Context, dev *machine, paths []string, skip bool, bad func(*photo), use func(path string, embedding []float32) error) error {
	r := &runner{network: &n.network, dev: dev, main: true, batch: n.batch, bad: bad}
	return r.each(ctx, paths, skip, func(p *photo, outputs []*tensor.Tensor) error {
		return use(p.path, outputs[0].Data)
	})
}

// unit brings a vector to length one.
func unit(v []float32) error {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0) || math.IsInf(sum, 1) {
		return fmt.Errorf("the embedding has the length %v", math.Sqrt(sum))
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
	return nil
}

// units brings the rows of [N, width] to length one.
func units(t *tensor.Tensor) error {
	width := t.Shape[1]
	for at := 0; at < len(t.Data); at += width {
		if err := unit(t.Data[at:][:width]); err != nil {
			return err
		}
	}
	return nil
}
