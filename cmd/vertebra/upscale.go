package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

func newUpscale(s *settings) *cobra.Command {
	u := &upscale{settings: s}
	c := &cobra.Command{
		Use:   "upscale IN -o OUT",
		Short: "Enlarge a picture with ESPCN",
		Long: `Enlarges a picture with ESPCN (arXiv:1609.05158): the luminance through the
network, colour and transparency bicubic.

IN is a PNG, JPEG, WebP, BMP, TIFF or GIF of up to 200 megapixels; a JPEG is turned
as its EXIF data says. OUT is a PNG or JPEG, by its extension. Large pictures go
through the network in overlapping tiles, with the same result.`,
		Example: `  vertebra upscale photo.jpg -o large.png
  vertebra upscale --scale 2 photo.webp -o large.jpg
  vertebra upscale --weights mine.safetensors --activation relu photo.png -o large.png`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			u.out, u.err = c.OutOrStdout(), c.ErrOrStderr()
			for _, flag := range []string{"activation", "last"} {
				if c.Flags().Changed(flag) && u.weights == "" {
					return fmt.Errorf("--%s says what --weights were trained with; none are given", flag)
				}
			}
			return u.run(c.Context(), args[0])
		},
	}
	f := c.Flags()
	f.StringVarP(&u.path, "output", "o", "", "file to write, .png, .jpg or .jpeg")
	f.IntVar(&u.scale, "scale", 3, "how many times to enlarge: 2, 3 or 4 (with --weights 1 to 16)")
	f.StringVar(&u.weights, "weights", "", "checkpoint of conv1, conv2 and conv3, PyTorch or safetensors (default: the built-in ones)")
	f.StringVar(&u.act, "activation", "tanh", "of --weights: what follows the first two convolutions, tanh or relu")
	f.StringVar(&u.last, "last", "sigmoid", "of --weights: what follows the last step, sigmoid, tanh or none")
	c.MarkFlagRequired("output")
	c.MarkFlagFilename("weights", "pth", "pt", "th", "safetensors")
	c.MarkFlagFilename("output", "png", "jpg", "jpeg")
	return c
}

// upscale is one enlargement.
type upscale struct {
	*settings
	path, weights string
	act, last     string
	scale         int
	out, err      io.Writer

	times
}

// times is how long things took.
type times struct {
	setup, first, steady time.Duration
	steadyRuns           int
}

// format is the format that a file's extension asks for.
func format(path string) (string, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".png":
		return "png", nil
	case ".jpg", ".jpeg":
		return "jpeg", nil
	default:
		return "", fmt.Errorf("%s: extension %q, want .png, .jpg or .jpeg", path, ext)
	}
}

// espcn makes the network with weights from a file, or the built-in ones.
func espcn(scale int, path string) (*models.ESPCN, error) {
	switch {
	case path == "" && (scale < 2 || scale > 4):
		return nil, fmt.Errorf("--scale %d, want 2, 3 or 4 where no --weights are given", scale)
	case scale < 1 || scale > 16:
		return nil, fmt.Errorf("--scale %d, want 1 to 16", scale)
	}
	m := models.NewESPCN(models.ESPCNConfig{Scale: scale})
	if path == "" {
		src, err := zoo.ESPCNWeights(scale)
		if err != nil {
			return nil, err
		}
		return m, weights.Bind(m, src)
	}
	src, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if err := weights.Bind(m, src); err != nil {
		return nil, explain(fmt.Errorf("%s: %w", path, err), path, "ESPCN", ofTask(zoo.SuperResolve))
	}
	return m, nil
}

// activation is the value of a flag.
func activation(flag, name string) (graph.Activation, error) {
	for _, a := range []graph.Activation{graph.None, graph.ReLU, graph.Tanh, graph.Sigmoid} {
		if a.String() == name {
			return a, nil
		}
	}
	return graph.None, fmt.Errorf("%s %q, want tanh, relu, sigmoid or none", flag, name)
}

func (u *upscale) run(ctx context.Context, in string) error {
	start := time.Now()
	kind, err := format(u.path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(u.path); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder", u.path)
	}
	net, err := espcn(u.scale, u.weights)
	if err != nil {
		return err
	}
	if u.weights != "" {
		if net.Act, err = activation("--activation", u.act); err == nil {
			net.Last, err = activation("--last", u.last)
		}
		if err != nil {
			return err
		}
	}
	m, alpha, err := picture.LoadAlpha(in)
	if err != nil {
		return err
	}
	if most := vision.MaxSide(kind) / u.scale; m.Width > most || m.Height > most {
		return fmt.Errorf("%s: %d×%d pixels are too many for a %s", u.path, m.Width*u.scale, m.Height*u.scale, kind)
	}
	dev, err := u.open()
	if err != nil {
		return err
	}
	defer dev.close()
	tile := vision.TileSize(m.Width, m.Height, u.scale)
	p, err := u.compile(dev, net, tile)
	if err != nil {
		return err
	}
	defer p.close()
	u.setup = time.Since(start)
	if !u.quiet {
		fmt.Fprintf(u.out, "device: %v\n", dev)
	}

	bar := u.bar(u.err, "tiles", 1)
	scaler := vision.Upscaler{Scale: u.scale, Tile: tile, Run: func(ctx context.Context, y *tensor.Tensor) (*tensor.Tensor, error) {
		return u.timed(ctx, p, y)
	}, Progress: func(done, total int) {
		bar.ChangeMax(total)
		bar.Set(done)
	}}
	writing := time.Now()
	err = weights.WriteFile(u.path, func(w io.Writer) error { return scaler.Write(ctx, w, kind, m, alpha) })
	bar.Clear()
	if err != nil {
		return plain(u.path, err)
	}
	if u.quiet {
		return nil
	}
	all := time.Since(writing)
	if u.steadyRuns == 0 && dev.dev != nil { // one tile: run it again, for the figure
		if _, err := u.timed(ctx, p, tensor.New(1, tile[0], tile[1], 1)); err != nil {
			return err
		}
	}
	fmt.Fprintf(u.out, "%s: %d×%d from %d×%d\n", u.path, m.Width*u.scale, m.Height*u.scale, m.Width, m.Height)
	u.report(u.out, all, tile)
	return nil
}

// compile makes the network ready for tiles of a size.
func (u *upscale) compile(dev *machine, net *models.ESPCN, tile [2]int) (*program, error) {
	g, err := models.Trace(net, 1, tile[0], tile[1], 1)
	if err != nil {
		return nil, err
	}
	return dev.compile(g, gpu.Choice{})
}

// timed runs the network once.
func (t *times) timed(ctx context.Context, p *program, y *tensor.Tensor) (*tensor.Tensor, error) {
	start := time.Now()
	out, err := p.run(ctx, y)
	if err != nil {
		return nil, err
	}
	if took := time.Since(start); t.first == 0 {
		t.first = took
	} else {
		t.steady += took
		t.steadyRuns++
	}
	return out[0], nil
}

// report prints where the time went. Megapixels are those that the network
// made, borders of tiles included.
func (u *upscale) report(w io.Writer, all time.Duration, tile [2]int) {
	fmt.Fprintf(w, "set-up %s, first run %s", short(u.setup), short(u.first))
	if u.steadyRuns > 0 {
		each := u.steady / time.Duration(u.steadyRuns)
		made := float64(tile[0]*tile[1]*u.scale*u.scale) / 1e6
		fmt.Fprintf(w, ", steady run %s: %.2f megapixels a second", short(each), made/each.Seconds())
	}
	fmt.Fprintf(w, "; all of it, with reading and writing, %s\n", short(u.setup+all))
}

// short is a duration for people.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 100*time.Millisecond:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
}
