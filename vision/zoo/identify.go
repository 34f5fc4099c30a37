package zoo

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// MostTensors is more than any network has that Identify knows, in any layout.
const MostTensors = 1 << 14

// Identify finds the model that a checkpoint belongs to, by the names and shapes of its
// tensors and by the configs beside it. If several of the registry fit, it returns the
// one with a published file of the same name, the one whose name is in the name of the
// checkpoint or its folder, or one in the layout of the checkpoint. If none fits,
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
		m, err := family(src, b)
		if err == nil {
			m.identified = true
			return m, nil
		}
		if err != errNoFamily {
			return m, files.Named(checkpoint, err)
		}
		if err := foreign(src); err != nil {
			return Model{}, files.Named(checkpoint, err)
		}
		return Model{}, files.Named(checkpoint, fmt.Errorf("the checkpoint fits no model; vertebra inspect says what it holds"))
	}
	m := fits[0]
	best := m.evidence(checkpoint, src, b)
	for _, other := range fits[1:] {
		if e := other.evidence(checkpoint, src, b); e.compare(best) > 0 {
			m, best = other, e
		}
	}
	if !best.layout && !best.said() { // the registry has only the same network with other weights
		if f, err := family(src, b); err == nil {
			m = f
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
	if slices.ContainsFunc(likely(src), func(m Model) bool { return m.fits(src) }) {
		return true
	}
	_, err := family(src, beside{})
	return err != errNoFamily
}

// fitting lists the models of the registry that src fits and that no config contradicts.
func fitting(src weights.Source, b beside) []Model {
	var fits []Model
	for _, m := range likely(src) {
		if n := m.NewFor(src); m.fits(src) && !models.Contradicts(n, src) && b.tune(n) == nil {
			fits = append(fits, m)
		}
		if b.transformers.bad != nil {
			*b.transformers.bad = nil // of a model that is not meant
		}
	}
	return fits
}

// likely lists the models of the registry most of whose tensors src has. It spares others
// the whole comparison.
func likely(src weights.Source) []Model {
	shapes := map[reflect.Type]map[string]tensor.Shape{} // by the type of the network
	var found []Model
	for i, m := range registry {
		o := sketches()[i]()
		if !mayFit(len(src.Names()), len(o.shapes)) {
			continue
		}
		have := shapes[o.kind]
		if have == nil {
			have = map[string]tensor.Shape{}
			canonical := weights.Canonical(m.New(), src)
			for _, n := range canonical.Names() {
				if shape, err := weights.ShapeOf(canonical, n); err == nil {
					have[n] = shape
				}
			}
			shapes[o.kind] = have
		}
		missing := 0
		for name, own := range o.shapes {
			if shape, ok := have[name]; !ok || !shape.Equal(own) {
				missing++
			}
		}
		if missing <= 4+len(o.shapes)/4 {
			found = append(found, m)
		}
	}
	return found
}

// sketch is what likely has to know of a model.
type sketch struct {
	kind   reflect.Type // of the network
	shapes map[string]tensor.Shape
}

// sketches returns functions that make the sketches of the registry's models, each once.
var sketches = sync.OnceValue(func() []func() sketch {
	all := make([]func() sketch, len(registry))
	for i, m := range registry {
		all[i] = sync.OnceValue(func() sketch {
			network := m.New()
			o := sketch{reflect.TypeOf(network), map[string]tensor.Shape{}}
			weights.Walk(network, func(name string, w *tensor.Tensor) { o.shapes[name] = w.Shape })
			return o
		})
	}
	return all
})

// evidence is what speaks for a model that fits. What stands first weighs most.
type evidence struct {
	file    bool // a published file has the name of the checkpoint
	config  bool // timm's config names the model
	name    int  // length of the model's name, if the checkpoint or its folder has it in its own
	layout  bool // it is published in the checkpoint's layout
	head    bool // it has no head that the checkpoint lacks
	classes bool // it has as many classes
	short   int  // minus the length of its name: others of the same size add to it
}

// said reports whether the checkpoint itself says which model it is of.
func (e evidence) said() bool { return e.file || e.config || e.name > 0 }

// compare returns a number over 0 if e weighs more than o.
func (e evidence) compare(o evidence) int {
	n := func(a, b bool) int {
		switch {
		case a == b:
			return 0
		case a:
			return 1
		}
		return -1
	}
	return cmp.Or(n(e.file, o.file), n(e.config, o.config), e.name-o.name, n(e.layout, o.layout),
		n(e.head, o.head), n(e.classes, o.classes), e.short-o.short)
}

// evidence says what speaks for m as the model of the checkpoint at path.
func (m Model) evidence(path string, src weights.Source, b beside) evidence {
	base := filepath.Base(path)
	e := evidence{file: published(base) && m.hasFile(base), short: -len(m.Name), layout: m.inLayoutOf(src)}
	e.config = b.timm != nil && strings.HasPrefix(b.timm.architecture, m.Name)
	if m.namedIn(path) {
		e.name = len(m.Name)
	}
	network := m.NewFor(src)
	e.head = !models.Headless(network)
	e.classes = weights.Compare(network, src).Err() == nil
	return e
}

// inLayoutOf reports whether m's files have the layout of src, or one from which others
// convert.
func (m Model) inLayoutOf(src weights.Source) bool {
	if layoutOf(src) == inTorchvision {
		return m.layout == inTorchvision || !m.twoLayouts()
	}
	return m.layout == ofAuthors
}

// twoLayouts reports whether torchvision has layouts of its own for such networks.
func (m Model) twoLayouts() bool {
	switch m.New().(type) {
	case *models.ViT, *models.Swin:
		return true
	}
	return false
}

// namedIn reports whether the name of a checkpoint or of its folder has m's name in it.
func (m Model) namedIn(path string) bool {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	text := filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path)
	return strings.Contains(strings.ReplaceAll(strings.ToLower(text), "-", "_"), m.Name)
}

// alike returns a line that says which other models of the registry fit and differ from
// m in what weights do not tell, unless the checkpoint says itself which is meant.
func (m Model) alike(path string, src weights.Source, b beside) string {
	mine := m.evidence(path, src, b)
	names := []string{m.Name}
	said := mine.said()
	for _, other := range fitting(src, b) {
		if other.Name == m.Name || !other.inLayoutOf(src) && (layoutOf(src) == inTorchvision || windows(other.New()) != "") {
			continue // few convert from one to the other
		}
		if e := other.evidence(path, src, b); e.said() && e.compare(mine) > 0 {
			said = false
		}
		if !other.same(m, src) {
			names = append(names, other.Name)
		}
	}
	if said || len(names) == 1 {
		return ""
	}
	slices.Sort(names)
	return fmt.Sprintf("%s fits %s, which differ in how pictures are prepared or in windows: taken as %s; to choose another, name it",
		files.Quote(path), listed(names), m.Name)
}

// same reports whether two models that fit src prepare pictures in the same way and have
// the same windows.
func (m Model) same(o Model, src weights.Source) bool {
	return m.Preprocess == o.Preprocess && m.Size == o.Size && windows(m.NewFor(src)) == windows(o.NewFor(src))
}

// windows describes the windows of a Swin.
func windows(n models.Network) string {
	swin, ok := n.(*models.Swin)
	if !ok {
		return ""
	}
	var all []graph.Pair
	for _, stage := range swin.Layers {
		for _, b := range stage.Blocks {
			all = append(all, b.Attn.Op.Window, b.Attn.Pretrained)
		}
	}
	return fmt.Sprint(all)
}

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
	anySRVGG  = "srvgg"
)

// errNoFamily is the error of family for weights of none.
var errNoFamily = errors.New("no model of any size")

// family returns the model of a family that has the sizes of src. If src is of a family
// but does not tell all that it needs, the error says what is missing.
func family(src weights.Source, b beside) (Model, error) {
	switch {
	case len(src.Names()) > MostTensors:
		return Model{}, errNoFamily
	case isCLIP(src):
		return CLIP(), nil
	case isSAM(src):
		return SAM(), nil
	case isESPCN(src):
		return ESPCN(0), nil
	}
	o, near := outlineOf(src), errNoFamily
	for _, f := range []struct {
		name, like string
		declare    func() (models.Network, error)
	}{
		{anyMAE, "mae_vit_base_patch16", func() (models.Network, error) {
			return models.MAEFor(o, b.mae())
		}},
		{anyViT, "vit_base_patch16_224", func() (models.Network, error) {
			c := b.vit()
			c.AlignCorners = layoutOf(o) == inTorchvision
			return models.ViTFor(o, c)
		}},
		{anyDetect, "vit_b_16_det", func() (models.Network, error) { return models.ViTDetectorFor(o, b.vit()) }},
		{anySwin, "swin_tiny_patch4_window7_224", func() (models.Network, error) { return models.SwinFor(o, b.swin()) }},
		{anySRVGG, "realesr_general_x4v3", func() (models.Network, error) { return models.SRVGGFor(o) }},
		{anyResNet, "resnet50", func() (models.Network, error) { return models.ResNetFor(o, models.ResNetConfig{}) }},
	} {
		n, err := f.declare()
		if err == nil {
			err = weights.Compare(n, o).Err()
		} else if !errors.Is(err, models.ErrOther) && near == errNoFamily {
			near = err
		}
		if err != nil {
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
		return m, nil
	}
	return Model{}, near
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
