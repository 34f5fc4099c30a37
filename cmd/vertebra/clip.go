package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

// clipFlags are the flags of commands that run CLIP.
type clipFlags struct {
	modelFlags
	vocab string
	cut   bool
	said  bool // sayDevice has printed
}

func (m *clipFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&m.weights, "weights", "", "checkpoint of CLIP: OpenAI's .pt, a safetensors file, or a folder from Hugging Face")
	keyFlag(c, &m.key)
	f.StringVar(&m.vocab, "vocab", "", "vocabulary: bpe_simple_vocab_16e6.txt.gz, tokenizer.json, or vocab.json beside merges.txt (default: the one beside the weights)")
	f.BoolVar(&m.cut, "truncate", false, "cut texts that are too long")
	m.batchFlag(c)
	c.MarkFlagFilename("weights", "pt", "pth", "safetensors", "bin")
	c.MarkFlagFilename("vocab", "gz", "txt", "json")
}

// open opens the CLIP that the flags name. The first computation opens its device.
func (m *clipFlags) open(c *cobra.Command) (*vision.Model, error) {
	m.out, m.err = c.OutOrStdout(), c.ErrOrStderr()
	if err := checkBatch(m.batch); err != nil {
		return nil, err
	}
	if m.weights == "" {
		return nil, wantWeights(c, zoo.Embed)
	}
	o, err := m.options()
	if err != nil {
		return nil, err
	}
	o.Vocabulary, o.Truncate, o.Lazy = m.vocab, m.cut, true
	model, err := vision.OpenModel(zoo.CLIP(), o)
	if err != nil {
		return nil, m.explain(err)
	}
	return model, nil
}

// explain turns errors of the library into errors that name flags.
func (m *clipFlags) explain(err error) error {
	if errors.Is(err, vision.ErrNoVocabulary) {
		return wantVocabulary(m.weights)
	}
	return m.modelFlags.explain(err, zoo.CLIP())
}

// sayDevice prints the device once, unless the output is only results.
func (m *clipFlags) sayDevice(model *vision.Model, results bool) {
	if m.said || m.quiet || results {
		return
	}
	m.said = true
	fmt.Fprintf(m.out, "device: %v\n", model.Device())
}
