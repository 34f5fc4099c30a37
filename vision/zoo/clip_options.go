package zoo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
)

// CLIPOptions say what the weights of a CLIP do not tell. What is zero comes from a
// config beside the weights. OpenAI's own files prove it themselves. Otherwise opening
// is a *CLIPUnknownError.
type CLIPOptions struct {
	// Model is a name from open_clip, such as "ViT-H-14" or "ViT-B-32-quickgelu",
	// from OpenAI, such as "ViT-B/32", or from the registry, such as "clip_vit_b32".
	// It tells all of the following.
	Model string

	Heads      int    // of the image tower
	TextHeads  int    // of the text tower; 0 with Heads means one for each 64 channels
	Activation string // "quickgelu" or "gelu"
}

// clipFacts is what the weights of a CLIP do not tell. What is zero is unknown.
type clipFacts struct {
	heads, textHeads int
	act              graph.Activation
}

// or fills what f does not know from g.
func (f clipFacts) or(g clipFacts) clipFacts {
	if f.heads == 0 {
		f.heads = g.heads
	}
	if f.textHeads == 0 {
		f.textHeads = g.textHeads
	}
	if f.act == graph.None {
		f.act = g.act
	}
	return f
}

func (f clipFacts) complete() bool { return f.heads != 0 && f.textHeads != 0 && f.act != graph.None }

// activations has the activations of CLIP by name.
var activations = map[string]graph.Activation{"quickgelu": graph.QuickGELU, "quick_gelu": graph.QuickGELU, "gelu": graph.GELU}

// facts returns what the options tell about a CLIP whose weights have sizes have.
func (o CLIPOptions) facts(have models.CLIPConfig) (clipFacts, error) {
	f := clipFacts{heads: o.Heads, textHeads: o.TextHeads}
	if o.Heads < 0 || o.TextHeads < 0 {
		return f, fmt.Errorf("zoo: a CLIP cannot have %d and %d heads", o.Heads, o.TextHeads)
	}
	if o.Heads > 0 && o.TextHeads == 0 && o.Model == "" {
		f.textHeads = have.TextWidth / 64
	}
	if o.Activation != "" {
		act, ok := activations[o.Activation]
		if !ok {
			return f, fmt.Errorf("zoo: no activation %q of CLIP; there are quickgelu and gelu", o.Activation)
		}
		f.act = act
	}
	if o.Model == "" {
		return f, nil
	}
	named, err := namedCLIP(o)
	if err != nil {
		return f, err
	}
	if !sameCLIP(named, have) {
		return f, fmt.Errorf("these are not the weights of %s: the image tower has %d channels, %d layers and patches of %d, want %d, %d and %d; the text tower has %d channels and %d layers, want %d and %d",
			o.Model, have.Width, have.Layers, have.Patch, named.Width, named.Layers, named.Patch, have.TextWidth, have.TextLayers, named.TextWidth, named.TextLayers)
	}
	return f.or(openAIFacts(named).or(clipFacts{act: named.Act})), nil
}

// namedCLIP returns the config of CLIPOptions.Model.
func namedCLIP(o CLIPOptions) (models.CLIPConfig, error) {
	name := o.Model
	if c, err := models.CLIPNamed(name); err == nil && o.Activation != "" {
		return c, nil // the name may be open_clip's, too, for another activation
	}
	if m, err := Lookup(name); err == nil {
		if n, ok := m.New().(*models.CLIP); ok {
			c := n.Config()
			c.Act = graph.QuickGELU
			return c, nil
		}
	}
	return models.CLIPVariant(name)
}

// Check returns an error if o names no CLIP, has no sense or contradicts itself.
func (o CLIPOptions) Check() error {
	var have models.CLIPConfig
	if o.Model != "" {
		var err error
		if have, err = namedCLIP(o); err != nil {
			return err
		}
	}
	_, err := o.facts(have)
	return err
}

// sameCLIP reports whether two CLIPs have towers of the same sizes. Images may differ in
// size.
func sameCLIP(a, b models.CLIPConfig) bool {
	return a.Width == b.Width && a.Layers == b.Layers && a.Patch == b.Patch && a.Blocks == b.Blocks && a.Hidden == b.Hidden &&
		a.TextWidth == b.TextWidth && a.TextLayers == b.TextLayers && a.TextHidden == b.TextHidden
}

// openAIFacts returns the heads of c, or one for each 64 channels, as in OpenAI's code.
func openAIFacts(c models.CLIPConfig) clipFacts {
	width := c.Width
	if c.Patch == 0 {
		width *= 32
	}
	f := clipFacts{heads: c.Heads, textHeads: c.TextHeads}
	return f.or(clipFacts{heads: width / 64, textHeads: c.TextWidth / 64})
}

// CLIPUnknownError is the error for a checkpoint of a CLIP that does not tell its heads
// or its activation. CLIPOptions can say them.
type CLIPUnknownError struct {
	Checkpoint        string
	Heads, Activation bool     // what is unknown
	Like              []string // names of open_clip whose sizes the weights have
}

// What says what is unknown, in words.
func (e *CLIPUnknownError) What() string {
	var what []string
	if e.Heads {
		what = append(what, "the number of heads")
	}
	if e.Activation {
		what = append(what, "the activation")
	}
	return strings.Join(what, " and ")
}

// Such names models of open_clip that it may be, for an error.
func (e *CLIPUnknownError) Such() string {
	if len(e.Like) == 0 {
		return "such as ViT-H-14 or ViT-B-32-quickgelu"
	}
	return "such as " + strings.Join(e.Like[:min(len(e.Like), 4)], " or ")
}

func (e *CLIPUnknownError) Error() string {
	return fmt.Sprintf("%s: neither the weights nor a config beside them tell %s of this CLIP: CLIPOptions can, also by the name of the model, %s",
		e.Checkpoint, e.What(), e.Such())
}

// unknownCLIP returns the error for facts that are not complete.
func unknownCLIP(path string, f clipFacts, have models.CLIPConfig) error {
	e := &CLIPUnknownError{Checkpoint: path, Heads: f.heads == 0 || f.textHeads == 0, Activation: f.act == graph.None}
	for _, name := range models.CLIPVariants() {
		c, err := models.CLIPVariant(name)
		if err == nil && sameCLIP(c, have) && c.Size == have.Size && c.Embedding == have.Embedding {
			e.Like = append(e.Like, name)
		}
	}
	slices.Sort(e.Like)
	return e
}
