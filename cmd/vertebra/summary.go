package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// parseSize reads "512x384", height and width, or one number for both.
func parseSize(text string) (h, w int, err error) {
	a, b, two := strings.Cut(strings.ToLower(strings.ReplaceAll(text, "×", "x")), "x")
	if h, err = strconv.Atoi(a); err == nil {
		if w = h; two {
			w, err = strconv.Atoi(b)
		}
	}
	if err != nil || h < 1 || w < 1 {
		return 0, 0, fmt.Errorf("--size %q, want HEIGHTxWIDTH in pixels", text)
	}
	if h > picture.MaxPixels/w {
		return 0, 0, fmt.Errorf("--size %s: over %d million pixels", text, picture.MaxPixels>>20)
	}
	return h, w, nil
}

func newSummary(s *settings) *cobra.Command {
	var size string
	var batch, classes int
	var asJSON bool
	var dim []string
	c := &cobra.Command{
		Use:   "summary MODEL",
		Short: "List a model's layers and stages with shapes and costs",
		Long: `Lists the layers of a model in the order of computation and then its stages. The
columns are the shape of the result in PyTorch's order, the parameters, the
multiply-adds (of convolutions and matrix products) and the bytes of the result in
float32. It needs neither weights nor a GPU. --quiet prints only the stages.
"vertebra models" lists the models.

Of an ONNX file it lists the ops that the file becomes, with the names of its nodes.
--size, --batch and --dim bind its free dimensions.`,
		Example: `  vertebra summary resnet50 --size 512x512
  vertebra summary unet --size 388x572 --batch 2
  vertebra summary googlenet --json
  vertebra summary yolox_nano.onnx`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: modelArgument(ofAny),
		RunE: func(c *cobra.Command, args []string) error {
			if file, ok := zoo.FindONNX(args[0]); ok {
				if classes != 0 {
					return errors.New("--classes is not for an ONNX file")
				}
				o := onnxShape{dim, size, batch, c.Flags().Changed("batch")}
				return summarizeONNX(c.OutOrStdout(), file, o, asJSON, s.quiet)
			}
			if len(dim) > 0 {
				return errors.New("--dim is for an ONNX file")
			}
			e, err := lookupFile(args[0], "")
			if err != nil {
				return err
			}
			h, w := e.Size, e.Size
			if size != "" {
				if h, w, err = parseSize(size); err != nil {
					return err
				}
			}
			if batch < 1 {
				return fmt.Errorf("--batch %d, want 1 or more", batch)
			}
			m := e.New()
			if classes != 0 {
				if err := zoo.SetClasses(e, m, classes); err != nil {
					return err
				}
			}
			sum, err := models.Summarize(m, batch, h, w, e.Channels)
			if err != nil {
				return err
			}
			if asJSON {
				return summaryJSON(c.OutOrStdout(), e.Name, "NCHW", sum)
			}
			if !s.quiet {
				fmt.Fprintf(c.OutOrStdout(), "%s: %s\ninput N×C×H×W: %s, %s\nweights: %s\n\n", e.Name, e.Paper, product(sum.Input), e.Input, e.Where())
			}
			return printSummary(c.OutOrStdout(), sum, " N×C×H×W", s.quiet)
		},
	}
	f := c.Flags()
	f.StringVar(&size, "size", "", "height and width of the input, as 512x384 or 512 (default: the model's)")
	f.IntVar(&batch, "batch", 1, "inputs at once")
	f.IntVar(&classes, "classes", 0, "number of classes of the head (default: the model's)")
	f.BoolVar(&asJSON, "json", false, "print a JSON object")
	dimFlag(c, &dim)
	return c
}

func summaryJSON(out io.Writer, name, layout string, s *models.Summary) error {
	return printJSON(out, struct {
		Model  string `json:"model"`
		Layout string `json:"layout"`
		*models.Summary
	}{name, layout, s})
}

// printSummary prints the tables. order is that of the layers' results.
func printSummary(out io.Writer, s *models.Summary, order string, quiet bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if !quiet {
		fmt.Fprintln(w, "layer\top\toutput"+order+"\tparameters\tmultiply-adds\tbytes\tstage")
		for _, l := range s.Layers {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, l.Op, product(l.Shape), thousands(l.Parameters),
				thousands(l.MultiplyAdds), thousands(l.ActivationBytes), strings.Join(l.Stages, ", "))
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(w, "stage\tblocks\toutput C×H×W\tparameters\tmultiply-adds\tbytes")
	for _, st := range s.Stages {
		blocks := ""
		if st.Blocks > 0 {
			blocks = strconv.Itoa(st.Blocks)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", st.Name, blocks, product(st.Shape[1:]), thousands(st.Parameters),
			thousands(st.MultiplyAdds), thousands(st.ActivationBytes))
	}
	fmt.Fprintf(w, "total\t\t\t%s\t%s\t%s\n", thousands(s.Parameters), thousands(s.MultiplyAdds), thousands(s.ActivationBytes))
	if err := w.Flush(); err != nil {
		return err
	}
	if s.Attention > 0 {
		fmt.Fprintf(out, "of the multiply-adds %s in projections of attention, %s in its scores and sums, %s elsewhere\n", thousands(s.Projections),
			thousands(s.Attention), thousands(s.MultiplyAdds-s.Projections-s.Attention))
	}
	if s.Unused > 0 {
		fmt.Fprintf(out, "and %s parameters of layers that inference does not use\n", thousands(s.Unused))
	}
	return nil
}

// product writes a shape as 1×64×128×128.
func product(shape []int) string {
	return strings.ReplaceAll(dims(shape), "x", "×")
}

// thousands writes a number with commas, and 0 as an empty text.
func thousands(n int64) string {
	if n == 0 {
		return ""
	}
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
