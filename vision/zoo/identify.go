package zoo

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// Identify finds the model that a checkpoint belongs to, by the names and shapes of its
// tensors and by the configs beside it. If several of the registry fit, it returns the
// one with a published file of the same name, the one whose name is in the name of the
// checkpoint or its folder, or the first in the layout of the checkpoint. If none fits,
// it returns one of a family with the sizes of the checkpoint. key is Options.Key.
func Identify(checkpoint, key string) (Model, error) {
	src, err := openPart(checkpoint, key, known)
	if err != nil {
		return Model{}, err
	}
	defer src.Close()
	b, err := readBeside(checkpoint, src)
	if err != nil {
		return Model{}, err
	}
	fits := fitting(src, b)
	if len(fits) == 0 {
		if m, ok := family(src, b); ok {
			m.identified = true
			return m, nil
		}
		if err := foreign(src); err != nil {
			return Model{}, files.Named(checkpoint, err)
		}
		return Model{}, files.Named(checkpoint, fmt.Errorf("the checkpoint fits no model; vertebra inspect says what it holds"))
	}
	m := fits[0]
	best := m.evidence(checkpoint, src, b)
	for _, other := range fits[1:] {
		if e := other.evidence(checkpoint, src, b); e > best {
			m, best = other, e
		}
	}
	if n, ok := m.New().(*models.CLIP); ok && !provenFacts(checkpoint, src, n.Config()).complete() {
		return CLIP(), nil // the sizes of OpenAI's model do not prove that it is one
	}
	m.identified = true
	return m, nil
}

// known reports whether src fits a model.
func known(src weights.Source) bool {
	if slices.ContainsFunc(registry, func(m Model) bool { return m.fits(src) }) {
		return true
	}
	_, ok := family(src, beside{})
	return ok
}

// fitting lists the models of the registry that src fits and that no config contradicts.
func fitting(src weights.Source, b beside) []Model {
	var fits []Model
	for _, m := range registry {
		if m.fits(src) && b.tune(m.NewFor(src)) == nil {
			fits = append(fits, m)
		}
		if b.transformers.bad != nil {
			*b.transformers.bad = nil // of a model that is not meant
		}
	}
	return fits
}

// What speaks for a model that fits. Each weighs more than those after it together.
const (
	byFile   = 1 << 20 // a published file has the name of the checkpoint
	byConfig = 1 << 16 // timm's config names the model
	byName   = 1 << 8  // the checkpoint or its folder has the model's name in its own; longer names weigh more
	byLayout = 2       // it is published in the checkpoint's layout
	byHead   = 1       // nothing is missing
)

// evidence says how much speaks for m as the model of the checkpoint at path.
func (m Model) evidence(path string, src weights.Source, b beside) (e int) {
	if name := filepath.Base(path); published(name) && m.hasFile(name) {
		e += byFile
	}
	if b.timm != nil && strings.HasPrefix(b.timm.architecture, m.Name) {
		e += byConfig
	}
	if m.namedIn(path) {
		e += byName + 2*byName*len(m.Name)/100
	}
	if m.layout == layoutOf(src) || m.layout == ofAuthors && layoutOf(src) == inTransformers {
		e += byLayout
	}
	if !models.Headless(m.NewFor(src)) {
		e += byHead
	}
	return e
}

// namedIn reports whether the name of a checkpoint or of its folder has m's name in it.
func (m Model) namedIn(path string) bool {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	text := filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path)
	return strings.Contains(strings.ReplaceAll(strings.ToLower(text), "-", "_"), m.Name)
}

// alike returns a line that says which other models of the registry fit and prepare
// pictures in another way than m, unless the checkpoint says itself which is meant.
func (m Model) alike(path string, src weights.Source, b beside) string {
	mine := m.evidence(path, src, b)
	names := []string{m.Name}
	said := mine >= byName
	for _, other := range fitting(src, b) {
		e := other.evidence(path, src, b)
		if e > mine && e >= byName {
			said = false
		}
		if other.Name != m.Name && !other.samePictures(m) {
			names = append(names, other.Name)
		}
	}
	if said || len(names) == 1 {
		return ""
	}
	slices.Sort(names)
	return fmt.Sprintf("%s fits %s, which prepare pictures differently: taken as %s; to choose another, name it", files.Quote(path), listed(names), m.Name)
}

// samePictures reports whether two models prepare pictures in the same way.
func (m Model) samePictures(o Model) bool { return m.Preprocess == o.Preprocess && m.Size == o.Size }

// listed joins names as a sentence does.
func listed(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// The names of models with any sizes.
const (
	anyCLIP   = "clip"
	anySAM    = "sam"
	anyViT    = "vit"
	anyMAE    = "mae"
	anyDetect = "vit_det"
	anySwin   = "swin"
	anyResNet = "resnet"
)

// family returns the model of a family that has the sizes of src.
func family(src weights.Source, b beside) (Model, bool) {
	switch {
	case isCLIP(src):
		return CLIP(), true
	case isSAM(src):
		return SAM(), true
	case isESPCN(src):
		return ESPCN(0), true
	}
	o := outlineOf(src)
	for _, f := range []struct {
		name, like string
		declare    func() (models.Network, error)
	}{
		{anyMAE, "mae_vit_base_patch16", func() (models.Network, error) {
			return models.MAEFor(o, models.MAEConfig{Encoder: b.vit(), NormPix: true})
		}},
		{anyViT, "vit_base_patch16_224", func() (models.Network, error) {
			c := b.vit()
			c.AlignCorners = layoutOf(o) == inTorchvision
			return models.ViTFor(o, c)
		}},
		{anyDetect, "vit_b_16_det", func() (models.Network, error) { return models.ViTDetectorFor(o, b.vit()) }},
		{anySwin, "swin_tiny_patch4_window7_224", func() (models.Network, error) { return models.SwinFor(o, b.swin()) }},
		{anyResNet, "resnet50", func() (models.Network, error) { return models.ResNetFor(o, models.ResNetConfig{}) }},
	} {
		n, err := f.declare()
		if err != nil || weights.Compare(n, o).Err() != nil {
			continue
		}
		if mae, ok := n.(*models.MAE); ok && mae.DecoderPred == nil {
			if kind, _ := b.transformers.values["model_type"].(string); kind != "vit_mae" {
				continue // an encoder is a plain vision transformer
			}
		}
		m := registered(f.like)
		m.Name, m.Files = f.name, nil
		if mae, ok := n.(*models.MAE); ok && mae.DecoderPred == nil {
			m.Task = Features
		}
		m.Size = sideOf(n, m.Size)
		m.Preprocess = usualPreprocess(n, m.Size, layoutOf(o))
		m.New = func() models.Network {
			n, err := f.declare()
			if err != nil {
				panic(err) // it worked before
			}
			return n
		}
		return m, true
	}
	return Model{}, false
}

// sideOf returns the side of the images in training, or usual if nothing tells it.
func sideOf(n models.Network, usual int) int {
	switch n := n.(type) {
	case *models.ViT:
		return n.Grid[0] * n.Patch
	case *models.MAE:
		return n.Grid[0] * n.Patch
	case *models.ViTDetector:
		return n.Backbone.Grid[0] * n.Backbone.Patch
	case *models.Swin:
		return cmp.Or(n.Image[0], n.Layers[0].Blocks[0].Attn.Op.Window[0]*n.Patch<<(len(n.Layers)-1))
	}
	return usual
}

// usualPreprocess is the preprocessing that is usual for a family in a layout, for images
// of size×size pixels.
func usualPreprocess(n models.Network, size int, layout weightsLayout) Preprocess {
	switch n.(type) {
	case *models.ViT:
		switch layout {
		case inTransformers:
			return Preprocess{Size: [2]int{size, size}, Mean: half, Std: half}
		case inTorchvision:
			return bicubicInput(size, size)
		}
		short := size // timm's models with large images see all of them
		if size < 384 {
			short = size * 10 / 9
		}
		return Preprocess{Short: short, Crop: [2]int{size, size}, Filter: bicubicInput(1, 1).Filter, Mean: half, Std: half}
	case *models.ResNet:
		return imageNetInput(256)
	case *models.ViTDetector:
		return Preprocess{Size: [2]int{size, size}, Mean: models.ImageNetMean, Std: models.ImageNetStd}
	}
	if layout == inTransformers {
		return Preprocess{Size: [2]int{size, size}, Filter: bicubicInput(1, 1).Filter, Mean: models.ImageNetMean, Std: models.ImageNetStd}
	}
	return bicubicInput(size*256/224, size)
}
