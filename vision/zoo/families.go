package zoo

import (
	"errors"
	"fmt"
	"os"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// openCLIP opens CLIP with its vocabulary and preprocessing. The sizes of the weights
// must be those of network.
func (m *Opened) openCLIP(network *models.CLIP, o Options) error {
	if o.Weights == "" {
		return m.Missing()
	}
	var known clipFacts
	if m.Name != anyCLIP {
		known = openAIKnown(network)
	}
	read, err := readCLIP(o, known)
	if err != nil {
		return m.explain(err, o)
	}
	have, want := read.Network.Config(), network.Config()
	have.Heads, have.TextHeads, have.Act = want.Heads, want.TextHeads, want.Act
	if have != want && m.Name != anyCLIP {
		return fmt.Errorf("%s is a checkpoint of a CLIP other than %s", files.Quote(o.Weights), m.Name)
	}
	m.Network, m.Tokenizer, m.Preprocess = read.Network, read.Tokenizer, read.Preprocess
	m.Size = read.Network.Config().Size
	if o.Vocabulary != "" {
		m.Tokenizer, err = ReadCLIPTokenizer(o.Vocabulary)
	}
	return err
}

// openSAM opens SAM with its preprocessing.
func (m *Opened) openSAM(network *models.SAM, o Options) error {
	if o.Weights == "" {
		return m.Missing()
	}
	read, err := readSAM(o)
	if err != nil {
		return m.explain(err, o)
	}
	if m.Name != anySAM && len(read.Network.Encoder.Blocks) != len(network.Encoder.Blocks) {
		return fmt.Errorf("%s is a checkpoint of a SAM other than %s", files.Quote(o.Weights), m.Name)
	}
	m.Network, m.Preprocess = read.Network, read.Preprocess
	m.Size = read.Network.Size()
	return nil
}

// CLIP returns a CLIP whose sizes are those of its weights.
func CLIP() Model {
	m := registered("clip_vit_b32")
	m.Name = anyCLIP
	return m
}

// SAM returns a SAM whose sizes are those of its weights.
func SAM() Model {
	m := registered("sam_vit_b")
	m.Name = anySAM
	return m
}

// registered returns a model of the registry.
func registered(name string) Model {
	m, err := Lookup(name)
	if err != nil {
		panic(err)
	}
	return m
}

// explain returns an error that says which other model the checkpoint belongs to. It
// returns err, the loader's error, if it finds none.
func (m *Opened) explain(err error, o Options) error {
	var file *os.PathError
	var choice *weights.ChoiceError
	var unknown *CLIPUnknownError
	if errors.As(err, &file) || errors.As(err, &choice) || errors.As(err, &unknown) {
		return err
	}
	others := func(src weights.Source) bool { return whose(src, m.Name) != "" }
	src, bad := openPart(o.Weights, o.Key, others)
	if bad != nil {
		return err
	}
	defer src.Close()
	if is := whose(src, m.Name); is != "" {
		return fmt.Errorf("%s is a checkpoint of %s, not of %s", files.Quote(o.Weights), is, m.Name)
	}
	return err
}
