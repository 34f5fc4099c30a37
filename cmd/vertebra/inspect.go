package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

func newInspect(s *settings) *cobra.Command {
	var asJSON bool
	var key, model string
	var dim []string
	bound := &modelFlags{settings: s}
	c := &cobra.Command{
		Use:   "inspect FILE",
		Short: "List the tensors of a checkpoint, or the operators of an ONNX file",
		Long: `Lists the tensors of a checkpoint without reading their numbers. Also lists the models
that fit by names and shapes or, if none fits, the differences from the nearest model.
FILE is a safetensors or PyTorch file, the .index.json of a checkpoint in several
files, or a folder from Hugging Face. Nothing in a PyTorch file is executed.

Of an ONNX file it lists the operators, the inputs and outputs, and the nodes that are not
supported. If --dim, --size and --batch give all free dimensions, it also counts the
multiply-adds.

Training code may put a prefix before a network's names, such as _orig_mod., module.
or model. Names are compared without it. If a file holds several networks, --key
chooses one.`,
		Example: `  vertebra inspect resnet50-11ad3fa6.pth
  vertebra inspect weights.safetensors --model espcn_x2
  vertebra inspect sam-vit-base/
  vertebra inspect model.onnx --dim batch=1 --dim height=480 --dim width=640
  vertebra inspect checkpoint.pth --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if isONNX(args[0]) {
				r, err := inspectONNX(args[0], dim, bound)
				switch {
				case err != nil:
					return err
				case asJSON:
					return printJSON(c.OutOrStdout(), r)
				}
				return r.print(c.OutOrStdout())
			}
			for _, name := range []string{"dim", "size", "batch"} {
				if c.Flags().Changed(name) {
					return fmt.Errorf("--%s is for an ONNX file", name)
				}
			}
			src, err := weights.Open(args[0])
			if err != nil {
				return err
			}
			r, err := inspect(src, key, model)
			if err = errors.Join(err, src.Close()); err != nil {
				return err
			}
			if model == "" && len(r.Fits)+len(r.Heads)+len(r.Networks) == 0 && len(r.Tensors) <= zoo.MostTensors {
				if m, err := zoo.Identify(args[0], key); err == nil {
					r.Family, r.Nearest = m.Name, nil
				}
			}
			if r.File = args[0]; asJSON {
				return printJSON(c.OutOrStdout(), r)
			}
			return r.print(c.OutOrStdout(), s.quiet)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	keyFlag(c, &key)
	dimFlag(c, &dim)
	c.Flags().StringVar(&bound.size, "size", "", "height and width of the pictures that an ONNX file takes, such as 512x384")
	c.Flags().IntVar(&bound.batch, "batch", 0, "pictures at once that an ONNX file takes")
	c.Flags().StringVar(&model, "model", "", "compare only with this model")
	modelFlag(c, ofAny)
	return c
}

// inspection says what a checkpoint holds and which models it fits.
type inspection struct {
	File     string            `json:"file"`
	Format   string            `json:"format"`
	Files    []string          `json:"files,omitempty"`    // of an index
	Key      string            `json:"key,omitempty"`      // where in the file the tensors are
	Beside   []string          `json:"beside,omitempty"`   // other keys with tensors
	Networks []weights.Group   `json:"networks,omitempty"` // if there are several
	Prefix   string            `json:"prefix,omitempty"`   // of the names of the network that fits
	Metadata map[string]string `json:"metadata,omitempty"`
	Tensors  []inspectedTensor `json:"tensors"`
	Elements int64             `json:"elements"`
	Bytes    int64             `json:"bytes"`
	Fits     []string          `json:"fits"`
	Heads    []inspectedHead   `json:"fits_with_classes,omitempty"`
	Family   string            `json:"family,omitempty"`  // that has networks of this size
	NoHead   bool              `json:"no_head,omitempty"` // it fits without a head
	Nearest  *inspectedModel   `json:"nearest,omitempty"` // if it fits none
}

type inspectedTensor struct {
	Name  string `json:"name"`
	Type  string `json:"dtype"`
	Shape []int  `json:"shape"`
	Bytes int64  `json:"bytes"`
}

// inspectedHead is a model that fits with another number of classes.
type inspectedHead struct {
	Model   string `json:"model"`
	Classes int    `json:"classes"`
}

type inspectedModel struct {
	Name      string   `json:"model"`
	Matched   int      `json:"matched"`
	Missing   []string `json:"missing"`
	Misshapen []string `json:"misshapen"`
	Unused    []string `json:"unused"`
}

// inspect describes a checkpoint, or the part of it under key, and compares it with one
// model or with all.
func inspect(src weights.Checkpoint, key, model string) (*inspection, error) {
	r := &inspection{Tensors: []inspectedTensor{}, Fits: []string{}}
	switch src := src.(type) {
	case *weights.Safetensors:
		r.Format, r.Metadata = "safetensors", src.Metadata
	case *weights.PyTorch:
		r.Format, r.Key, r.Beside = "PyTorch, "+src.Format, src.Key, src.Beside
	case *weights.Shards:
		r.Format, r.Files = "index", src.Files
	}
	candidates := zoo.Models()
	if model != "" {
		e, err := lookup(model)
		if err != nil {
			return nil, err
		}
		candidates = []zoo.Model{e}
	}
	var chosen weights.Source = src
	if key != "" {
		var err error
		if chosen, _, err = weights.Unwrap(src, key, func(weights.Source) bool { return true }); err != nil {
			return nil, withKey(err)
		}
		r.Key, r.Beside = key, nil
	}
	for _, name := range chosen.Names() {
		e, _ := weights.Describe(chosen, name)
		r.Tensors = append(r.Tensors, inspectedTensor{name, e.DType, append([]int{}, e.Shape...), e.Bytes})
		r.Elements += int64(e.Shape.Len())
		r.Bytes += e.Bytes
	}
	part, prefix, err := weights.Unwrap(chosen, "", func(part weights.Source) bool {
		r.compare(part, candidates, model != "")
		return r.Nearest == nil && len(r.Fits)+len(r.Heads) > 0
	})
	var several *weights.ChoiceError
	switch {
	case errors.As(err, &several):
		r.Networks, part = several.Groups, chosen
	case err != nil:
		return nil, err
	}
	r.Prefix = prefix
	r.compare(part, candidates, model != "")
	return r, nil
}

// compare compares src with models. With always, it lists the differences from the last
// model even if no name agrees.
func (r *inspection) compare(src weights.Source, candidates []zoo.Model, always bool) {
	r.Fits, r.Heads, r.Nearest, r.NoHead = []string{}, nil, nil, false
	var best float64
	for _, e := range candidates {
		if !always && !e.MayFit(len(src.Names())) {
			continue
		}
		m := e.NewFor(src)
		fit := weights.Compare(m, src)
		if fit.Err() == nil {
			r.Fits = append(r.Fits, e.Name)
			r.NoHead = r.NoHead || models.Headless(m)
			continue
		}
		if len(fit.Misshapen) > 0 && len(fit.Missing)+len(fit.Unused) == 0 {
			n, other := zoo.ClassesIn(e, src), e.NewFor(src)
			if n > 0 && zoo.SetClasses(e, other, n) == nil && weights.Compare(other, src).Err() == nil {
				r.Heads = append(r.Heads, inspectedHead{e.Name, n})
			}
		}
		// The share of names in file and model that agree.
		all := fit.Matched + len(fit.Missing) + len(fit.Misshapen) + len(fit.Unused)
		if share := float64(fit.Matched) / float64(all); share > best || always {
			best = share
			r.Nearest = &inspectedModel{e.Name, fit.Matched, fit.Missing, fit.Misshapen, fit.Unused}
		}
	}
	if len(r.Fits)+len(r.Heads) > 0 {
		r.Nearest = nil
	}
}

func (r *inspection) print(out io.Writer, quiet bool) error {
	lines := bufio.NewWriter(out)
	w := tabwriter.NewWriter(lines, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\ttype\tshape\tbytes")
	for _, t := range r.Tensors {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", files.Quote(t.Name), files.Quote(t.Type), dims(t.Shape), t.Bytes)
	}
	if err := errors.Join(w.Flush(), lines.Flush()); err != nil || quiet {
		return err
	}
	for _, g := range r.Networks {
		fmt.Fprintf(out, "\nnetwork with --key %s: %d tensors", files.Quote(g.Key), g.Tensors)
	}
	fmt.Fprintf(out, "\n%s\n%d tensors, %d elements, %s\n", files.Escape(r.place()), len(r.Tensors), r.Elements, bytesText(r.Bytes))
	for _, h := range r.Heads {
		fmt.Fprintf(out, "fits %s with --classes %d\n", h.Model, h.Classes)
	}
	switch n := r.Nearest; {
	case r.Family != "":
		fmt.Fprintf(out, "fits %s, in a size of its own: give the path in place of a model's name\n", r.Family)
	case r.NoHead:
		fmt.Fprintf(out, "fits %s, for features: it has no head\n", strings.Join(r.Fits, ", "))
	case len(r.Fits) > 0:
		fmt.Fprintf(out, "fits %s\n", strings.Join(r.Fits, ", "))
	case len(r.Heads) > 0:
	case n == nil:
		fmt.Fprintln(out, "fits no model, and shares no tensor with one")
	default:
		fmt.Fprintf(out, "does not fit %s: %d tensors agree, %d are missing, %d have another shape, %d are unused\n",
			n.Name, n.Matched, len(n.Missing), len(n.Misshapen), len(n.Unused))
		for _, list := range []struct {
			what  string
			names []string
		}{{"missing", n.Missing}, {"shape", n.Misshapen}, {"unused", n.Unused}} {
			for i, name := range list.names {
				if i == 12 {
					fmt.Fprintf(out, "  %s: and %d more\n", list.what, len(list.names)-i)
					break
				}
				fmt.Fprintf(out, "  %s: %s\n", list.what, files.Quote(name))
			}
		}
	}
	return nil
}

// place returns the kind of the file and the place of the tensors in it.
func (r *inspection) place() string {
	s := r.Format + " file"
	if len(r.Files) > 0 {
		s = fmt.Sprintf("index of %d files: %s", len(r.Files), strings.Join(r.Files, ", "))
	}
	if r.Key != "" {
		s += ", tensors under " + r.Key
	}
	if len(r.Beside) > 0 {
		s += "; more under " + strings.Join(r.Beside, ", ")
	}
	if r.Prefix != "" {
		s += ", a network under " + r.Prefix
	}
	return s
}

// dims writes a shape as 64x3x7x7.
func dims(shape []int) string {
	if len(shape) == 0 {
		return "scalar"
	}
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", "x")
}
