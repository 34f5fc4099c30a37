package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newSAM(s *settings) *cobra.Command {
	a := &sam{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "sam IMAGE [--point X,Y[,LABEL]]... [--box X0,Y0,X1,Y1]... [--mask FILE] [--everything] -o OUT.png",
		Short: "Cut out the object at a point or in a box",
		Long: `Finds the mask of an object by Segment Anything and writes it as a PNG, in which the
object is white. Coordinates are pixels of the picture. The label of a point is 1 for
the object and 0 for the background. A single point is ambiguous, so the model finds
three masks: the best is written, and JSON has all. --mask takes a file that --logits
wrote for an earlier prompt, or a picture of the same size in which the object is
white.

Several boxes are several objects, each with a mask of its own. OUT then has the
numbers of the objects, in the order of the boxes, as a PNG with a palette, and JSON is
an array. Points and --mask go with one box at most.

--everything finds all masks of a picture and writes their numbers as a PNG with a
palette. Smaller masks are on top. For more than 255 masks, the PNG is grey with 16
bits. JSON has the masks as COCO's run lengths.

--embedding saves the encoder's result for the picture in a file. If the file exists,
the encoder does not run again, so a further prompt takes only the decoder's time.`,
		Example: `  vertebra sam photo.jpg --point 320,200 --weights sam_vit_b_01ec64.pth -o mask.png --cutout thing.png
  vertebra sam photo.jpg --box 40,60,300,220 --point 50,70,0 --weights sam_vit_b_01ec64.pth -o mask.png --embedding photo.sam
  vertebra sam photo.jpg --point 320,200 --weights sam-vit-base/ -o mask.png
  vertebra sam photo.jpg --everything --weights sam_vit_b_01ec64.pth -o all.png --overlay seen.jpg --json`,
		Args: cobra.ExactArgs(1),
		RunE: a.run,
	}
	f := c.Flags()
	f.StringVar(&a.weights, "weights", "", "checkpoint of SAM: an official .pth, safetensors, or a folder from Hugging Face")
	keyFlag(c, &a.key)
	a.pullFlag(c)
	f.StringArrayVar(&a.points, "point", nil, "point `X,Y` on the object, or X,Y,0 on the background; may be given again")
	f.StringArrayVar(&a.boxes, "box", nil, "box around an object: `LEFT,TOP,RIGHT,BOTTOM`; each of several is an object")
	f.StringVar(&a.mask, "mask", "", "mask to start from: a file that --logits wrote, or a picture")
	f.StringVarP(&a.path, "output", "o", "", "mask to write, .png")
	f.StringVar(&a.cutout, "cutout", "", "write the object with transparency around it, .png")
	f.StringVar(&a.overlay, "overlay", "", "write the picture tinted by the masks, .png, .jpg or .jpeg")
	f.StringVar(&a.logits, "logits", "", "file to write for a later --mask, .safetensors")
	f.StringVar(&a.embedding, "embedding", "", "file for the picture's embedding, written if it does not exist")
	f.BoolVar(&a.json, "json", false, "print a JSON object, or an array with --everything")
	f.BoolVar(&a.everything, "everything", false, "find all masks")
	f.IntVar(&a.all.PointsPerSide, "points-per-side", 32, "with --everything: points of the grid across and down")
	f.IntVar(&a.all.PointsPerBatch, "points-per-batch", 16, "with --everything: points at once")
	f.Float32Var(&a.all.PredictedIoU, "predicted-iou", 0.88, "with --everything: least IoU that the model predicts for a mask, -1 for any")
	f.Float32Var(&a.all.Stability, "stability", 0.95, "with --everything: least stability of a mask under changes of the threshold, -1 for any")
	f.IntVar(&a.all.CropLayers, "crop-layers", 0, "with --everything: layers of crops to search, 4 crops in the first, 16 in the second")
	f.IntVar(&a.all.MinRegionArea, "min-area", 0, "with --everything: fill holes and drop islands smaller than this, in pixels")
	c.MarkFlagRequired("output")
	c.MarkFlagFilename("weights", "pth", "pt", "safetensors")
	c.MarkFlagFilename("output", "png")
	c.MarkFlagFilename("cutout", "png")
	c.MarkFlagFilename("overlay", "png", "jpg", "jpeg")
	c.MarkFlagFilename("logits", "safetensors")
	for _, one := range []string{"point", "box", "mask", "cutout", "logits", "embedding"} {
		c.MarkFlagsMutuallyExclusive("everything", one)
	}
	return c
}

type sam struct {
	modelFlags
	mask, embedding               string
	path, cutout, overlay, logits string
	points                        []string
	boxes                         []string
	json, everything              bool
	all                           vision.SAMEverything

	encoded, decoded time.Duration
}

func (a *sam) run(c *cobra.Command, args []string) error {
	a.streams(c)
	if err := a.check(c); err != nil {
		return err
	}
	prompts, err := a.prompts()
	if err != nil {
		return err
	}
	photo, err := input(c, args[0]).Picture(c.Context(), int64(a.memory))
	if err != nil {
		return err
	}
	for _, prompt := range prompts {
		if len(prompt.Points) == 0 && prompt.Box == nil {
			continue
		}
		if err := prompt.Check(photo.Width, photo.Height); err != nil {
			return files.Named(args[0], err)
		}
	}
	o, err := a.options()
	if err != nil {
		return err
	}
	m, err := vision.OpenModel(zoo.SAM(), o)
	if err != nil {
		return a.explain(err, zoo.SAM())
	}
	defer m.Close()
	p, err := m.Predictor()
	if err != nil {
		return err
	}
	defer p.Close()
	if a.everything {
		return a.findAll(c.Context(), m.Device(), p, args[0], photo)
	}
	if a.mask != "" {
		if prompts[0].Mask, err = p.LoadMask(a.mask, photo); err != nil {
			return err
		}
	}
	start := time.Now()
	if err := a.embed(c.Context(), p, photo); err != nil {
		return err
	}
	a.encoded, start = time.Since(start), time.Now()
	var found []*vision.SAMMasks
	for _, prompt := range prompts {
		masks, err := p.Predict(c.Context(), prompt)
		if err != nil {
			return err
		}
		found = append(found, masks)
	}
	a.decoded = time.Since(start)
	return a.write(m.Device(), args[0], photo, found)
}

// everythingFlags are the flags that need --everything.
var everythingFlags = []string{"points-per-side", "points-per-batch", "predicted-iou", "stability", "crop-layers", "min-area"}

// check checks the names of output files and the ranges of numbers.
func (a *sam) check(c *cobra.Command) error {
	for _, path := range []string{a.path, a.cutout} {
		if err := checkPNG(path); path != "" && err != nil {
			return err
		}
	}
	if a.overlay != "" {
		if _, err := format(a.overlay); err != nil {
			return err
		}
	}
	if a.logits != "" && !strings.HasSuffix(strings.ToLower(a.logits), ".safetensors") {
		return fmt.Errorf("%s: want a name that ends in .safetensors", files.Quote(a.logits))
	}
	for _, flag := range everythingFlags {
		if !a.everything && c.Flags().Changed(flag) {
			return fmt.Errorf("--%s needs --everything", flag)
		}
	}
	switch e := a.all; {
	case !(e.PredictedIoU >= -1 && e.PredictedIoU <= 1):
		return fmt.Errorf("--predicted-iou %v, want 0 to 1, or -1 for any", e.PredictedIoU)
	case !(e.Stability >= -1 && e.Stability <= 1):
		return fmt.Errorf("--stability %v, want 0 to 1, or -1 for any", e.Stability)
	case e.CropLayers < 0 || e.CropLayers > 8:
		return fmt.Errorf("--crop-layers %d, want 0 to 8", e.CropLayers)
	case e.MinRegionArea < 0:
		return fmt.Errorf("--min-area %d, want 0 or more pixels", e.MinRegionArea)
	}
	if a.everything && (a.all.PointsPerSide < 1 || a.all.PointsPerSide > 1024) {
		return fmt.Errorf("--points-per-side %d, want 1 to 1024", a.all.PointsPerSide)
	}
	if a.everything && (a.all.PointsPerBatch < 1 || a.all.PointsPerBatch > 1024) {
		return fmt.Errorf("--points-per-batch %d, want 1 to 1024", a.all.PointsPerBatch)
	}
	return a.locateFor(c, zoo.PromptMasks)
}

// embed sets the picture, from the embedding's file if it exists. If it does not, embed
// runs the encoder and writes the file.
func (a *sam) embed(ctx context.Context, p *vision.SAMPredictor, photo *picture.Image) error {
	if a.embedding == "" {
		return p.SetImage(ctx, photo)
	}
	if err := p.LoadEmbedding(a.embedding, photo); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := p.SetImage(ctx, photo); err != nil {
		return err
	}
	return p.SaveEmbedding(ctx, a.embedding)
}

// findAll runs --everything.
func (a *sam) findAll(ctx context.Context, dev *vision.Device, p *vision.SAMPredictor, path string, photo *picture.Image) error {
	if a.all.PredictedIoU == 0 {
		a.all.PredictedIoU = -1
	}
	if a.all.Stability == 0 {
		a.all.Stability = -1
	}
	bar := a.bar(a.err, "prompts", 1)
	a.all.Progress = func(done, total int) {
		bar.ChangeMax(total)
		bar.Set(done)
	}
	start := time.Now()
	regions, err := p.Everything(ctx, photo, a.all)
	bar.Clear()
	if err != nil {
		return err
	}
	a.encoded = time.Since(start)
	return a.writeAll(dev, path, photo, regions)
}
