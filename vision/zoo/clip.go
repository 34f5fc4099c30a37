package zoo

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// CLIPFiles is a CLIP with everything that its files tell.
type CLIPFiles struct {
	Network    *models.CLIP
	Tokenizer  *CLIPTokenizer // nil if there is no vocabulary beside the weights
	Preprocess Preprocess     // of pictures
}

// ReadCLIP reads a model from a checkpoint as downloaded: OpenAI's .pt, a checkpoint of
// open_clip, a safetensors file, or a folder with one of these. A config beside the
// weights says what they do not tell: open_clip_config.json, or config.json for a
// folder or a file of the transformers library, whose preprocessor_config.json counts,
// too. A vocabulary may lie there as well; ReadCLIPTokenizer reads one from another
// place.
func ReadCLIP(path string, o CLIPOptions) (*CLIPFiles, error) {
	return readCLIP(Options{Weights: path, CLIP: o}, clipFacts{})
}

// readCLIP is ReadCLIP with what else is known of the model.
func readCLIP(o Options, known clipFacts) (*CLIPFiles, error) {
	path := o.Weights
	src, err := openPart(path, o.Key, isCLIP)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if err := foreign(src); err != nil {
		return nil, files.Named(path, err)
	}
	have, err := models.CLIPConfigOf(src)
	if err != nil {
		return nil, files.Named(path, err)
	}
	facts, err := o.CLIP.facts(have)
	if err != nil {
		return nil, files.Named(path, err)
	}
	beside, err := readClipBeside(path, src, have)
	if err != nil && !facts.complete() {
		return nil, err
	}
	facts = facts.or(beside.facts)
	if !facts.complete() {
		facts = facts.or(provenFacts(path, src, have)).or(known)
	}
	if !facts.complete() {
		return nil, unknownCLIP(path, facts, have)
	}
	m, err := models.LoadCLIP(src, models.CLIPConfig{Heads: facts.heads, TextHeads: facts.textHeads, Act: facts.act})
	if err != nil {
		return nil, files.Named(path, err)
	}
	c := &CLIPFiles{Network: m, Preprocess: CLIPPreprocess(have.Size)}
	if beside.preprocess != nil {
		c.Preprocess = *beside.preprocess
	}
	c.Tokenizer, err = ReadCLIPTokenizer(cmp.Or(beside.dir, filepath.Dir(path)))
	if err != nil && !errors.Is(err, errNoVocabulary) {
		return nil, err
	}
	return c, nil
}

// clipBeside is what the files beside a CLIP tell.
type clipBeside struct {
	dir        string // "" if config.json there means nothing
	facts      clipFacts
	preprocess *Preprocess // nil if nothing says it
}

// readClipBeside reads the configs beside a CLIP of sizes have. The one that has the
// layout of the weights comes first.
func readClipBeside(path string, src weights.Source, have models.CLIPConfig) (b clipBeside, err error) {
	transformers := slices.Contains(src.Names(), "vision_model.embeddings.class_embedding")
	b.dir = hfFolder(path, transformers)
	dir := cmp.Or(b.dir, filepath.Dir(path))
	open, err := readConfig(filepath.Join(dir, "open_clip_config.json"))
	if err != nil {
		return b, err
	}
	var theirs, others clipFacts
	if open.values != nil && !transformers {
		if theirs, err = openCLIPFacts(open, have); err != nil {
			return b, err
		}
		p, err := openCLIPPreprocess(open, have.Size)
		if err != nil {
			return b, err
		}
		b.preprocess = &p
	}
	if b.dir != "" && (transformers || open.values == nil) {
		c, err := readConfig(filepath.Join(dir, "config.json"))
		if err != nil {
			return b, err
		}
		if others, err = transformersCLIPFacts(c, have); err != nil {
			return b, err
		}
		p, err := readPreprocess(filepath.Join(dir, "preprocessor_config.json"), "CLIP", CLIPPreprocess(have.Size), have.Size)
		if err != nil {
			return b, err
		}
		b.preprocess = &p
	}
	b.facts = theirs.or(others)
	if open.values != nil && !b.facts.complete() {
		more, err := openCLIPFacts(open, have)
		if err != nil {
			return b, err
		}
		b.facts = b.facts.or(more)
	}
	return b, nil
}

// openAIKnown is what the name of one of OpenAI's models tells.
func openAIKnown(network *models.CLIP) clipFacts {
	f := openAIFacts(network.Config())
	f.act = graph.QuickGELU
	return f
}

// foreign returns an error if src is a network that is often taken for a CLIP.
func foreign(src weights.Source) error {
	names := map[string]bool{}
	for _, n := range src.Names() {
		names[n] = true
	}
	starts := func(prefix string) bool {
		return slices.ContainsFunc(src.Names(), func(n string) bool { return strings.HasPrefix(n, prefix) })
	}
	siglip := errors.New("a checkpoint of SigLIP, which is another network than CLIP and not supported")
	switch {
	case names["logit_bias"], names["vision_model.head.probe"], starts("visual.trunk.attn_pool."):
		return siglip
	case starts("visual.trunk."):
		return errors.New("a CLIP of open_clip whose image tower is from timm, which is not supported")
	case starts("text_decoder."):
		return errors.New("a checkpoint of CoCa, which is another network than CLIP and not supported")
	case starts("text.transformer.") && !starts("text.transformer.resblocks.") && starts("visual."):
		return errors.New("a CLIP of open_clip whose text tower is from the transformers library, which is not supported")
	}
	return nil
}
