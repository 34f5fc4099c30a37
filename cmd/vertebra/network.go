package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// network is a model with weights, as commands on models ask for it by flags.
type network struct {
	*settings
	weights string
	classes int
	labels  string
	size    string

	entry zoo.Model
	model models.Network
	names []string // of the classes; nil if they are not known

	out, err io.Writer
}

// flags adds the flags that say which weights.
func (n *network) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&n.weights, "weights", "", "checkpoint: PyTorch, safetensors, or a folder of Hugging Face's (default: the built-in weights, where there are some)")
	f.IntVar(&n.classes, "classes", 0, "classes that the checkpoint's head has, if not as many as the model's")
	c.MarkFlagFilename("weights", "pth", "pt", "th", "safetensors")
}

// pictureFlags adds the flags that say how pictures come in.
func (n *network) pictureFlags(c *cobra.Command) {
	c.Flags().StringVar(&n.size, "size", "", "resize pictures to this height and width, as 512x384 (default: as in training)")
}

// load makes the model called name, with its weights.
func (n *network) load(c *cobra.Command, name string) (err error) {
	n.out, n.err = c.OutOrStdout(), c.ErrOrStderr()
	if n.entry, err = lookup(name); err != nil {
		return err
	}
	if n.weights != "" {
		if n.entry.Preprocess, err = zoo.PreprocessAt(n.weights, n.entry); err != nil {
			return err
		}
	}
	if n.size != "" {
		h, w, err := parseSize(n.size)
		if err != nil {
			return err
		}
		p := &n.entry.Preprocess
		p.Short, p.Long, p.Size, p.Crop, p.Pad = 0, 0, [2]int{h, w}, [2]int{}, [2]int{}
	}
	classes := n.classes
	if n.labels != "" {
		if n.names, err = readLabels(n.labels); err != nil {
			return err
		}
		if classes != 0 && classes != len(n.names) {
			return fmt.Errorf("--classes %d, but %s names %d", classes, n.labels, len(n.names))
		}
		classes = len(n.names)
	} else if n.entry.Labels != nil {
		n.names = n.entry.Labels()
	}
	n.model = n.entry.New()
	if classes != 0 || n.classes < 0 {
		if err := zoo.SetClasses(n.entry, n.model, classes); err != nil {
			return err
		}
	}
	return n.bind()
}

// bind takes the weights from the file, or those that are built in.
func (n *network) bind() error {
	if n.weights == "" {
		if n.entry.Weights == nil {
			return fmt.Errorf("%w; give --weights FILE", n.entry.Missing())
		}
		src, err := n.entry.Weights()
		if err != nil {
			return err
		}
		return n.fill(src, "the built-in weights")
	}
	src, err := weights.Open(n.weights)
	if err != nil {
		return err
	}
	defer src.Close()
	return n.fill(src, n.weights)
}

// fill binds the model to src, called name in errors.
func (n *network) fill(src weights.Source, name string) error {
	err := weights.Bind(n.model, src)
	if err == nil {
		return nil
	}
	if have := zoo.ClassesIn(n.entry, src); have > 0 {
		other := n.entry.New()
		if zoo.SetClasses(n.entry, other, have) == nil && weights.Compare(other, src).Err() == nil {
			return fmt.Errorf("%s: the head has %d classes: give --classes %d, or --labels with as many names", name, have, have)
		}
	}
	if fit := weights.Compare(n.model, src); fit.Matched < len(fit.Missing)+len(fit.Misshapen) {
		return fmt.Errorf("%s is not of %s: %d tensors agree, %d are missing, %d have another shape; see vertebra inspect",
			name, n.entry.Name, fit.Matched, len(fit.Missing), len(fit.Misshapen))
	}
	return fmt.Errorf("%s: %w", name, err)
}

// compile makes the model ready for an input [B, H, W, C], with the stages of
// these names as further outputs; main leaves out all results but the main one.
func (n *network) compile(dev *machine, main bool, layers []string, shape ...int) (*program, error) {
	trace := models.Trace
	if main {
		trace = models.TraceForward
	}
	g, err := trace(n.model, shape...)
	if err != nil {
		return nil, err
	}
	if len(layers) > 0 {
		if err := g.Keep(layers...); err != nil {
			var have []string
			for _, s := range g.Stages {
				have = append(have, s.Name)
			}
			return nil, fmt.Errorf("%w; there are %s", err, strings.Join(have, ", "))
		}
	}
	return dev.compile(g, gpu.Choice{})
}
