package main

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newUpscale(s *settings) *cobra.Command {
	u := &upscale{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "upscale IN -o OUT",
		Short: "Enlarge a picture, a folder of pictures, or a video",
		Long: `Enlarges a picture with ESPCN (arXiv:1609.05158). The network enlarges the luminance;
colour and transparency are bicubic. --model chooses another network: the compact ones of
Real-ESRGAN also remove noise and the traces of JPEG, and take a hundred times as long.

IN is a PNG, JPEG, WebP, BMP, TIFF, GIF, HEIC or AVIF of up to 200 megapixels. It is turned upright
if its EXIF data says how. OUT is a PNG or JPEG, by its extension, with the colour
profile and the resolution of IN. Large pictures go through the network in overlapping
tiles, with the same result.

A PNG is as transparent as IN, and a JPEG is written onto white. --background names
another colour, for both.

If IN is a folder, OUT is one, too, and gets a PNG for each picture below IN.

--video reads a video and writes another, with the same sound, frame rate, shape of pixels
and colours, of 8 bits. It runs the ffmpeg that is installed, once to decode and once to
encode, and prints both lines. HDR videos (PQ and HLG) have to become SDR first. With
--frames, the frames of a video come and go by files or pipes, for a line of your own:
PPMs, PNGs, or raw RGB, a byte for each sample.

--weights names a FILE, whose shapes give the scale: an ESPCN with conv1, conv2 and conv3
for luminance or RGB, or a compact network of Real-ESRGAN. It may also be an ONNX file of
any network that enlarges pictures an integer number of times; --range says which numbers
its samples are.`,
		Example: `  vertebra upscale photo.jpg -o large.png
  vertebra upscale --scale 2 photo.webp -o large.jpg
  vertebra upscale logo.png --background '#202040' -o large.jpg
  vertebra upscale --model realesr_general_x4v3 --pull photo.jpg -o large.png
  vertebra upscale holiday/ -o larger/
  vertebra upscale --video old.mp4 -o large.mp4 --scale 2
  vertebra upscale --weights mine.safetensors --activation relu photo.png -o large.png
  vertebra upscale --weights sr_x4.onnx --range 0,1 photo.png -o large.png`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return u.run(c, args[0]) },
	}
	f := c.Flags()
	f.StringVarP(&u.path, "output", "o", "", "file to write, .png, .jpg or .jpeg")
	f.StringVar(&u.model, "model", "", "model that enlarges, such as realesr_general_x4v3 (default: ESPCN, or the model of --weights)")
	f.IntVar(&u.scale, "scale", 0, "how many times to enlarge: 2, 3 or 4 (default: 3, or the scale of the model)")
	f.StringVar(&u.weights, "weights", "", "checkpoint, PyTorch or safetensors, or an ONNX file (default: the built-in weights)")
	keyFlag(c, &u.key)
	u.pullFlag(c)
	u.file.flags(c)
	u.sizeFlag(c)
	f.IntVar(&u.tile, "tile", 0, "most pixels of a tile's side; small tiles need less memory (default: what suits the model)")
	f.StringVar(&u.act, "activation", "tanh", "with --weights: activation after the first two convolutions, tanh or relu")
	f.StringVar(&u.last, "last", "sigmoid", "with --weights: activation after the last step, sigmoid, tanh or none")
	f.StringVar(&u.background, "background", "", "colour behind a transparent picture, a name or #rrggbb (default: white for a JPEG)")
	f.BoolVar(&u.video, "video", false, "IN and OUT are videos, which ffmpeg reads and writes")
	f.StringVar(&u.frames, "frames", "", "IN and OUT are frames of a video, one after the other: ppm, png, or raw ones of HEIGHTxWIDTH pixels in RGB")
	u.jsonFlag(c)
	for _, one := range []string{"frames", "background"} {
		c.MarkFlagsMutuallyExclusive("video", one)
	}
	c.MarkFlagRequired("output")
	modelFlag(c, func(m zoo.Model) bool { return m.Task == zoo.SuperResolve })
	c.MarkFlagFilename("weights", "pth", "pt", "th", "safetensors", "onnx")
	c.MarkFlagFilename("output", "png", "jpg", "jpeg")
	return c
}

// upscale is one enlargement.
type upscale struct {
	modelFlags
	path, model, act, last, background, frames string
	scale, tile                                int
	video                                      bool

	start time.Time
	setup time.Duration // until the network could run
}

// format returns the format for a file's extension.
func format(path string) (string, error) {
	if path == standard {
		return "png", nil
	}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".png":
		return "png", nil
	case ".jpg", ".jpeg":
		return "jpeg", nil
	default:
		return "", fmt.Errorf("%s: extension %q, want .png, .jpg or .jpeg", files.Quote(path), ext)
	}
}

func (u *upscale) run(c *cobra.Command, in string) error {
	u.start = time.Now()
	if u.tile < 0 {
		return fmt.Errorf("--tile %d, want 0 or more", u.tile)
	}
	switch {
	case u.video:
		return u.videoed(c, in)
	case u.frames != "":
		return u.framed(c, in)
	}
	root, err := isFolder(in)
	if err != nil {
		return err
	}
	kind := "png"
	if !root {
		if kind, err = format(u.path); err != nil {
			return err
		}
	}
	var background color.Color
	if c.Flags().Changed("background") {
		if background, err = parseColor("--background", u.background); err != nil {
			return err
		}
	}
	if root {
		return u.foldered(c, in, vision.UpscaleOptions{Format: kind, Background: background, Tile: u.tile})
	}
	m, err := u.load(c)
	if err != nil {
		return err
	}
	defer m.Close()
	bar := u.bar(u.err, "tiles", 1)
	o := vision.UpscaleOptions{Format: kind, Background: background, Tile: u.tile, Progress: func(done, total int) {
		bar.ChangeMax(total)
		bar.Set(done)
	}}
	var made vision.Enlargement
	err = u.save(u.path, func(w io.Writer) (err error) {
		made, err = m.Upscale(c.Context(), o, input(c, in), w)
		return err
	})
	bar.Clear()
	if err != nil {
		return smaller(err, made.Tile)
	}
	if made.Seams && !u.quiet {
		complain(u.err, errors.New("the network may look farther than its tiles overlap: there may be seams between them"))
	}
	if u.quiet && !u.json {
		return nil
	}
	all := time.Since(u.start)
	if _, file := m.Network.(*zoo.ONNX); made.Tiles == 1 && m.Device().GPU() != nil && !file {
		if err := again(c.Context(), m, &made, 1); err != nil {
			return err
		}
	}
	if u.json {
		return printJSON(u.out, u.enlarged(m, in, made, all))
	}
	fmt.Fprintf(u.out, "device: %v\n", m.Device())
	fmt.Fprintf(u.out, "%s: %d×%d from %d×%d\n", files.Quote(u.path), made.Width*made.Scale, made.Height*made.Scale, made.Width, made.Height)
	u.report(made, all)
	return nil
}

// smaller adds to an error of too little memory on the device which tiles may fit.
func smaller(err error, tile [2]int) error {
	var memory *gpu.MemoryError
	if side := max(tile[0], tile[1]) / 2; errors.As(err, &memory) && side > 0 {
		return fmt.Errorf("%w; give smaller tiles, such as --tile %d", err, side)
	}
	return err
}

// isFolder reports whether an argument names a folder.
func isFolder(in string) (bool, error) {
	if in == standard {
		return false, nil
	}
	info, err := os.Stat(files.Unquote(in))
	if err != nil {
		return false, files.Named(files.Unquote(in), err)
	}
	return info.IsDir(), nil
}

// again runs the network n more times, to measure the time of a run.
func again(ctx context.Context, m *vision.Model, made *vision.Enlargement, n int) error {
	for range n {
		start := time.Now()
		if _, err := m.Run(ctx, tensor.New(1, made.Tile[0], made.Tile[1], m.Channels)); err != nil {
			return err
		}
		made.Rest += time.Since(start)
		made.Tiles++
	}
	return nil
}

// enlarged is the JSON output for an enlargement.
type enlarged struct {
	File          string  `json:"file"`
	Output        string  `json:"output"`
	Device        string  `json:"device"`
	Width         int     `json:"width"` // of the output
	Height        int     `json:"height"`
	Scale         int     `json:"scale"`
	SetupSeconds  float64 `json:"setup_seconds"`
	FirstSeconds  float64 `json:"first_run_seconds"`
	SteadySeconds float64 `json:"steady_run_seconds,omitempty"`
	Seconds       float64 `json:"seconds"` // all of it
}

func (u *upscale) enlarged(m *vision.Model, file string, made vision.Enlargement, all time.Duration) enlarged {
	e := enlarged{
		File: file, Output: u.path, Device: m.Device().String(), Scale: made.Scale,
		Width: made.Width * made.Scale, Height: made.Height * made.Scale,
		SetupSeconds: (u.setup + made.Compile).Seconds(), FirstSeconds: made.First.Seconds(), Seconds: all.Seconds(),
	}
	if made.Tiles > 1 {
		e.SteadySeconds = made.Rest.Seconds() / float64(made.Tiles-1)
	}
	return e
}

// report prints the times. It counts all megapixels of the network's result, which
// include the borders of tiles.
func (u *upscale) report(made vision.Enlargement, all time.Duration) {
	fmt.Fprintf(u.out, "set-up %s, first run %s", short(u.setup+made.Compile), short(made.First))
	if made.Tiles > 1 {
		each := made.Rest / time.Duration(made.Tiles-1)
		pixels := float64(made.Tile[0]*made.Tile[1]*made.Scale*made.Scale) / 1e6
		fmt.Fprintf(u.out, ", steady run %s: %.2f megapixels a second", short(each), pixels/each.Seconds())
	}
	fmt.Fprintf(u.out, "; all of it, with reading and writing, %s\n", short(all))
}

// short returns a duration with a unit.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 100*time.Millisecond:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
}
