package zoo

import (
	"fmt"
	"os"
	"slices"

	"github.com/vertebra/vertebra/internal/files"
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

	// CLIP says what the weights of a CLIP do not tell.
	CLIP CLIPOptions

	// Size is the height and width to which pictures are resized; zero means the
	// model's Preprocess.
	Size [2]int

	// ONNX is for an ONNX file.
	ONNX ONNXOptions

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
	Notes      []string       // what the user should know of how the checkpoint was taken, a line each

	lacks string // the tensor that a head would have, if the checkpoint has no head
	said  bool   // of an ONNX file: its task is not what the outputs look like
}

// For returns nil if m is a model for the task. A checkpoint without a head gives
// features and embeddings of pictures, but no classes.
func (m *Opened) For(t Task) error {
	if n, ok := m.Network.(*ONNX); ok {
		if err := n.suits(t, m.Task, m.said); err != nil {
			return err
		}
		if err := n.named(t, m.ClassNames); err != nil {
			return files.Named(n.Path, err)
		}
		return nil
	}
	switch {
	case m.lacks == "":
	case t == Embed:
		return nil
	case t == Classify:
		return files.Named(m.Checkpoint, fmt.Errorf("the checkpoint has no classifier: %s is missing; it gives features", m.lacks))
	}
	return m.Model.For(t)
}

// Open opens a model by its name in the registry, or by the path of a checkpoint or of an
// ONNX file. It calls Identify to find the model of a checkpoint.
func Open(name string, o Options) (*Opened, error) {
	m, err := Lookup(name)
	if err == nil {
		return m.Open(o)
	}
	if _, bad := os.Stat(name); bad != nil {
		if _, ok := FindONNX(name); ok {
			return nil, fmt.Errorf("zoo: %w", bad)
		}
		return nil, err
	}
	if o.Weights != "" {
		return nil, fmt.Errorf("zoo: %s and %s are both checkpoints, want one", name, files.Quote(o.Weights))
	}
	if file, ok := FindONNX(name); ok {
		return openONNX(file, o, nil)
	}
	o.Weights = name
	if m, err = Identify(name, o.Key); err != nil {
		return nil, err
	}
	return m.Open(o)
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
	return mayFit(tensors, own)
}

// mayFit is MayFit for a model of own tensors.
func mayFit(tensors, own int) bool { return tensors <= 8*own+64 }

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

// Open opens the model with weights. These may be an ONNX file, whose pictures are then
// prepared as for m unless something beside the file says otherwise.
func (m Model) Open(o Options) (*Opened, error) {
	if file, ok := FindONNX(o.Weights); ok {
		return openONNX(file, o, &m)
	}
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
	p.Short, p.Long, p.Inside, p.Size, p.Crop, p.Pad = 0, 0, [2]int{}, [2]int{height, width}, [2]int{}, [2]int{}
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
func (m *Opened) Stages() ([]string, error) {
	if n, ok := m.Network.(*ONNX); ok {
		return n.stages()
	}
	return m.stages(m.Network)
}

// open fills the network from a checkpoint in any layout that the network knows.
func (m *Opened) open(network models.Network, classes int, o Options) error {
	m.Network = network
	if o.Weights != "" {
		return m.openFile(classes, o)
	}
	if err := m.change(classes, o); err != nil {
		return err
	}
	if m.Weights == nil {
		return m.Missing()
	}
	src, err := m.Weights()
	if err != nil {
		return err
	}
	return m.fill(src, "the built-in weights")
}

// change sets the number of classes, unless it is 0, and lets o configure the network.
func (m *Opened) change(classes int, o Options) error {
	if classes != 0 {
		if models.Headless(m.Network) {
			m.lacks = m.missingHead()
			return m.For(Classify)
		}
		if err := SetClasses(m.Model, m.Network, classes); err != nil {
			return err
		}
	}
	if o.Configure != nil {
		return o.Configure(m.Network)
	}
	return nil
}

// openFile opens the network with a checkpoint and with what lies beside it.
func (m *Opened) openFile(classes int, o Options) error {
	src, err := openPart(o.Weights, o.Key, m.fits)
	if err != nil {
		return err
	}
	defer src.Close()
	models.MatchParts(m.Network, src)
	fits := m.fits(src)
	var b beside
	if fits {
		if b, err = readBeside(o.Weights, src); err != nil {
			return err
		}
		if err := b.tune(m.Network); err != nil {
			return err
		}
	}
	if have := ClassesIn(m.Model, src); fits && have > 0 && classes == 0 {
		names, said, err := b.labels(have)
		if err != nil {
			return err
		}
		if m.identified || said == have {
			classes = have
		}
		if said >= 0 && said != have {
			m.note("%s: the config beside it says %d classes, the head has %d, which counts", files.Quote(o.Weights), said, have)
		}
		if names != nil {
			m.ClassNames = names
		} else if len(m.ClassNames) != have {
			m.ClassNames = nil
		}
	}
	if err := m.change(classes, o); err != nil {
		return err
	}
	if err := m.fill(src, o.Weights); err != nil {
		return err
	}
	if models.Headless(m.Network) && m.Task == Classify {
		m.Task, m.lacks = Features, m.missingHead()
	}
	p, told, note, err := b.preprocess(m.Network, m.Size, m.Preprocess)
	if err != nil {
		return err
	}
	m.Preprocess = p
	if note == "" && !told {
		note = m.guessed(o.Weights, src, b)
	}
	if note != "" {
		m.note("%s", note)
	}
	return nil
}

// guessed says that nothing tells how pictures are prepared, if that is open.
func (m *Opened) guessed(path string, src weights.Source, b beside) string {
	if _, err := Lookup(m.Name); err != nil { // a family
		return fmt.Sprintf("%s: nothing says how pictures are prepared: taken as is usual for such a %s; a config.json beside it can say it",
			files.Quote(path), m.Name)
	}
	return m.alike(path, src, b)
}

// note keeps a line for the user.
func (m *Opened) note(format string, args ...any) {
	m.Notes = append(m.Notes, fmt.Sprintf(format, args...))
}

// missingHead names the weights that the network's head would have.
func (m *Opened) missingHead() string {
	if _, ok := m.Network.(*models.ResNet); ok {
		return "fc.weight"
	}
	return "head.weight"
}

// fill binds the network to src. Errors call the checkpoint name.
func (m *Opened) fill(src weights.Source, name string) error {
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
			return fmt.Errorf("%s is a checkpoint of %s, not of %s", files.Quote(name), is, m.Name)
		}
		return fmt.Errorf("%s is not a checkpoint of %s: %d tensors agree, %d are missing, %d have another shape; see vertebra inspect",
			files.Quote(name), m.Name, fit.Matched, len(fit.Missing), len(fit.Misshapen))
	}
	return files.Named(name, err)
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
	for _, m := range likely(src) {
		if m.Name != but && weights.Compare(m.NewFor(src), src).Err() == nil {
			return m.Name
		}
	}
	return ""
}
