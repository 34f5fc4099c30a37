package main

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
)

// bar returns a progress bar on w, which is silent if w is not a terminal.
func (s *settings) bar(w io.Writer, what string, total int) *progressbar.ProgressBar {
	f, ok := w.(*os.File)
	if s.quiet || !ok || !term.IsTerminal(int(f.Fd())) {
		return progressbar.DefaultSilent(int64(total))
	}
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(f),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
	)
}

// checkPNG returns an error if the name of a file does not end in .png. Standard output
// gets a PNG.
func checkPNG(path string) error {
	if kind, err := format(path); err != nil || kind != "png" {
		return fmt.Errorf("%s: want a name that ends in .png", files.Quote(path))
	}
	return nil
}

// save writes an output, or to standard output if its path is -. It never leaves a
// half-written file, and stops when the command is interrupted.
func (m *modelFlags) save(path string, write func(io.Writer) error) error {
	if path == standard {
		return write(m.stdout)
	}
	return files.Write(path, func(w io.Writer) error { return write(until{m.ctx, w}) })
}

// savePNG writes a picture as save does.
func (m *modelFlags) savePNG(path string, p image.Image) error {
	return m.save(path, func(w io.Writer) error { return png.Encode(w, p) })
}

// saveOverlay writes a picture as picture.Save does, or as a PNG to standard output.
func (m *modelFlags) saveOverlay(path string, p *picture.Image) error {
	if path == standard {
		return m.savePNG(path, p.Image())
	}
	return picture.Save(path, p)
}

// until is a writer that fails when a context has ended.
type until struct {
	ctx context.Context
	io.Writer
}

func (u until) Write(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Writer.Write(b)
}

// writtenTensors is the JSON output for a file of tensors.
type writtenTensors struct {
	Output  string          `json:"output"`
	Device  string          `json:"device"`
	Files   []string        `json:"files,omitempty"`    // the pictures, in the order of rows
	Left    []string        `json:"left_out,omitempty"` // why pictures have no row
	Tensors []writtenTensor `json:"tensors"`
}

type writtenTensor struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
}

// tellTensors prints r, which is about a file of tensors.
func (m *modelFlags) tellTensors(on *vision.Model, r writtenTensors, all []*tensor.Tensor) error {
	r.Device = on.Device().String()
	for _, t := range all {
		r.Tensors = append(r.Tensors, writtenTensor{t.Name, t.Shape})
	}
	switch {
	case m.json:
		return printJSON(m.out, r)
	case m.quiet:
		return nil
	}
	fmt.Fprintf(m.out, "device: %v\n", on.Device())
	for _, t := range all {
		fmt.Fprintf(m.out, "%s: %s %v\n", files.Quote(r.Output), files.Quote(t.Name), t.Shape)
	}
	return nil
}
