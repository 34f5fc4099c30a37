package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
)

func newSegment(s *settings) *cobra.Command {
	g := &segment{network: network{settings: s}}
	c := &cobra.Command{
		Use:   "segment MODEL IMAGE -o MASK.png",
		Short: "Find which pixels of a picture are what",
		Long: `Writes the class of each pixel of a picture, of the size of the picture, as a PNG
with a palette: the samples are the numbers of the classes, 0 is the background.
With one class, pixels over the threshold are 1. What the model does not see, as the
border of unet_valid, is background. The overlay is the picture tinted where there
is a class.`,
		Example: `  vertebra segment unet car.jpg --weights unet_carvana_scale0.5_epoch2.pth -o mask.png
  vertebra segment unetpp cells.png --weights cells.pth -o mask.png --overlay seen.jpg
  vertebra segment unetpp_deepsup cells.png --weights cells.pth --depth 2 -o mask.png`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return g.run(c, args[0], args[1]) },
	}
	g.flags(c)
	g.pictureFlags(c)
	f := c.Flags()
	f.StringVarP(&g.path, "output", "o", "", "mask to write, .png")
	f.StringVar(&g.overlay, "overlay", "", "overlay to write, .png, .jpg or .jpeg")
	f.StringVar(&g.labels, "labels", "", "file of the names of the classes, one a line")
	f.Float32Var(&g.threshold, "threshold", 0.5, "with one class: probability over which a pixel is of it")
	f.IntVar(&g.depth, "depth", 0, "of U-Net++ with deep supervision: cut it at this depth, 1 to 4")
	f.BoolVar(&g.json, "json", false, "print a JSON object")
	c.MarkFlagRequired("output")
	c.MarkFlagFilename("output", "png")
	c.MarkFlagFilename("overlay", "png", "jpg", "jpeg")
	c.MarkFlagFilename("labels", "txt")
	return c
}

type segment struct {
	network
	path, overlay string
	threshold     float32
	depth         int
	json          bool
}

// segmented is what was found in a picture.
type segmented struct {
	File    string          `json:"file"`
	Mask    string          `json:"mask"`
	Overlay string          `json:"overlay,omitempty"`
	Width   int             `json:"width"`
	Height  int             `json:"height"`
	Classes []segmentedArea `json:"classes"`
}

type segmentedArea struct {
	Class  int     `json:"class"`
	Name   string  `json:"name,omitempty"`
	Pixels int     `json:"pixels"`
	Share  float64 `json:"share"`
}

func (g *segment) run(c *cobra.Command, name, in string) error {
	if err := checkPNG(g.path); err != nil {
		return err
	}
	if g.overlay != "" {
		if _, err := format(g.overlay); err != nil {
			return err
		}
	}
	if !(g.threshold > 0 && g.threshold < 1) {
		return fmt.Errorf("--threshold %v, want a probability between 0 and 1", g.threshold)
	}
	if err := g.load(c, name); err != nil {
		return err
	}
	if g.depth != 0 {
		m, ok := g.model.(*models.UNetPP)
		if !ok || m.Final != nil || g.depth < 1 || g.depth > 4 {
			return fmt.Errorf("--depth %d of %s, want 1 to 4 of a U-Net++ with deep supervision", g.depth, name)
		}
		m.Depth = g.depth
	}
	p := g.read(in)
	if p.err != nil {
		return p.err
	}
	graph, err := models.TraceForward(g.model, p.input.Shape...)
	if err != nil {
		return err
	}
	segmenter, err := vision.NewSegmenter(graph)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	segmenter.Threshold = g.threshold
	dev, err := g.open()
	if err != nil {
		return err
	}
	defer dev.close()
	r := &runner{network: &g.network, dev: dev, main: true}
	defer r.close()
	outputs, err := r.run(c.Context(), []*photo{p})
	if err != nil {
		return err
	}
	return g.write(p, dev, segmenter, outputs[0])
}

// write makes the files and prints what is in them.
func (g *segment) write(p *photo, dev *machine, segmenter vision.Segmenter, scores *tensor.Tensor) error {
	size := [2]int{p.input.Shape[1], p.input.Shape[2]}
	found := segmenter.Apply(scores, size, p.at, p.image.Width, p.image.Height)
	if err := writePNG(g.path, found.Image()); err != nil {
		return err
	}
	if g.overlay != "" {
		if err := picture.Save(g.overlay, found.Overlay(p.image)); err != nil {
			return plain(g.overlay, err)
		}
	}
	r := segmented{p.path, g.path, g.overlay, found.Width, found.Height, nil}
	for class, pixels := range found.Area() {
		share := float64(pixels) / float64(len(found.Class))
		r.Classes = append(r.Classes, segmentedArea{class, g.label(class, found.Count), pixels, share})
	}
	if g.json {
		return printJSON(g.out, r)
	}
	if g.quiet {
		return nil
	}
	fmt.Fprintf(g.out, "device: %v\n%s: %d×%d from %s seen at %d×%d\n", dev, g.path, found.Width, found.Height, p.path, size[1], size[0])
	for _, a := range r.Classes {
		if a.Pixels > 0 {
			fmt.Fprintf(g.out, "%7.2f %%  class %d %s\n", 100*a.Share, a.Class, a.Name)
		}
	}
	return nil
}
