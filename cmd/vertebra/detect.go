package main

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"github.com/spf13/cobra"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
)

func newDetect(s *settings) *cobra.Command {
	d := &detect{network: network{settings: s}}
	c := &cobra.Command{
		Use:   "detect MODEL IMAGE",
		Short: "Find objects in a picture",
		Long: `Finds objects in a picture and prints their boxes in its pixels, best first. Of
boxes of one class that overlap by more than --iou, the best stays. The output is
the picture with the boxes drawn.`,
		Example: `  vertebra detect vit_b_16_det street.jpg --weights det.safetensors -o boxes.png
  vertebra detect vit_b_16_det street.jpg --weights det.pth --labels coco.txt --threshold 0.3 --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return d.run(c, args[0], args[1]) },
	}
	d.flags(c)
	d.pictureFlags(c)
	f := c.Flags()
	f.StringVarP(&d.path, "output", "o", "", "picture to write, .png")
	f.StringVar(&d.labels, "labels", "", "file of the names of the classes, one a line")
	f.Float64Var(&d.filter.Score, "threshold", 0.5, "least score of an object, between 0 and 1")
	f.Float64Var(&d.filter.IoU, "iou", 0.5, "overlap over which only the best box stays, between 0 and 1")
	f.BoolVar(&d.json, "json", false, "print a JSON object")
	c.MarkFlagFilename("output", "png")
	c.MarkFlagFilename("labels", "txt")
	return c
}

type detect struct {
	network
	path   string
	filter vision.DetectionFilter
	json   bool
}

// detected is what was found in a picture.
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
	e, err := lookup(name)
	if err != nil {
		return err
	}
	if _, ok := e.New().(*models.ViTDetector); !ok {
		return fmt.Errorf("%s finds no boxes; vit_b_16_det does", name)
	}
	if err := d.load(c, name); err != nil {
		return err
	}
	p := d.read(in)
	if p.err != nil {
		return p.err
	}
	dev, err := d.open()
	if err != nil {
		return err
	}
	defer dev.close()
	r := &runner{network: &d.network, dev: dev}
	defer r.close()
	outputs, err := r.run(c.Context(), []*photo{p})
	if err != nil {
		return err
	}
	found := d.objects(p, outputs[0], outputs[1])
	if d.path != "" {
		drawn := drawObjects(p.image.RGB().Image(), found.Objects)
		if err := writePNG(d.path, drawn); err != nil {
			return err
		}
	}
	if d.json {
		return printJSON(d.out, found)
	}
	if !d.quiet {
		fmt.Fprintf(d.out, "device: %v\n%s: %d objects\n", dev, in, len(found.Objects))
	}
	for _, o := range found.Objects {
		fmt.Fprintf(d.out, "%6.3f  %s  %.1f,%.1f – %.1f,%.1f\n", o.Score, o.title(), o.Box[0], o.Box[1], o.Box[2], o.Box[3])
	}
	return nil
}

// objects are the detections in pixels of the picture, cut at its borders.
func (d *detect) objects(p *photo, logits, boxes *tensor.Tensor) detected {
	found := detected{p.path, p.image.Width, p.image.Height, []object{}}
	limit := [4]float32{float32(found.Width), float32(found.Height), float32(found.Width), float32(found.Height)}
	back := p.at.Inverse()
	size := [2]int{p.input.Shape[1], p.input.Shape[2]}
	for _, o := range vision.Detections(logits, boxes, 0, d.model.(*models.ViTDetector).Backbone.Patch, size, d.filter) {
		box := back.Box(o.Box)
		for i, v := range box {
			box[i] = max(0, min(v, limit[i]))
		}
		if box[0] < box[2] && box[1] < box[3] {
			found.Objects = append(found.Objects, object{box, o.Class, d.label(o.Class, logits.Shape[2]), o.Score})
		}
	}
	return found
}

// title is the class's name, or its number.
func (o object) title() string {
	if o.Name != "" {
		return o.Name
	}
	return fmt.Sprintf("class %d", o.Class)
}

// palette colours windows and classes.
var palette = []color.NRGBA{
	{230, 60, 50, 255}, {50, 130, 230, 255}, {40, 170, 80, 255}, {240, 170, 30, 255},
	{150, 80, 200, 255}, {20, 180, 180, 255}, {230, 100, 170, 255}, {130, 120, 60, 255},
}

// drawObjects draws boxes with their classes and scores, the best on top.
func drawObjects(m image.Image, objects []object) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, m.Bounds().Dx(), m.Bounds().Dy()))
	draw.Draw(out, out.Bounds(), m, m.Bounds().Min, draw.Src)
	thick := max(1, max(out.Rect.Dx(), out.Rect.Dy())/300)
	for i := len(objects) - 1; i >= 0; i-- {
		o := objects[i]
		paint := image.NewUniform(palette[o.Class%len(palette)])
		box := image.Rect(int(o.Box[0]), int(o.Box[1]), int(o.Box[2]), int(o.Box[3]))
		frame(out, box, thick, paint)
		text := fmt.Sprintf("%s %.2f", o.title(), o.Score)
		at := image.Rect(box.Min.X, box.Min.Y-14, box.Min.X+7*len(text)+4, box.Min.Y)
		if at.Min.Y < 0 {
			at = at.Add(image.Pt(0, -at.Min.Y))
		}
		draw.Draw(out, at, paint, image.Point{}, draw.Src)
		f := font.Drawer{Dst: out, Src: image.White, Face: basicfont.Face7x13, Dot: fixed.P(at.Min.X+2, at.Max.Y-3)}
		f.DrawString(text)
	}
	return out
}

// frame draws the border of a box, thick pixels inside it.
func frame(out draw.Image, box image.Rectangle, thick int, paint image.Image) {
	for _, side := range []image.Rectangle{
		{box.Min, image.Pt(box.Max.X, box.Min.Y+thick)},
		{image.Pt(box.Min.X, box.Max.Y-thick), box.Max},
		{box.Min, image.Pt(box.Min.X+thick, box.Max.Y)},
		{image.Pt(box.Max.X-thick, box.Min.Y), box.Max},
	} {
		draw.Draw(out, side, paint, image.Point{}, draw.Over)
	}
}
