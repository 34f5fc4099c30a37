package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// modelFlags are the flags of commands that run a model.
type modelFlags struct {
	*settings
	weights, key   string
	labels, size   string
	classes, batch int
	clip           zoo.CLIPOptions
	clipHeads      string
	json, strict   bool
	pull           bool
	lazy           bool // the first computation opens the device
	file           onnxFlags
	tensors        bool                       // the input is no picture
	on             *vision.Device             // an open device; nil means the one that the flags name
	truncate       bool                       // cut texts that are too long
	configure      func(models.Network) error // see vision.Options

	out, err io.Writer // for messages and results, and for errors and progress
	stdout   io.Writer // for a picture, if an output is -
	ctx      context.Context
}

// streams takes the writers of a command. If an output goes to standard output, messages
// and results go beside the errors.
func (m *modelFlags) streams(c *cobra.Command) {
	m.out, m.err, m.stdout, m.ctx = c.OutOrStdout(), c.ErrOrStderr(), c.OutOrStdout(), c.Context()
	for _, name := range written {
		if f := c.Flags().Lookup(name); f != nil && f.Value.String() == standard {
			m.out = m.err
		}
	}
}

// weightsFlags adds the flags for the weights of the argument MODEL. of says which
// models completion offers.
func (m *modelFlags) weightsFlags(c *cobra.Command, of func(zoo.Model) bool) {
	f := c.Flags()
	f.StringVar(&m.weights, "weights", "", "checkpoint: PyTorch, safetensors, or a folder from Hugging Face (default: MODEL if that is a path, or the built-in weights, if there are any)")
	keyFlag(c, &m.key)
	m.pullFlag(c)
	f.IntVar(&m.classes, "classes", 0, "number of classes of the checkpoint's head, if it is not the model's own")
	c.MarkFlagFilename("weights", "pth", "pt", "th", "safetensors")
	c.ValidArgsFunction = modelArgument(of)
}

// keyFlag adds the flag that chooses one of several networks in a checkpoint.
func keyFlag(c *cobra.Command, key *string) {
	c.Flags().StringVar(key, "key", "", "which of several networks in the checkpoint, such as ema or generator; . is the one whose names have no prefix")
}

// sizeFlag adds the flag for the size of the input.
func (m *modelFlags) sizeFlag(c *cobra.Command) {
	c.Flags().StringVar(&m.size, "size", "", "resize pictures to this height and width, such as 512x384 (default: as in training)")
}

// labelsFlag adds the flag for the names of the classes.
func (m *modelFlags) labelsFlag(c *cobra.Command, usual string) {
	c.Flags().StringVar(&m.labels, "labels", "", "file with the names of the classes, one per line"+usual)
	c.MarkFlagFilename("labels", "txt")
}

// batchFlag adds the flag for the number of pictures at once.
func (m *modelFlags) batchFlag(c *cobra.Command) {
	c.Flags().IntVar(&m.batch, "batch", 1, "pictures at once")
}

// jsonFlag adds the flag for output in JSON.
func (m *modelFlags) jsonFlag(c *cobra.Command) {
	c.Flags().BoolVar(&m.json, "json", false, "print JSON")
}

// strictFlag adds the flag for the exit status if pictures are left out.
func (m *modelFlags) strictFlag(c *cobra.Command) {
	c.Flags().BoolVar(&m.strict, "strict", false, "end with status 1 if a picture is left out")
}

// checkBatch checks the value of --batch.
func checkBatch(n int) error {
	if n < 1 || n > 1<<16 {
		return fmt.Errorf("--batch %d, want 1 to %d", n, 1<<16)
	}
	return nil
}

// options turns the flags into options of the library.
func (m *modelFlags) options() (vision.Options, error) {
	o := vision.Options{
		Weights: m.weights, Key: m.key, Classes: m.classes, Batch: m.batch, Configure: m.configure,
		Device: m.device, Backend: m.backend, Limits: m.limits, Kind: m.kind, F16: m.f16, F16Values: m.f16Values, Memory: int64(m.memory),
		Untuned: m.untuned, TuningFault: m.tuningFault, Lazy: m.lazy,
		On: m.on, Truncate: m.truncate,
	}
	var err error
	if o.ONNX, err = m.file.options(); err != nil {
		return o, err
	}
	if o.CLIP, err = m.clipOptions(); err != nil {
		return o, err
	}
	if m.classes < 0 {
		return o, fmt.Errorf("--classes %d: a head cannot have %d classes", m.classes, m.classes)
	}
	if m.size != "" {
		h, w, err := parseSize(m.size)
		if err != nil {
			return o, err
		}
		o.Size = [2]int{h, w}
	}
	if m.labels != "" {
		names, err := readLabels(m.labels)
		if err != nil {
			return o, err
		}
		if m.classes != 0 && m.classes != len(names) {
			return o, fmt.Errorf("--classes %d, but %s names %d", m.classes, files.Quote(m.labels), len(names))
		}
		o.Labels = names
	}
	return o, nil
}

// open opens the model called name for a task; task 0 means any task.
func (m *modelFlags) open(c *cobra.Command, name string, task zoo.Task) (*vision.Model, error) {
	name, err := m.here(c, name)
	if err != nil {
		return nil, err
	}
	if file, ok := zoo.FindONNX(name); ok && m.weights == "" {
		return m.openONNX(c, file, task)
	}
	entry, err := m.entry(name)
	if err != nil {
		return nil, err
	}
	return m.openEntry(c, entry, task)
}

// here returns the folder of a repository on Hugging Face, and another name as it is.
func (m *modelFlags) here(c *cobra.Command, name string) (string, error) {
	if reference, ok := strings.CutPrefix(name, onFace); ok {
		return m.repository(c, reference)
	}
	return name, nil
}

// openEntry opens a model for a task; task 0 means any task.
func (m *modelFlags) openEntry(c *cobra.Command, entry zoo.Model, task zoo.Task) (*vision.Model, error) {
	m.streams(c)
	if task != 0 {
		if err := checkTask(c, entry, task); err != nil {
			return nil, err
		}
	}
	if err := m.locate(c, entry); err != nil {
		return nil, err
	}
	if _, ok := zoo.FindONNX(m.weights); !ok {
		if err := onlyONNX(c); err != nil {
			return nil, err
		}
	}
	o, err := m.options()
	if err != nil {
		return nil, err
	}
	o.ONNX.Task = task
	model, err := vision.OpenModel(entry, o)
	if err != nil {
		return nil, m.explain(err, entry)
	}
	if task != 0 {
		if err := model.For(task); err != nil {
			return nil, errors.Join(err, model.Close())
		}
	}
	m.tell(model)
	return model, nil
}

// entry returns the model called name: one of the registry, or the one that the
// checkpoint at that path belongs to.
func (m *modelFlags) entry(name string) (zoo.Model, error) {
	if _, err := zoo.Lookup(name); err == nil || m.weights != "" && m.weights != name {
		return lookup(name)
	}
	e, err := lookupFile(name, m.key)
	if err == nil {
		m.weights = name
	}
	return e, withKey(err)
}

// tell prints what the user should know of how a checkpoint was taken. It matters only
// where pictures are prepared.
func (m *modelFlags) tell(model *vision.Model) {
	for _, note := range model.Notes {
		if !m.quiet && !m.tensors {
			complain(m.err, errors.New(note))
		}
	}
}

// explain turns errors of the library into errors that name flags.
func (m *modelFlags) explain(err error, entry zoo.Model) error {
	var heads *zoo.ClassesError
	var choice *weights.ChoiceError
	var unknown *zoo.CLIPUnknownError
	var untold *zoo.UntoldError
	switch {
	case errors.As(err, &untold):
		return askONNX(untold)
	case errors.As(err, &choice):
		return withKey(err)
	case errors.As(err, &unknown):
		return askCLIP(unknown)
	case errors.As(err, &heads):
		return fmt.Errorf("%s: the head has %d classes: give --classes %d, or --labels with as many names", files.Quote(heads.Checkpoint), heads.Have, heads.Have)
	case errors.Is(err, zoo.ErrNoWeights):
		if !downloadable(entry) {
			return fmt.Errorf("%w; give --weights FILE", err)
		}
		return fmt.Errorf("%w; \"vertebra pull %s\" gets it, or give --pull, or --weights FILE", err, entry.Name)
	}
	return withoutGPU(err, m.backend)
}

// withKey adds the name of the flag that chooses a network to the error for a
// checkpoint with several.
func withKey(err error) error {
	var choice *weights.ChoiceError
	if errors.As(err, &choice) && len(choice.Groups) > 0 {
		return fmt.Errorf("%w; give --key, such as --key %s", err, choice.Groups[0].Key)
	}
	return err
}

// readLabels reads names of classes, one per line.
func readLabels(path string) ([]string, error) {
	text, err := files.ReadFile(path)
	if err != nil {
		return nil, err
	}
	body := strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	if body == "" || strings.ContainsRune(body, 0) {
		return nil, fmt.Errorf("%s: not a list of names, one per line", files.Quote(path))
	}
	return strings.Split(body, "\n"), nil
}
