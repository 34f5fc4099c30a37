package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
)

// A photograph that is part of the program; see photo/LICENSE.txt.
//
//go:embed photo/cat.png
var demoPhoto []byte

func newDemo(s *settings) *cobra.Command {
	d := &upscale{settings: s, scale: 3}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Enlarge a photograph and show it beside the usual ways",
		Long: `Enlarges a photograph that is part of the program three times, and writes one
picture with three panels: its pixels, bicubic, and vertebra's.`,
		Example: `  vertebra demo
  vertebra demo -o cat.png`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d.out, d.err = c.OutOrStdout(), c.ErrOrStderr()
			return d.demo(c.Context())
		},
	}
	c.Flags().StringVarP(&d.path, "output", "o", filepath.Join("out", "demo.png"), "file to write, .png")
	c.MarkFlagFilename("output", "png")
	return c
}

func (u *upscale) demo(ctx context.Context) error {
	start := time.Now()
	if kind, err := format(u.path); err != nil || kind != "png" {
		return fmt.Errorf("%s: extension %q, want .png", u.path, filepath.Ext(u.path))
	}
	photo, err := picture.Decode(bytes.NewReader(demoPhoto))
	if err != nil {
		return err
	}
	net, err := espcn(u.scale, "")
	if err != nil {
		return err
	}
	dev, err := u.open()
	if err != nil {
		return err
	}
	defer dev.close()
	tile := vision.TileSize(photo.Width, photo.Height, u.scale)
	p, err := u.compile(dev, net, tile)
	if err != nil {
		return err
	}
	defer p.close()
	u.setup = time.Since(start)

	var large bytes.Buffer
	scaler := vision.Upscaler{Scale: u.scale, Tile: tile, Run: func(ctx context.Context, y *tensor.Tensor) (*tensor.Tensor, error) {
		return u.timed(ctx, p, y)
	}}
	drawing := time.Now()
	if err := scaler.Write(ctx, &large, "png", photo, nil); err != nil {
		return err
	}
	ours, err := picture.Decode(&large)
	if err != nil {
		return err
	}
	all := time.Since(drawing)
	for range 5 {
		if dev.dev == nil {
			break
		}
		if _, err := u.timed(ctx, p, tensor.New(1, tile[0], tile[1], 1)); err != nil {
			return err
		}
	}
	w, h := ours.Width, ours.Height
	panels := []panel{
		{"pixels", photo.Resize(w, h, picture.Nearest)},
		{"bicubic", photo.Resize(w, h, picture.Bicubic)},
		{fmt.Sprintf("vertebra (ESPCN x%d)", u.scale), ours},
	}
	if err := os.MkdirAll(filepath.Dir(u.path), 0o777); err != nil {
		return err
	}
	if err := writePNG(u.path, sideBySide(panels)); err != nil {
		return err
	}
	where, err := filepath.Abs(u.path)
	if err != nil {
		where = u.path
	}
	if u.quiet {
		fmt.Fprintln(u.out, where)
		return nil
	}
	fmt.Fprintf(u.out, "device: %v\n", dev)
	fmt.Fprintf(u.out, "a photograph of %d×%d pixels, enlarged to %d×%d\n", photo.Width, photo.Height, w, h)
	u.report(u.out, all, tile)
	fmt.Fprintf(u.out, "see %s: its pixels, bicubic, vertebra\n", where)
	return nil
}

// panel is a picture with a caption.
type panel struct {
	caption string
	picture *picture.Image
}

// sideBySide draws pictures of one size in a row, with their captions above.
func sideBySide(panels []panel) image.Image {
	const margin, caption = 8, 20
	w, h := panels[0].picture.Width, panels[0].picture.Height
	out := image.NewNRGBA(image.Rect(0, 0, margin+len(panels)*(w+margin), caption+h+margin))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	for i, p := range panels {
		left := margin + i*(w+margin)
		draw.Draw(out, image.Rect(left, caption, left+w, caption+h), p.picture.Image(), image.Point{}, draw.Src)
		d := font.Drawer{Dst: out, Src: image.NewUniform(color.Black), Face: basicfont.Face7x13, Dot: fixed.P(left, caption-6)}
		d.DrawString(p.caption)
	}
	return out
}
