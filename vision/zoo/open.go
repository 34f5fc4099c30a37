package zoo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// Options say how a model is opened. The zero value takes the built-in weights.
type Options struct {
	// Weights is the checkpoint as it was downloaded: a file of PyTorch's or
	// safetensors, the index of one in several files, or a folder of Hugging
	// Face's. Empty means the weights that are built in.
	Weights string

	// Classes is how many classes the checkpoint's head has; 0 means as many as
	// there are Labels, or else as the model's.
	Classes int

	// Labels are the names of the classes; nil means the model's own.
	Labels []string

	// Vocabulary is CLIP's: bpe_simple_vocab_16e6.txt.gz, tokenizer.json, or
	// vocab.json beside merges.txt. Empty means the one beside the weights.
	Vocabulary string

	// Size is the height and width that pictures are resized to; zero means what
	// Preprocess says.
	Size [2]int

	// Configure, if it is not nil, changes the network before its weights are
	// bound: how deep a *models.UNetPP is, or what a *models.ESPCN was trained
	// with.
	Configure func(models.Network) error
}

// Opened is a model with its weights.
type Opened struct {
	Model
	Network    models.Network
	Checkpoint string         // where the weights are from; "" for built-in ones
	ClassNames []string       // in the order of the classes' numbers; nil if they are not known
	Tokenizer  *CLIPTokenizer // of CLIP; nil if there is no vocabulary
}

// Open opens a model: by a name of the registry, or by the path of a checkpoint,
// whose model is then Identify's.
func Open(name string, o Options) (*Opened, error) {
	m, err := Lookup(name)
	if err == nil {
		return m.Open(o)
	}
	if _, bad := os.Stat(name); bad != nil {
		return nil, err
	}
	if o.Weights != "" {
		return nil, fmt.Errorf("zoo: two checkpoints, %s and %s", name, o.Weights)
	}
	o.Weights = name
	if m, err = Identify(name); err != nil {
		return nil, err
	}
	return m.Open(o)
}

// Identify finds the model that a checkpoint is of, by the names and shapes of
// its tensors. Of several it is the one whose published file has the checkpoint's
// name, or else the first.
func Identify(checkpoint string) (Model, error) {
	src, err := weights.Open(checkpoint)
	if err != nil {
		return Model{}, err
	}
	defer src.Close()
	var fits []Model
	for _, m := range Models {
		if m.fits(src) {
			fits = append(fits, m)
		}
	}
	if len(fits) == 0 {
		if _, err := models.CLIPConfigOf(src); err == nil {
			return CLIP(), nil
		}
		if _, err := models.SAMConfigOf(src); err == nil {
			return SAM(), nil
		}
		if _, err := models.LoadESPCN(src, 0); err == nil {
			return ESPCN(0), nil
		}
		return Model{}, fmt.Errorf("%s: the checkpoint fits no model; vertebra inspect says what it holds", checkpoint)
	}
	for _, m := range fits {
		if m.hasFile(filepath.Base(checkpoint)) {
			return m, nil
		}
	}
	return fits[0], nil
}

// hasFile reports whether one of the model's published files has this name.
func (m Model) hasFile(name string) bool {
	return slices.ContainsFunc(m.Files, func(f File) bool { return f.Name() == name })
}

// fits reports whether src has the model's weights, with any number of classes.
func (m Model) fits(src weights.Source) bool {
	network := m.New()
	fit := weights.Compare(network, src)
	if fit.Err() == nil {
		return true
	}
	if len(fit.Missing)+len(fit.Unused) > 0 {
		return false
	}
	n := ClassesIn(m, src)
	network = m.New()
	return n > 0 && SetClasses(m, network, n) == nil && weights.Compare(network, src).Err() == nil
}

// Open opens the model.
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

// Resized is p with pictures resized to a height and width, without a crop.
func (p Preprocess) Resized(height, width int) Preprocess {
	p.Short, p.Long, p.Size, p.Crop, p.Pad = 0, 0, [2]int{height, width}, [2]int{}, [2]int{}
	return p
}

// names settles what the classes are called, and how many they are if that is
// not the model's number.
func (m *Opened) names(o Options) (classes int, err error) {
	switch {
	case o.Classes < 0:
		return 0, fmt.Errorf("zoo: %d classes", o.Classes)
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

// Label is the name of a class of so many, or "" if it is not known. A thousand
// classes are ImageNet's, unless they have other names.
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

// Stages lists the points inside the network whose values can be had, in the order
// of computation.
func (m *Opened) Stages() ([]string, error) { return m.stages(m.Network) }

// open fills a network of which the checkpoint is one of several layouts.
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
	src, err := weights.Open(o.Weights)
	if err != nil {
		return err
	}
	defer src.Close()
	return m.fill(src, o.Weights)
}

// fill binds the network to src, called name in errors.
func (m *Opened) fill(src weights.Source, name string) error {
	err := weights.Bind(m.Network, src)
	if err == nil {
		return nil
	}
	if have := ClassesIn(m.Model, src); have > 0 {
		other := m.New()
		if SetClasses(m.Model, other, have) == nil && weights.Compare(other, src).Err() == nil {
			return &ClassesError{Checkpoint: name, Have: have}
		}
	}
	if fit := weights.Compare(m.Network, src); fit.Matched < len(fit.Missing)+len(fit.Misshapen) {
		if is := whose(src, m.Name); is != "" {
			return fmt.Errorf("%s is a checkpoint of %s, not of %s", name, is, m.Name)
		}
		return fmt.Errorf("%s is not of %s: %d tensors agree, %d are missing, %d have another shape; see vertebra inspect",
			name, m.Name, fit.Matched, len(fit.Missing), len(fit.Misshapen))
	}
	return fmt.Errorf("%s: %w", name, err)
}

// ClassesError is the error of a checkpoint whose head has another number of
// classes than the model.
type ClassesError struct {
	Checkpoint string
	Have       int // classes of its head
}

func (e *ClassesError) Error() string {
	return fmt.Sprintf("%s: the head has %d classes: give that number, or as many labels", e.Checkpoint, e.Have)
}

// whose is the name of the model that src is of, but for one; "" if it is of
// none.
func whose(src weights.Source, but string) string {
	i := slices.IndexFunc(Models, func(m Model) bool {
		return m.Name != but && weights.Compare(m.New(), src).Err() == nil
	})
	if i < 0 {
		return ""
	}
	return Models[i].Name
}

// openCLIP reads CLIP with its vocabulary and preprocessing. The weights say the
// sizes, which have to be the network's.
func (m *Opened) openCLIP(network *models.CLIP, o Options) error {
	if o.Weights == "" {
		return m.Missing()
	}
	files, err := ReadCLIP(o.Weights)
	if err != nil {
		return m.explain(err, o.Weights)
	}
	have, want := files.Network.Config(), network.Config()
	have.Heads, have.TextHeads, have.Act = want.Heads, want.TextHeads, want.Act
	if have != want && m.Name != anyCLIP {
		return fmt.Errorf("%s is a checkpoint of another CLIP than %s", o.Weights, m.Name)
	}
	m.Network, m.Tokenizer, m.Preprocess = files.Network, files.Tokenizer, files.Preprocess
	m.Size = files.Network.Config().Size
	if o.Vocabulary != "" {
		m.Tokenizer, err = ReadCLIPTokenizer(o.Vocabulary)
	}
	return err
}

// openSAM reads SAM with its preprocessing.
func (m *Opened) openSAM(network *models.SAM, o Options) error {
	if o.Weights == "" {
		return m.Missing()
	}
	files, err := ReadSAM(o.Weights)
	if err != nil {
		return m.explain(err, o.Weights)
	}
	if m.Name != anySAM && len(files.Network.Encoder.Blocks) != len(network.Encoder.Blocks) {
		return fmt.Errorf("%s is a checkpoint of another SAM than %s", o.Weights, m.Name)
	}
	m.Network, m.Preprocess = files.Network, files.Preprocess
	m.Size = files.Network.Size()
	return nil
}

// The names of CLIP and SAM of whatever sizes the weights have.
const (
	anyCLIP = "clip"
	anySAM  = "sam"
)

// CLIP is CLIP of whatever sizes its weights have.
func CLIP() Model {
	m := registered("clip_vit_b32")
	m.Name = anyCLIP
	return m
}

// SAM is SAM of whatever sizes its weights have.
func SAM() Model {
	m := registered("sam_vit_b")
	m.Name = anySAM
	return m
}

// registered is a model of the registry.
func registered(name string) Model {
	m, err := Lookup(name)
	if err != nil {
		panic(err)
	}
	return m
}

// explain says which model the checkpoint is of, if it is not that of a family
// whose loader gave err.
func (m *Opened) explain(err error, checkpoint string) error {
	var file *os.PathError
	if errors.As(err, &file) {
		return err
	}
	src, bad := weights.Open(checkpoint)
	if bad != nil {
		return err
	}
	defer src.Close()
	if is := whose(src, m.Name); is != "" {
		return fmt.Errorf("%s is a checkpoint of %s, not of %s", checkpoint, is, m.Name)
	}
	return err
}
