package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

// modelFlags say which model a command works with, and how.
type modelFlags struct {
	*settings
	weights, labels, size string
	classes, batch        int
	json                  bool
	configure             func(models.Network) error // see vision.Options

	out, err io.Writer
}

// weightsFlags adds the flags that say which weights the argument MODEL has, which
// is one of these models.
func (m *modelFlags) weightsFlags(c *cobra.Command, of func(zoo.Model) bool) {
	f := c.Flags()
	f.StringVar(&m.weights, "weights", "", "checkpoint: PyTorch, safetensors, or a folder of Hugging Face's (default: the built-in weights, where there are some)")
	f.IntVar(&m.classes, "classes", 0, "classes that the checkpoint's head has, if not as many as the model's")
	c.MarkFlagFilename("weights", "pth", "pt", "th", "safetensors")
	c.ValidArgsFunction = modelArgument(of)
}

// sizeFlag adds the flag that says how large pictures come in.
func (m *modelFlags) sizeFlag(c *cobra.Command) {
	c.Flags().StringVar(&m.size, "size", "", "resize pictures to this height and width, as 512x384 (default: as in training)")
}

// labelsFlag adds the flag that names the classes.
func (m *modelFlags) labelsFlag(c *cobra.Command, usual string) {
	c.Flags().StringVar(&m.labels, "labels", "", "file of the names of the classes, one a line"+usual)
	c.MarkFlagFilename("labels", "txt")
}

// batchFlag adds the flag that says how many pictures run at once.
func (m *modelFlags) batchFlag(c *cobra.Command) {
	c.Flags().IntVar(&m.batch, "batch", 1, "pictures at once")
}

// jsonFlag adds the flag for programs that read along.
func (m *modelFlags) jsonFlag(c *cobra.Command) {
	c.Flags().BoolVar(&m.json, "json", false, "print JSON")
}

// checkBatch checks the value of --batch.
func checkBatch(n int) error {
	if n < 1 || n > 1<<16 {
		return fmt.Errorf("--batch %d, want 1 to %d", n, 1<<16)
	}
	return nil
}

// options are the library's for the flags.
func (m *modelFlags) options() (vision.Options, error) {
	o := vision.Options{
		Weights: m.weights, Classes: m.classes, Batch: m.batch, Configure: m.configure,
		Device: m.device, Backend: m.backend,
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
			return o, fmt.Errorf("--classes %d, but %s names %d", m.classes, m.labels, len(names))
		}
		o.Labels = names
	}
	return o, nil
}

// open opens the model called name for a task; of any, if that is 0.
func (m *modelFlags) open(c *cobra.Command, name string, task zoo.Task) (*vision.Model, error) {
	m.out, m.err = c.OutOrStdout(), c.ErrOrStderr()
	entry, err := lookup(name)
	if err != nil {
		return nil, err
	}
	if task != 0 {
		if err := checkTask(c, entry, task); err != nil {
			return nil, err
		}
	}
	o, err := m.options()
	if err != nil {
		return nil, err
	}
	model, err := vision.OpenModel(entry, o)
	if err != nil {
		return nil, m.explain(err, entry)
	}
	return model, nil
}

// explain turns errors of the library into such that name flags.
func (m *modelFlags) explain(err error, entry zoo.Model) error {
	var heads *zoo.ClassesError
	switch {
	case errors.As(err, &heads):
		return fmt.Errorf("%s: the head has %d classes: give --classes %d, or --labels with as many names", heads.Checkpoint, heads.Have, heads.Have)
	case errors.Is(err, zoo.ErrNoWeights):
		return fmt.Errorf("%w; give --weights FILE", err)
	}
	return withoutGPU(err, m.backend)
}

// readLabels reads names of classes, one a line.
func readLabels(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	body := strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	if body == "" || strings.ContainsRune(body, 0) {
		return nil, fmt.Errorf("%s: not a list of names, one a line", path)
	}
	return strings.Split(body, "\n"), nil
}

// leftOut collects the pictures that cannot be read, while the others go on.
type leftOut struct {
	of   int
	errs []error
}

// note reports whether err is of one picture, which is then left out.
func (l *leftOut) note(err error) bool {
	var one *vision.InputError
	if !errors.As(err, &one) {
		return false
	}
	l.errs = append(l.errs, err)
	return true
}

// err names those that were left out; nil if none were.
func (l *leftOut) err() error {
	if len(l.errs) > 0 && l.of > 1 {
		return fmt.Errorf("left out %d of %d pictures: %w", len(l.errs), l.of, errors.Join(l.errs...))
	}
	return errors.Join(l.errs...)
}

// each calls use for what a task yields, in order, and shows how far it is. With
// skip, pictures that cannot be read are left out, and one error at the end names
// them; else the first one ends it.
func each[T any](m *modelFlags, pictures int, skip bool, results iter.Seq2[T, error], use func(T) error) error {
	bar := m.bar(m.err, "pictures", pictures)
	defer bar.Clear()
	left := leftOut{of: pictures}
	for r, err := range results {
		bar.Clear()
		switch {
		case err == nil:
			err = use(r)
		case skip && left.note(err):
			err = nil
		}
		if err != nil {
			return err
		}
		bar.Add(1)
	}
	return left.err()
}

// one is the only result of a task.
func one[T any](results iter.Seq2[T, error]) (result T, err error) {
	for result, err = range results {
		return result, err
	}
	return result, err
}
