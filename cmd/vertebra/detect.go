package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/decode"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newDetect(s *settings) *cobra.Command {
	d := &detect{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "detect MODEL IMAGE",
		Short: "Find objects in a picture",
		Long: `Finds objects in a picture and prints their boxes in its pixels, the best first. If
boxes of one class overlap by more than --iou, only the best stays. The output is the
picture with the boxes, key points and masks.

Of an ONNX file --decode says what the outputs mean: ` + decoders() + `. It also
says how pictures are prepared, as the networks' authors do it. It is not needed if
model.json says so, or if names and shapes prove it and pictures are prepared as other
flags say.

` + aboutONNX,
		Example: `  vertebra detect vit_b_16_det street.jpg --weights det.safetensors -o boxes.png
  vertebra detect vit_b_16_det street.jpg --weights det.pth --labels coco.txt --threshold 0.3 --json
  vertebra detect yolov8n.onnx street.jpg --decode yolov8 -o boxes.png
  vertebra detect yunet.onnx people.jpg --decode yunet --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return d.run(c, args[0], args[1]) },
	}
	d.file.flags(c)
	d.weightsFlags(c, ofTask(zoo.Detect))
	d.sizeFlag(c)
	d.labelsFlag(c, "")
	f := c.Flags()
	f.StringVarP(&d.path, "output", "o", "", "picture to write, .png")
	f.Float64Var(&d.filter.Score, "threshold", 0.5, "least score of an object, between 0 and 1; of an ONNX file as its decoder or its model.json says if it is not given")
	f.Float64Var(&d.filter.IoU, "iou", 0.5, "overlap over which only the best box stays, between 0 and 1")
	f.StringVar(&d.filter.Decoder, "decode", "", "of an ONNX file: what its outputs mean, such as yolov8 (default: what model.json says, or what shapes prove)")
	d.jsonFlag(c)
	c.MarkFlagFilename("output", "png")
	c.RegisterFlagCompletionFunc("decode", cobra.FixedCompletions(decode.Names(), cobra.ShellCompDirectiveNoFileComp))
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

	Points [][3]float32 `json:"points,omitempty"` // key points: across, down, score
	Mask   *picture.RLE `json:"segmentation,omitempty"`
}

// told returns what is told about an object.
func told(o vision.Object) object {
	out := object{Box: o.Box, Class: o.Class, Name: o.ClassName, Score: o.Score}
	for _, p := range o.Points {
		out.Points = append(out.Points, [3]float32{p.X, p.Y, p.Score})
	}
	if mask := o.Mask(); mask != nil {
		rle := mask.RLE()
		out.Mask = &rle
	}
	return out
}

// decoders lists the decoders in lines of help.
func decoders() string {
	var b strings.Builder
	wide := 0
	for i, name := range decode.Names() {
		switch {
		case i == 0:
		case wide > 60:
			b.WriteString(",\n")
			wide = 0
		default:
			b.WriteString(", ")
		}
		b.WriteString(name)
		wide += len(name) + 2
	}
	return b.String()
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
	if d.filter.Decoder != "" {
		if err := decode.Check(d.filter.Decoder); err != nil {
			return fmt.Errorf("--%w", err)
		}
		d.file.usual = vision.DecoderInput(d.filter.Decoder)
	}
	m, err := d.open(c, name, zoo.Detect)
	if err != nil {
		return err
	}
	defer m.Close()
	if _, ok := m.Network.(*zoo.ONNX); ok {
		if !c.Flags().Changed("threshold") {
			d.filter.Score = 0
		}
		if !c.Flags().Changed("iou") {
			d.filter.IoU = 0
		}
	} else if d.filter.Decoder != "" {
		return errors.New("--decode is for an ONNX file")
	}
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
		found.Objects = append(found.Objects, told(o))
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
