package zoo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// Options say how a model is opened. The zero value takes the built-in weights.
type Options struct {
	// Weights is the checkpoint as downloaded: a PyTorch or safetensors file, the
	// index of a checkpoint in several files, or a folder from Hugging Face. Empty
	// means the built-in weights.
	Weights string

	// Key chooses one of several networks in the checkpoint, such as "ema" or
	// "generator": a path of keys in a PyTorch file, or the beginning of names.
	Key string

	// Classes is the number of classes of the checkpoint's head; 0 means the number
	// of Labels, or the model's own number without Labels.
	Classes int

	// Labels are the names of the classes; nil means the model's own.
	Labels []string

	// Vocabulary is the path of CLIP's vocabulary: bpe_simple_vocab_16e6.txt.gz,
	// tokenizer.json, or vocab.json beside merges.txt. Empty means the vocabulary
	// beside the weights.
	Vocabulary string

	// Size is the height and width to which pictures are resized; zero means the
	// model's Preprocess.
	Size [2]int

	// Configure, if not nil, changes the network before its weights are bound. It
	// may set the Depth of a *models.UNetPP or the activations of a *models.ESPCN,
	// for example.
	Configure func(models.Network) error
}

// Opened is a model with its weights.
type Opened struct {
	Model
	Network    models.Network
	Checkpoint string         // path of the weights; "" for built-in ones
	ClassNames []string       // in the order of the classes' numbers; nil if unknown
	Tokenizer  *CLIPTokenizer // for CLIP; nil if there is no vocabulary
}

// Open opens a model by its name in the registry, or by the path of a checkpoint. It
// calls Identify to find the model of a checkpoint.
func Open(name string, o Options) (*Opened, error) {
	m, err := Lookup(name)
	if err == nil {
		return m.Open(o)
	}
	if _, bad := os.Stat(name); bad != nil {
		return nil, err
	}
	if o.Weights != "" {
		return nil, fmt.Errorf("zoo: %s and %s are both checkpoints, want one", name, o.Weights)
	}
	o.Weights = name
	if m, err = Identify(name, o.Key); err != nil {
		return nil, err
	}
	return m.Open(o)
}

// Identify finds the model that a checkpoint belongs to, by the names and shapes of its
// tensors. If several fit, it returns the one with a published file of the same name,
// else the first. key is Options.Key.
func Identify(checkpoint, key string) (Model, error) {
	src, err := openPart(checkpoint, key, func(src weights.Source) bool { return len(fitting(src)) > 0 })
	if err != nil {
		return Model{}, err
	}
	defer src.Close()
	fits := fitting(src)
	if len(fits) == 0 {
		return Model{}, fmt.Errorf("%s: the checkpoint fits no model; vertebra inspect says what it holds", checkpoint)
	}
	for _, m := range fits {
		if m.hasFile(filepath.Base(checkpoint)) {
			return m, nil
		}
	}
	return fits[0], nil
}

// fitting lists the models that src fits: those of the registry or, if there is none,
// one of a family with the sizes of src.
func fitting(src weights.Source) []Model {
	var fits []Model
	for _, m := range Models {
		if m.fits(src) {
			fits = append(fits, m)
		}
	}
	if len(fits) > 0 {
		return fits
	}
	switch {
	case isCLIP(src):
		return []Model{CLIP()}
	case isSAM(src):
		return []Model{SAM()}
	case isESPCN(src):
		return []Model{ESPCN(0)}
	}
	return nil
}

func isCLIP(src weights.Source) bool {
	_, err := models.CLIPConfigOf(src)
	return err == nil
}

func isSAM(src weights.Source) bool {
	_, err := models.SAMConfigOf(src)
	return err == nil
}

func isESPCN(src weights.Source) bool {
	_, err := models.LoadESPCN(src, 0)
	return err == nil
}

// NewFor returns the network for a checkpoint, with the optional parts that src has; see
// models.MatchParts. Its weights are declared.
func (m Model) NewFor(src weights.Source) models.Network {
	network := m.New()
	models.MatchParts(network, src)
	return network
}

// hasFile reports whether one of the model's published files has this name.
func (m Model) hasFile(name string) bool {
	return slices.ContainsFunc(m.Files, func(f File) bool { return f.Name() == name })
}

// MayFit reports whether a checkpoint of so many tensors may be the model's. It is false
// only for many more than the model has, in any layout.
func (m Model) MayFit(tensors int) bool {
	own := 0
	weights.Walk(m.New(), func(string, *tensor.Tensor) { own++ })
	return tensors <= 8*own+64
}

// fits reports whether src has the model's weights, with any number of classes.
func (m Model) fits(src weights.Source) bool {
	if !m.MayFit(len(src.Names())) {
		return false
	}
	network := m.NewFor(src)
	fit := weights.Compare(network, src)
	if fit.Err() == nil {
		return true
	}
	if len(fit.Missing)+len(fit.Unused) > 0 {
		return false
	}
	n := ClassesIn(m, src)
	network = m.NewFor(src)
	return n > 0 && SetClasses(m, network, n) == nil && weights.Compare(network, src).Err() == nil
}

// Open opens the model with weights.
func (m Model) Open(o Options) (*Opened, error) {
	out := &Opened{Model: m, Checkpoint: o.Weights}
	classes, err := out.names(o)
	if err != nil {
		return nil, err
	}
	switch network := m.New().(type) {
	case *models.CLIP:
		err = out.openCLIP(network, o)
	case *models.SAM:
		err = out.openSAM(network, o)
	case *models.ESPCN:
		err = out.openESPCN(network, classes, o)
	default:
		err = out.open(network, classes, o)
	}
	if err != nil {
		return nil, err
	}
	if o.Size != ([2]int{}) {
		out.Preprocess = out.Preprocess.Resized(o.Size[0], o.Size[1])
	}
	return out, nil
}

// Resized returns p changed to resize pictures to a height and width, without a crop.
func (p Preprocess) Resized(height, width int) Preprocess {
	p.Short, p.Long, p.Size, p.Crop, p.Pad = 0, 0, [2]int{height, width}, [2]int{}, [2]int{}
	return p
}

// names sets the names of the classes. It returns their number if that is not the
// model's own.
func (m *Opened) names(o Options) (classes int, err error) {
	switch {
	case o.Classes < 0:
		return 0, fmt.Errorf("zoo: a head cannot have %d classes", o.Classes)
	case o.Labels != nil && o.Classes != 0 && o.Classes != len(o.Labels):
		return 0, fmt.Errorf("zoo: %d classes, but %d labels", o.Classes, len(o.Labels))
	case o.Labels != nil:
		m.ClassNames = o.Labels
		return len(o.Labels), nil
	case m.Labels != nil:
		m.ClassNames = m.Labels()
	}
	return o.Classes, nil
}

// Label returns the name of a class if there are count of them, or "" if the name is
// unknown. A thousand classes without other names are ImageNet's.
func (m *Opened) Label(class, count int) string {
	names := m.ClassNames
	if names == nil && count == 1000 {
		names = ImageNetClasses()
	}
	if len(names) != count {
		return ""
	}
	return names[class]
}

// Stages lists the stages of the network, whose values can be features, in the order
// of computation.
func (m *Opened) Stages() ([]string, error) { return m.stages(m.Network) }

// open fills the network from a checkpoint in any layout that the network knows.
func (m *Opened) open(network models.Network, classes int, o Options) error {
	m.Network = network
	if classes != 0 {
		if err := SetClasses(m.Model, network, classes); err != nil {
			return err
		}
	}
	if o.Configure != nil {
		if err := o.Configure(network); err != nil {
			return err
		}
	}
	if o.Weights == "" {
		if m.Weights == nil {
			return m.Missing()
		}
		src, err := m.Weights()
		if err != nil {
			return err
		}
		return m.fill(src, "the built-in weights")
	}
	var err error
	if m.Preprocess, err = PreprocessAt(o.Weights, m.Model); err != nil {
		return err
	}
	src, err := openPart(o.Weights, o.Key, m.fits)
	if err != nil {
		return err
	}
	defer src.Close()
	return m.fill(src, o.Weights)
}

// fill binds the network to src. Errors call the checkpoint name.
func (m *Opened) fill(src weights.Source, name string) error {
	models.MatchParts(m.Network, src)
	err := weights.Bind(m.Network, src)
	if err == nil {
		return nil
	}
	if have := ClassesIn(m.Model, src); have > 0 {
		other := m.NewFor(src)
		if SetClasses(m.Model, other, have) == nil && weights.Compare(other, src).Err() == nil {
			return &ClassesError{Checkpoint: name, Have: have}
		}
	}
	if fit := weights.Compare(m.Network, src); fit.Matched < len(fit.Missing)+len(fit.Misshapen) {
		if is := whose(src, m.Name); is != "" {
			return fmt.Errorf("%s is a checkpoint of %s, not of %s", name, is, m.Name)
		}
		return fmt.Errorf("%s is not a checkpoint of %s: %d tensors agree, %d are missing, %d have another shape; see vertebra inspect",
			name, m.Name, fit.Matched, len(fit.Missing), len(fit.Misshapen))
	}
	return fmt.Errorf("%s: %w", name, err)
}

// ClassesError is the error for a checkpoint whose head has another number of classes
// than the model.
type ClassesError struct {
	Checkpoint string
	Have       int // number of classes of its head
}

func (e *ClassesError) Error() string {
	return fmt.Sprintf("%s: the head has %d classes: give that number, or as many labels", e.Checkpoint, e.Have)
}

// whose returns the name of the model that src belongs to, other than but. It returns
// "" if there is none.
func whose(src weights.Source, but string) string {
	i := slices.IndexFunc(Models, func(m Model) bool {
		return m.Name != but && m.MayFit(len(src.Names())) && weights.Compare(m.NewFor(src), src).Err() == nil
	})
	if i < 0 {
		return ""
	}
	return Models[i].Name
}

// openCLIP opens CLIP with its vocabulary and preprocessing. The sizes of the weights
// must be those of network.
func (m *Opened) openCLIP(network *models.CLIP, o Options) error {
	if o.Weights == "" {
		return m.Missing()
	}
	files, err := readCLIP(o)
	if err != nil {
		return m.explain(err, o)
	}
	have, want := files.Network.Config(), network.Config()
	have.Heads, have.TextHeads, have.Act = want.Heads, want.TextHeads, want.Act
	if have != want && m.Name != anyCLIP {
		return fmt.Errorf("%s is a checkpoint of a CLIP other than %s", o.Weights, m.Name)
	}
	m.Network, m.Tokenizer, m.Preprocess = files.Network, files.Tokenizer, files.Preprocess
	m.Size = files.Network.Config().Size
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
	files, err := readSAM(o)
	if err != nil {
		return m.explain(err, o)
	}
	if m.Name != anySAM && len(files.Network.Encoder.Blocks) != len(network.Encoder.Blocks) {
		return fmt.Errorf("%s is a checkpoint of a SAM other than %s", o.Weights, m.Name)
	}
	m.Network, m.Preprocess = files.Network, files.Preprocess
	m.Size = files.Network.Size()
	return nil
}

// The names of a CLIP and a SAM with any sizes.
const (
	anyCLIP = "clip"
	anySAM  = "sam"
)

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
	if errors.As(err, &file) || errors.As(err, &choice) {
		return err
	}
	others := func(src weights.Source) bool { return whose(src, m.Name) != "" }
	src, bad := openPart(o.Weights, o.Key, others)
	if bad != nil {
		return err
	}
	defer src.Close()
	if is := whose(src, m.Name); is != "" {
		return fmt.Errorf("%s is a checkpoint of %s, not of %s", o.Weights, is, m.Name)
	}
	return err
}
