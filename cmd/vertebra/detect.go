package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newDetect(s *settings) *cobra.Command {
	d := &detect{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "detect MODEL IMAGE",
		Short: "Find objects in a picture",
		Long: `Finds objects in a picture and prints their boxes in its pixels, the best first. If
boxes of one class overlap by more than --iou, only the best stays. The output is the
picture with the boxes.

` + aboutONNX,
		Example: `  vertebra detect vit_b_16_det street.jpg --weights det.safetensors -o boxes.png
  vertebra detect vit_b_16_det street.jpg --weights det.pth --labels coco.txt --threshold 0.3 --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return d.run(c, args[0], args[1]) },
	}
	d.file.flags(c)
	d.weightsFlags(c, ofTask(zoo.Detect))
	d.sizeFlag(c)
	d.labelsFlag(c, "")
	f := c.Flags()
	f.StringVarP(&d.path, "output", "o", "", "picture to write, .png")
	f.Float64Var(&d.filter.Score, "threshold", 0.5, "least score of an object, between 0 and 1")
	f.Float64Var(&d.filter.IoU, "iou", 0.5, "overlap over which only the best box stays, between 0 and 1")
	d.jsonFlag(c)
	c.MarkFlagFilename("output", "png")
	return c
}

type detect struct {
	modelFlags
	path   string
	filter vision.DetectionFilter
}

// detected is the JSON output for a picture.
type detected struct {
	File    string   `json:"file"`
	Width   int      `json:"width"`
	Height  int      `json:"height"`
	Objects []object `json:"objects"`
}

type object struct {
	Box   [4]float32 `json:"box"` // left, top, right, bottom in pixels of the picture
	Class int        `json:"class"`
	Name  string     `json:"name,omitempty"`
	Score float32    `json:"score"`
}

func (d *detect) run(c *cobra.Command, name, in string) error {
	if d.path != "" {
		if err := checkPNG(d.path); err != nil {
			return err
		}
	}
	if !(d.filter.Score > 0 && d.filter.Score < 1) {
		return fmt.Errorf("--threshold %v, want a score between 0 and 1", d.filter.Score)
	}
	if !(d.filter.IoU > 0 && d.filter.IoU < 1) {
		return fmt.Errorf("--iou %v, want an overlap between 0 and 1", d.filter.IoU)
	}
	m, err := d.open(c, name, zoo.Detect)
	if err != nil {
		return err
	}
	defer m.Close()
	r, err := one(m.Detect(c.Context(), d.filter, input(c, in)))
	if err != nil {
		return err
	}
	if d.path != "" {
		if err := d.savePNG(d.path, r.Draw()); err != nil {
			return err
		}
	}
	found := detected{r.Name, r.Picture.Width, r.Picture.Height, []object{}}
	for _, o := range r.Found {
		found.Objects = append(found.Objects, object{o.Box, o.Class, o.ClassName, o.Score})
	}
	if d.json {
		return printJSON(d.out, found)
	}
	if !d.quiet {
		fmt.Fprintf(d.out, "device: %v\n%s: %d objects\n", m.Device(), files.Quote(in), len(found.Objects))
	}
	for _, o := range r.Found {
		fmt.Fprintf(d.out, "%6.3f  %s  %.1f,%.1f – %.1f,%.1f\n", o.Score, files.Quote(o.Title()), o.Box[0], o.Box[1], o.Box[2], o.Box[3])
	}
	return nil
}
