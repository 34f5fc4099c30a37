package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
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
	f.StringVar(&m.weights, "weights", "", "checkpoint of CLIP: OpenAI's .pt, open_clip's, a safetensors file, a folder from Hugging Face, or an ONNX file")
	keyFlag(c, &m.key)
	m.pullFlag(c)
	f.StringVar(&m.vocab, "vocab", "", "vocabulary: bpe_simple_vocab_16e6.txt.gz, tokenizer.json, or vocab.json beside merges.txt (default: the one beside the weights)")
	f.BoolVar(&m.cut, "truncate", false, "cut texts that are too long")
	m.towerFlags(c)
	f.StringVar(&m.clip.Model, "model", "", "name of the model in open_clip, such as ViT-H-14 or ViT-B-32-quickgelu, in place of the two --clip flags")
	c.RegisterFlagCompletionFunc("model", cobra.FixedCompletions(models.CLIPVariants(), cobra.ShellCompDirectiveNoFileComp))
	m.batchFlag(c)
	c.MarkFlagFilename("weights", "pt", "pth", "safetensors", "bin")
	c.MarkFlagFilename("vocab", "gz", "txt", "json")
}

// open opens the CLIP that the flags name. The first computation opens its device.
func (m *clipFlags) open(c *cobra.Command) (*vision.Model, error) {
	m.streams(c)
	if err := checkBatch(m.batch); err != nil {
		return nil, err
	}
	if file, ok := zoo.FindONNX(m.weights); ok {
		m.weights = ""
		return m.openONNX(c, file, zoo.Embed)
	}
	if err := onlyONNX(c); err != nil {
		return nil, err
	}
	if err := m.locateFor(c, zoo.Embed); err != nil {
		return nil, err
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
	m.tell(model)
	return model, nil
}

// towerFlags adds the flags for what the weights of a CLIP do not tell.
func (m *modelFlags) towerFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&m.clipHeads, "clip-heads", "", "heads of CLIP's image tower, or of it and the text tower, as in 16,12 (default: by the config beside the weights; of the text tower one for each 64 channels)")
	f.StringVar(&m.clip.Activation, "clip-activation", "", "activation of CLIP, quickgelu or gelu (default: by the config beside the weights)")
	c.RegisterFlagCompletionFunc("clip-activation", cobra.FixedCompletions([]string{"quickgelu", "gelu"}, cobra.ShellCompDirectiveNoFileComp))
}

// clipOptions returns what the flags tell of a CLIP.
func (m *modelFlags) clipOptions() (zoo.CLIPOptions, error) {
	o := m.clip
	if a := o.Activation; a != "" && a != "quickgelu" && a != "gelu" {
		return o, fmt.Errorf("--clip-activation %q, want quickgelu or gelu", a)
	}
	if o.Model != "" {
		if err := o.Check(); err != nil {
			return o, fmt.Errorf("--model: %w", err)
		}
	}
	if m.clipHeads == "" {
		return o, nil
	}
	image, text, two := strings.Cut(m.clipHeads, ",")
	var err error
	if o.Heads, err = strconv.Atoi(image); err == nil && two {
		o.TextHeads, err = strconv.Atoi(text)
	}
	if err != nil || o.Heads < 1 || two && o.TextHeads < 1 {
		return o, fmt.Errorf("--clip-heads %q, want one or two numbers, such as 16 or 16,12", m.clipHeads)
	}
	return o, nil
}

// askCLIP returns the error that asks for what the weights of a CLIP do not tell.
func askCLIP(e *zoo.CLIPUnknownError) error {
	var flags []string
	if e.Heads {
		flags = append(flags, "--clip-heads N")
	}
	if e.Activation {
		flags = append(flags, "--clip-activation quickgelu|gelu")
	}
	return files.Named(e.Checkpoint, fmt.Errorf("neither the weights nor a config beside them tell %s of this CLIP: give %s, or --model, %s",
		e.What(), strings.Join(flags, " and "), e.Such()))
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
