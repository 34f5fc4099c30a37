package main

import (
	"fmt"
	"image"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newMatte(s *settings) *cobra.Command {
	k := &matte{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "matte MODEL.onnx IMAGE -o CUT.png",
		Short: "Cut what a picture shows out of its background",
		Long: `Separates what a picture shows from its background with an ONNX file whose output is one
number a pixel, such as U²-Net, IS-Net, MODNet or BiRefNet. The output is the picture
with the background transparent, in its own size. --background puts it onto a colour
instead, or onto the blurred picture.

--family says how pictures are prepared and what the numbers mean: as the authors of
u2net, isnet, modnet, birefnet or selfie do it. Without it a file model.json beside the
network says so, or the other flags do.`,
		Example: `  vertebra matte u2net.onnx portrait.jpg --family u2net -o cut.png
  vertebra matte modnet.onnx portrait.jpg --family modnet --background blur -o portrait.png
  vertebra matte isnet.onnx chair.jpg --family isnet --background white -o chair.png --alpha mask.png`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return k.run(c, args[0], args[1]) },
	}
	f := c.Flags()
	f.StringVarP(&k.path, "output", "o", "", "picture to write, .png")
	f.StringVar(&k.alpha, "alpha", "", "write the transparency alone as a grey picture, .png")
	f.StringVar(&k.background, "background", "", "colour behind a transparent picture, a name or #rrggbb, or blur (default: it stays transparent)")
	f.StringVar(&k.family, "family", "", "how the network's authors prepare pictures: "+strings.Join(families(), ", "))
	k.sizeFlag(c)
	k.file.flags(c)
	k.jsonFlag(c)
	c.MarkFlagRequired("output")
	c.MarkFlagFilename("output", "png")
	c.MarkFlagFilename("alpha", "png")
	c.RegisterFlagCompletionFunc("family", cobra.FixedCompletions(families(), cobra.ShellCompDirectiveNoFileComp))
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return []string{"onnx"}, cobra.ShellCompDirectiveFilterFileExt
		}
		return nil, cobra.ShellCompDirectiveDefault
	}
	return c
}

func families() []string {
	var names []string
	for _, f := range vision.MatteFamilies() {
		names = append(names, f.Name)
	}
	return names
}

type matte struct {
	modelFlags
	path, alpha, background, family string
}

// matted is the JSON output for a picture.
type matted struct {
	File   string  `json:"file"`
	Output string  `json:"output"`
	Alpha  string  `json:"alpha,omitempty"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
	Share  float64 `json:"share"` // of the picture that stays
}

func (k *matte) run(c *cobra.Command, name, in string) error {
	for _, path := range []string{k.path, k.alpha} {
		if path == "" {
			continue
		}
		if err := checkPNG(path); err != nil {
			return err
		}
	}
	ground, err := k.ground()
	if err != nil {
		return err
	}
	var o vision.MatteOptions
	if k.family != "" {
		f, err := vision.LookupMatteFamily(k.family)
		if err != nil {
			return fmt.Errorf("--family: %w", err)
		}
		k.file.usual, o = f.Input, f.Options
	}
	if _, ok := zoo.FindONNX(name); !ok {
		return fmt.Errorf("%s is no ONNX file, and matte takes no other", files.Quote(name))
	}
	m, err := k.open(c, name, zoo.Segment)
	if err != nil {
		return err
	}
	defer m.Close()
	if k.family == "" {
		if o, err = m.MatteOptions(); err != nil {
			return err
		}
	}
	r, err := one(m.Matte(c.Context(), o, input(c, in)))
	if err != nil {
		return err
	}
	if err := k.savePNG(k.path, ground(r)); err != nil {
		return err
	}
	if k.alpha != "" {
		if err := k.savePNG(k.alpha, r.Alpha.Image()); err != nil {
			return err
		}
	}
	sum := 0
	for _, a := range r.Alpha.Pix {
		sum += int(a)
	}
	told := matted{r.Name, k.path, k.alpha, r.Picture.Width, r.Picture.Height, float64(sum) / 255 / float64(len(r.Alpha.Pix))}
	switch {
	case k.json:
		return printJSON(k.out, told)
	case k.quiet:
		return nil
	}
	_, err = fmt.Fprintf(k.out, "device: %v\n%s: %d×%d from %s seen at %d×%d, %.1f %% stays\n", m.Device(), files.Quote(k.path),
		told.Width, told.Height, files.Quote(in), r.Seen[1], r.Seen[0], 100*told.Share)
	return err
}

// ground returns the function that makes the output.
func (k *matte) ground() (func(vision.Matte) image.Image, error) {
	switch k.background {
	case "":
		return func(r vision.Matte) image.Image { return r.Picture.CutOut(r.Alpha) }, nil
	case "blur":
		return func(r vision.Matte) image.Image {
			const share = 24 // of the longer side, as an open lens gives
			return r.Picture.Over(r.Picture.Blurred(max(r.Picture.Width, r.Picture.Height)/share), r.Alpha).Image()
		}, nil
	}
	paint, err := parseColor("--background", k.background)
	if err != nil {
		return nil, err
	}
	red, green, blue, _ := paint.RGBA()
	return func(r vision.Matte) image.Image {
		plain := picture.New(r.Picture.Width, r.Picture.Height, 3)
		for i := 0; i < len(plain.Pix); i += 3 {
			plain.Pix[i], plain.Pix[i+1], plain.Pix[i+2] = uint8(red>>8), uint8(green>>8), uint8(blue>>8)
		}
		return r.Picture.Over(plain, r.Alpha).Image()
	}, nil
}
