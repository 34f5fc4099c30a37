package main

import (
	"bufio"
	"errors"
	"fmt"
	"image/png"
	"io"

	"github.com/vertebra/vertebra/vision/picture"
)

// frameSource reads frames of one size, as vision.Model.UpscaleFrames wants them.
type frameSource struct {
	width, height int
	next          func(rgb []byte) error // io.EOF after the last
}

// frameSink writes frames of a size.
type frameSink func(rgb []byte, width, height int) error

// The formats of --frames beside a size, which means raw.
const (
	ppmFrames = "ppm"
	pngFrames = "png"
)

// framesFrom reads frames in a format: ppm, png or, for raw ones, HEIGHTxWIDTH.
func framesFrom(r io.Reader, format string) (*frameSource, error) {
	in := bufio.NewReaderSize(r, 1<<20)
	switch format {
	case ppmFrames:
		return selfDescribed(func() (*picture.Image, error) { return readPPM(in) })
	case pngFrames:
		return selfDescribed(func() (*picture.Image, error) {
			if _, err := in.Peek(1); err != nil {
				return nil, err
			}
			m, err := png.Decode(in)
			if err != nil {
				return nil, err
			}
			return picture.From(m).RGB(), nil
		})
	}
	h, w, err := parseSize(format)
	if err != nil {
		return nil, fmt.Errorf("--frames %q, want ppm, png or HEIGHTxWIDTH in pixels", format)
	}
	return &frameSource{w, h, func(rgb []byte) error { return whole(in, rgb) }}, nil
}

// whole fills a frame. io.EOF is the end between two frames.
func whole(r io.Reader, rgb []byte) error {
	n, err := io.ReadFull(r, rgb)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the last frame has %d bytes of %d", n, len(rgb))
	}
	return err
}

// selfDescribed is a source whose first frame says the size.
func selfDescribed(read func() (*picture.Image, error)) (*frameSource, error) {
	first, err := read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("there is no frame")
	}
	if err != nil {
		return nil, fmt.Errorf("frame 1: %w", err)
	}
	s := &frameSource{width: first.Width, height: first.Height}
	frames := 0
	s.next = func(rgb []byte) error {
		m := first
		if first = nil; m == nil {
			if m, err = read(); err != nil {
				if err != io.EOF {
					err = fmt.Errorf("frame %d: %w", frames+1, err)
				}
				return err
			}
		}
		if frames++; m.Width != s.width || m.Height != s.height {
			return fmt.Errorf("frame %d has %d×%d pixels, those before have %d×%d", frames, m.Width, m.Height, s.width, s.height)
		}
		copy(rgb, m.Pix)
		return nil
	}
	return s, nil
}

// readPPM reads a PPM as ffmpeg writes it: no comments, and a byte for each sample. io.EOF
// is the end between two pictures.
func readPPM(in *bufio.Reader) (*picture.Image, error) {
	if _, err := in.Peek(1); err != nil {
		return nil, err
	}
	var magic string
	var w, h, most int
	if _, err := fmt.Fscanf(in, "%2s\n%d %d\n%d\n", &magic, &w, &h, &most); err != nil || magic != "P6" || most != 255 {
		return nil, fmt.Errorf("not a PPM with 8 bits")
	}
	if w < 1 || h < 1 || w > maxFramePixels/h {
		return nil, fmt.Errorf("a PPM of %d×%d pixels", w, h)
	}
	m := picture.New(w, h, 3)
	return m, whole(in, m.Pix)
}

// maxFramePixels is the most pixels of a frame.
const maxFramePixels = 200_000_000

// framesTo returns a sink of frames in the format of framesFrom.
func framesTo(w io.Writer, format string) frameSink {
	return func(rgb []byte, width, height int) error {
		switch format {
		case pngFrames:
			encoder := png.Encoder{CompressionLevel: png.BestSpeed}
			return encoder.Encode(w, (&picture.Image{Width: width, Height: height, Channels: 3, Pix: rgb}).Image())
		case ppmFrames:
			if _, err := fmt.Fprintf(w, "P6\n%d %d\n255\n", width, height); err != nil {
				return err
			}
		}
		_, err := w.Write(rgb)
		return err
	}
}
