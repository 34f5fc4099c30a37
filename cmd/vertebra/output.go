package main

import (
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

// checkPNG returns an error if the name of a file does not end in .png.
func checkPNG(path string) error {
	if kind, err := format(path); err != nil || kind != "png" {
		return fmt.Errorf("%s: want a name that ends in .png", path)
	}
	return nil
}

// writePNG writes a picture. If it fails, it leaves no file.
func writePNG(path string, m image.Image) error {
	return files.Write(path, func(w io.Writer) error { return png.Encode(w, m) })
}

// writtenTensors is the JSON output for a file of tensors.
type writtenTensors struct {
	Output  string          `json:"output"`
	Device  string          `json:"device"`
	Files   []string        `json:"files,omitempty"` // the pictures, in the order of rows
	Tensors []writtenTensor `json:"tensors"`
}

type writtenTensor struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
}

// tellTensors prints the tensors that have been written to path.
func (m *modelFlags) tellTensors(on *vision.Model, path string, files []string, all []*tensor.Tensor) error {
	switch {
	case m.json:
		r := writtenTensors{Output: path, Device: on.Device().String(), Files: files}
		for _, t := range all {
			r.Tensors = append(r.Tensors, writtenTensor{t.Name, t.Shape})
		}
		return printJSON(m.out, r)
	case m.quiet:
		return nil
	}
	fmt.Fprintf(m.out, "device: %v\n", on.Device())
	for _, t := range all {
		fmt.Fprintf(m.out, "%s: %s %v\n", path, t.Name, t.Shape)
	}
	return nil
}
