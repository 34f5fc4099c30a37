package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
)

// A photograph that is part of the program; see photo/LICENSE.txt.
//
//go:embed photo/cat.png
var demoPhoto []byte

func newDemo(s *settings) *cobra.Command {
	d := &upscale{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Enlarge a photograph and compare with bicubic",
		Long: `Enlarges a built-in photograph three times. Writes a picture with three panels: the
photograph's pixels, the bicubic enlargement, and vertebra's.`,
		Example: `  vertebra demo
  vertebra demo -o cat.png`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return d.demo(c) },
	}
	c.Flags().StringVarP(&d.path, "output", "o", filepath.Join("out", "demo.png"), "file to write, .png")
	d.jsonFlag(c)
	c.MarkFlagFilename("output", "png")
	return c
}

func (u *upscale) demo(c *cobra.Command) error {
	u.start = time.Now()
	if kind, err := format(u.path); err != nil || kind != "png" {
		return fmt.Errorf("%s: extension %q, want .png", files.Quote(u.path), filepath.Ext(u.path))
	}
	m, err := u.load(c)
	if err != nil {
		return err
	}
	defer m.Close()
	in := vision.Reader("the photograph", bytes.NewReader(demoPhoto))
	photo, err := in.Read()
	if err != nil {
		return err
	}
	var large bytes.Buffer
	made, err := m.Upscale(c.Context(), vision.UpscaleOptions{}, vision.Image(in.Name, photo.Image()), &large)
	if err != nil {
		return err
	}
	ours, err := picture.Decode(&large)
	if err != nil {
		return err
	}
	all := time.Since(u.start)
	if m.Device().GPU() != nil {
		if err := again(c.Context(), m, &made, 5); err != nil {
			return err
		}
	}
	w, h := ours.Width, ours.Height
	drawn := picture.SideBySide(
		picture.Panel{Caption: "pixels", Picture: photo.Resize(w, h, picture.Nearest)},
		picture.Panel{Caption: "bicubic", Picture: photo.Resize(w, h, picture.Bicubic)},
		picture.Panel{Caption: fmt.Sprintf("vertebra (ESPCN ×%d)", u.scale), Picture: ours},
	)
	if err := os.MkdirAll(filepath.Dir(u.path), 0o777); err != nil {
		return err
	}
	if err := u.savePNG(u.path, drawn); err != nil {
		return err
	}
	where, err := filepath.Abs(u.path)
	if err != nil {
		where = u.path
	}
	if u.json {
		return printJSON(u.out, u.enlarged(m, in.Name, made, all))
	}
	if u.quiet {
		fmt.Fprintln(u.out, files.Quote(where))
		return nil
	}
	fmt.Fprintf(u.out, "device: %v\n", m.Device())
	fmt.Fprintf(u.out, "a photograph of %d×%d pixels, enlarged to %d×%d\n", photo.Width, photo.Height, w, h)
	u.report(made, all)
	fmt.Fprintf(u.out, "see %s: its pixels, bicubic, vertebra\n", files.Quote(where))
	return nil
}
