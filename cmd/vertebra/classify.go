package main

import (
	"encoding/csv"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newClassify(s *settings) *cobra.Command {
	k := &classify{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "classify MODEL IMAGE...",
		Short: "Say what is in pictures",
		Long: `Prints the most probable classes of pictures. Pictures are preprocessed as in the
training of the weights. IMAGE is a PNG, JPEG, WebP, BMP, TIFF, GIF, HEIC or AVIF, a pattern, or a
folder, which stands for all pictures below it. A picture that cannot be read is left
out, and an error at the end names it.

` + aboutONNX + `

The model "lenet" reads handwritten digits with built-in weights. It takes a picture
of 28×28 pixels as one from MNIST. From a picture of any other size, it cuts out the
digit and centres it as in MNIST. It inverts dark digits on a light ground.`,
		Example: `  vertebra classify lenet digit.png
  vertebra classify resnet50_v2 photo.jpg --weights resnet50-11ad3fa6.pth
  vertebra classify resnet18 photos/ --weights resnet18-f37072fd.pth --batch 8 --csv
  vertebra classify resnet18 leaf.jpg --weights leaves.pth --labels leaves.txt --top 1
  vertebra classify model.onnx photo.jpg --range 0,1 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return k.run(c, args[0], args[1:]) },
	}
	k.file.flags(c)
	k.weightsFlags(c, ofTask(zoo.Classify))
	k.sizeFlag(c)
	k.labelsFlag(c, " (default: ImageNet's for 1000 classes)")
	k.batchFlag(c)
	f := c.Flags()
	f.IntVar(&k.top, "top", 5, "how many classes to print")
	k.jsonFlag(c)
	f.BoolVar(&k.csv, "csv", false, "print comma-separated values")
	c.MarkFlagsMutuallyExclusive("json", "csv")
	return c
}

type classify struct {
	modelFlags
	top int
	csv bool
}

// classified is a picture with its most probable classes.
type classified struct {
	File    string           `json:"file"`
	Classes []classification `json:"classes"`
}

type classification struct {
	Class       int     `json:"class"`
	Name        string  `json:"name,omitempty"`
	Probability float64 `json:"probability"`
}

func (k *classify) run(c *cobra.Command, name string, args []string) error {
	if k.top < 1 {
		return fmt.Errorf("--top %d, want 1 or more", k.top)
	}
	if err := checkBatch(k.batch); err != nil {
		return err
	}
	found, err := findPictures(c, args)
	if err != nil {
		return err
	}
	m, err := k.open(c, name, zoo.Classify)
	if err != nil {
		return err
	}
	defer m.Close()
	table := csv.NewWriter(k.out)
	all := []classified{}
	switch {
	case k.csv:
		table.Write([]string{"file", "rank", "class", "name", "probability"})
	case !k.json && !k.quiet:
		fmt.Fprintf(k.out, "device: %v\n", m.Device())
	}
	results := m.Classify(c.Context(), found.in...)
	err = each(&k.modelFlags, found, results, func(r vision.Classification) error {
		one := classified{File: r.Name}
		for _, t := range r.Top(k.top) {
			one.Classes = append(one.Classes, classification{t.Number, t.Name, t.Probability})
		}
		switch {
		case k.json:
			all = append(all, one)
		case k.csv:
			for i, b := range one.Classes {
				table.Write([]string{files.Quote(one.File), strconv.Itoa(i + 1), strconv.Itoa(b.Class), files.Quote(b.Name), strconv.FormatFloat(b.Probability, 'g', 6, 64)})
			}
			table.Flush()
		default:
			k.print(one, r.Inverted, m.Preprocess.Digit)
		}
		return table.Error()
	})
	table.Flush()
	if k.json && (err == nil || len(all) > 0) {
		if err := printJSON(k.out, all); err != nil {
			return err
		}
	}
	return err
}

// print writes a picture's classes. It adds a note if a model for digits is not sure,
// because the picture may not show a digit.
func (k *classify) print(one classified, inverted, digit bool) {
	note := ""
	if inverted && !k.quiet {
		note = " (dark on light: inverted)"
	}
	if best := one.Classes[0].Probability; digit && best < 0.5 && !k.quiet {
		note += fmt.Sprintf(" (perhaps not a digit: the best guess has %.0f %%)", 100*best)
	}
	fmt.Fprintf(k.out, "%s%s\n", files.Quote(one.File), note)
	for _, b := range one.Classes {
		text := strconv.Itoa(b.Class)
		if b.Name != "" && b.Name != text {
			text = fmt.Sprintf("%s (%d)", files.Quote(b.Name), b.Class)
		}
		fmt.Fprintf(k.out, "%7.2f %%  %s\n", 100*b.Probability, text)
	}
}
