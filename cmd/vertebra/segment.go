package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newSegment(s *settings) *cobra.Command {
	g := &segment{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "segment MODEL IMAGE -o MASK.png",
		Short: "Find the class of each pixel of a picture",
		Long: `Writes the class of each pixel of a picture as a PNG with a palette, at the size of
the picture. The samples are the numbers of the classes, and 0 is the background. With
one class, pixels over the threshold are 1. Pixels outside the model's result are
background, such as the border with unet_valid. The overlay is the picture tinted by
the classes, with a legend of the colours.

` + aboutONNX,
		Example: `  vertebra segment unet car.jpg --weights unet_carvana_scale0.5_epoch2.pth -o mask.png
  vertebra segment unetpp cells.png --weights cells.pth -o mask.png --overlay seen.jpg
  vertebra segment model.onnx street.jpg --range 0,1 --size 512x1024 -o mask.png
  vertebra segment unetpp_deepsup cells.png --weights cells.pth --depth 2 -o mask.png`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return g.run(c, args[0], args[1]) },
	}
	g.file.flags(c)
	g.weightsFlags(c, ofTask(zoo.Segment))
	g.sizeFlag(c)
	g.labelsFlag(c, "")
	f := c.Flags()
	f.StringVarP(&g.path, "output", "o", "", "mask to write, .png")
	f.StringVar(&g.overlay, "overlay", "", "write the picture tinted by the classes, .png, .jpg or .jpeg")
	f.Float32Var(&g.threshold, "threshold", 0.5, "with one class: least score of its pixels, a probability")
	f.IntVar(&g.depth, "depth", 0, "for U-Net++ with deep supervision: cut the network at this depth, 1 to 4")
	g.jsonFlag(c)
	c.MarkFlagRequired("output")
	c.MarkFlagFilename("output", "png")
	c.MarkFlagFilename("overlay", "png", "jpg", "jpeg")
	return c
}

type segment struct {
	modelFlags
	path, overlay string
	threshold     float32
	depth         int
}

// segmented is the JSON output for a picture.
type segmented struct {
	File    string          `json:"file"`
	Output  string          `json:"output"`
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
	if g.depth != 0 {
		g.configure = g.cut
	}
	m, err := g.open(c, name, zoo.Segment)
	if err != nil {
		return err
	}
	defer m.Close()
	found, err := one(m.Segment(c.Context(), vision.SegmentOptions{Threshold: g.threshold}, input(c, in)))
	if err != nil {
		return err
	}
	return g.write(m.Device(), found)
}

// cut sets the depth of a U-Net++.
func (g *segment) cut(n models.Network) error {
	m, ok := n.(*models.UNetPP)
	if !ok || m.Final != nil || g.depth < 1 || g.depth > 4 {
		return fmt.Errorf("--depth %d, want 1 to 4, and a U-Net++ with deep supervision", g.depth)
	}
	m.Depth = g.depth
	return nil
}

// write writes the files and prints a summary.
func (g *segment) write(dev *vision.Device, found vision.Segmentation) error {
	if err := g.savePNG(g.path, found.Image()); err != nil {
		return err
	}
	if g.overlay != "" {
		if err := g.saveOverlay(g.overlay, picture.From(found.Draw())); err != nil {
			return err
		}
	}
	r := segmented{found.Name, g.path, g.overlay, found.Width, found.Height, nil}
	for _, a := range found.Areas() {
		r.Classes = append(r.Classes, segmentedArea{a.Number, a.Name, a.Pixels, a.Share})
	}
	if g.json {
		return printJSON(g.out, r)
	}
	if g.quiet {
		return nil
	}
	fmt.Fprintf(g.out, "device: %v\n%s: %d×%d from %s seen at %d×%d\n", dev, files.Quote(g.path), found.Width, found.Height, files.Quote(found.Name), found.Seen[1], found.Seen[0])
	for _, a := range r.Classes {
		if a.Pixels > 0 {
			fmt.Fprintf(g.out, "%7.2f %%  class %d %s\n", 100*a.Share, a.Class, files.Quote(a.Name))
		}
	}
	return nil
}
