package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
)

// enlargedFrames is the JSON output for a video.
type enlargedFrames struct {
	File    string  `json:"file"`
	Output  string  `json:"output"`
	Device  string  `json:"device"`
	Frames  int     `json:"frames"`
	Width   int     `json:"width"` // of the output
	Height  int     `json:"height"`
	Scale   int     `json:"scale"`
	Seconds float64 `json:"seconds"` // all of it
}

// framed enlarges frames that come and go as files or by standard input and output.
func (u *upscale) framed(c *cobra.Command, in string) error {
	r := io.NopCloser(c.InOrStdin())
	if in != standard {
		f, err := files.Open(files.Unquote(in))
		if err != nil {
			return err
		}
		r = f
	}
	defer r.Close()
	m, err := u.load(c)
	if err != nil {
		return err
	}
	defer m.Close()
	source, err := framesFrom(r, u.frames)
	if err != nil {
		return files.Named(in, err)
	}
	made := enlargedFrames{File: in, Output: u.path}
	err = u.save(u.path, func(w io.Writer) error { return u.stream(c.Context(), m, source, framesTo(w, u.frames), &made) })
	if err != nil {
		return err
	}
	return u.tellFrames(m, made)
}

// stream enlarges all frames and counts them.
func (u *upscale) stream(ctx context.Context, m *vision.Model, from *frameSource, to frameSink, made *enlargedFrames) error {
	bar := u.bar(u.err, "frames", -1)
	defer bar.Clear()
	var err error
	if made.Scale, err = m.Factor(); err != nil {
		return err
	}
	made.Width, made.Height = from.width*made.Scale, from.height*made.Scale
	o := vision.FrameOptions{Width: from.width, Height: from.height, Tile: u.tile, Progress: func(frames int) {
		made.Frames = frames
		bar.Set(frames)
	}}
	return m.UpscaleFrames(ctx, o, from.next, func(rgb []byte) error { return to(rgb, made.Width, made.Height) })
}

// tellFrames prints the result of a video.
func (u *upscale) tellFrames(m *vision.Model, made enlargedFrames) error {
	made.Device, made.Seconds = m.Device().String(), time.Since(u.start).Seconds()
	if u.json {
		return printJSON(u.out, made)
	}
	if u.quiet {
		return nil
	}
	fmt.Fprintf(u.out, "device: %v\n", m.Device())
	fmt.Fprintf(u.out, "%s: %d frames of %d×%d in %s, %.2f a second\n", files.Quote(u.path), made.Frames, made.Width, made.Height,
		short(time.Since(u.start)), float64(made.Frames)/made.Seconds)
	return nil
}
