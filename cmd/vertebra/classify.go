package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"sort"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
)

func newClassify(s *settings) *cobra.Command {
	k := &classify{network: network{settings: s}}
	c := &cobra.Command{
		Use:   "classify MODEL IMAGE...",
		Short: "Say what is in pictures",
		Long: `Prints the most probable classes of pictures, prepared exactly as the model's
weights were trained. IMAGE is a PNG, JPEG, WebP, BMP, TIFF or GIF, a pattern, or a
folder, of which all pictures below it are taken. A picture that cannot be read is
left out, and named at the end.

The model "lenet" reads handwritten digits with weights of its own. A picture of
28×28 pixels is taken to be one of MNIST's; of any other size, the digit is cut out
and centred as there. Dark digits on a light ground are inverted first.`,
		Example: `  vertebra classify lenet digit.png
  vertebra classify resnet50_v2 photo.jpg --weights resnet50-11ad3fa6.pth
  vertebra classify resnet18 photos/ --weights resnet18-f37072fd.pth --batch 8 --csv
  vertebra classify resnet18 leaf.jpg --weights leaves.pth --labels leaves.txt --top 1`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return k.run(c, args[0], args[1:]) },
	}
	k.flags(c)
	k.pictureFlags(c)
	f := c.Flags()
	f.StringVar(&k.labels, "labels", "", "file of the names of the classes, one a line (default: ImageNet's for a thousand)")
	f.IntVar(&k.top, "top", 5, "how many classes to print")
	f.IntVar(&k.batch, "batch", 1, "pictures at once")
	f.BoolVar(&k.json, "json", false, "print a JSON array")
	f.BoolVar(&k.csv, "csv", false, "print comma-separated values")
	c.MarkFlagFilename("labels", "txt")
	c.MarkFlagsMutuallyExclusive("json", "csv")
	return c
}

type classify struct {
	network
	top, batch int
	json, csv  bool
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
	paths, err := pictures(args)
	if err != nil {
		return err
	}
	if err := k.load(c, name); err != nil {
		return err
	}
	if err := k.gives("classes", 2); err != nil {
		return err
	}
	dev, err := k.open()
	if err != nil {
		return err
	}
	defer dev.close()
	table := csv.NewWriter(k.out)
	all := []classified{}
	switch {
	case k.csv:
		table.Write([]string{"file", "rank", "class", "name", "probability"})
	case !k.json && !k.quiet:
		fmt.Fprintf(k.out, "device: %v\n", dev)
	}
	r := &runner{network: &k.network, dev: dev, main: true, batch: k.batch}
	err = r.each(c.Context(), paths, true, func(p *photo, outputs []*tensor.Tensor) error {
		one := classified{p.path, k.best(outputs[0].Data)}
		switch {
		case k.json:
			all = append(all, one)
		case k.csv:
			for i, b := range one.Classes {
				table.Write([]string{one.File, strconv.Itoa(i + 1), strconv.Itoa(b.Class), b.Name, strconv.FormatFloat(b.Probability, 'g', 6, 64)})
			}
			table.Flush()
		default:
			k.print(one, p)
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

func (k *classify) print(one classified, p *photo) {
	note := ""
	if k.entry.Preprocess.Digit && !k.quiet && picture.DarkOnLight(p.image.Grey()) {
		note = " (dark on light: inverted)"
	}
	fmt.Fprintf(k.out, "%s%s\n", one.File, note)
	for _, b := range one.Classes {
		text := strconv.Itoa(b.Class)
		if b.Name != "" && b.Name != text {
			text = fmt.Sprintf("%s (%d)", b.Name, b.Class)
		}
		fmt.Fprintf(k.out, "%7.2f %%  %s\n", 100*b.Probability, text)
	}
}

// best are the most probable classes: softmax of logits, or of the logarithms
// of probabilities, which gives them back.
func (k *classify) best(logits []float32) []classification {
	most := math.Inf(-1)
	for _, v := range logits {
		most = math.Max(most, float64(v))
	}
	all, sum := make([]classification, len(logits)), 0.0
	for i, v := range logits {
		e := math.Exp(float64(v) - most)
		all[i] = classification{Class: i, Probability: e}
		sum += e
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Probability > all[j].Probability })
	all = all[:min(k.top, len(all))]
	for i := range all {
		all[i].Probability /= sum
		all[i].Name = k.label(all[i].Class, len(logits))
	}
	return all
}
