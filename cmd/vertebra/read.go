package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
)

func newRead(s *settings) *cobra.Command {
	r := &readText{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "read IMAGE --det DET.onnx --rec REC.onnx",
		Short: "Read the text in a picture",
		Long: `Reads the text in a picture with PaddleOCR's networks as ONNX files. The first finds
lines of text, the second reads them. A third may say which lines stand on their head.
It prints the lines in the order of reading. The output is the picture with the lines.

--dict names a file with the characters that the second network knows, one per line, such
as PaddleOCR's ppocr_keys_v1.txt. Many files have the list in themselves.`,
		Example: `  vertebra read receipt.jpg --det det.onnx --rec rec.onnx
  vertebra read sign.jpg --det det.onnx --rec rec.onnx --cls cls.onnx --dict keys.txt -o lines.png`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return r.run(c, args[0]) },
	}
	f := c.Flags()
	f.StringVar(&r.o.Find, "det", "", "ONNX file of the network that finds lines of text")
	f.StringVar(&r.o.Read, "rec", "", "ONNX file of the network that reads a line of text")
	f.StringVar(&r.o.Turn, "cls", "", "ONNX file of the network that says which lines stand on their head")
	f.StringVar(&r.dict, "dict", "", "file with the characters that --rec knows, one per line (default: those in the file of --rec)")
	f.StringVarP(&r.path, "output", "o", "", "picture to write, .png")
	f.Float64Var(&r.o.Score, "threshold", 0.5, "least score of a line, between 0 and 1")
	r.batchFlag(c)
	r.jsonFlag(c)
	for _, name := range []string{"det", "rec"} {
		c.MarkFlagRequired(name)
	}
	for _, name := range []string{"det", "rec", "cls"} {
		c.MarkFlagFilename(name, "onnx")
	}
	c.MarkFlagFilename("dict", "txt")
	c.MarkFlagFilename("output", "png")
	return c
}

// readText is one use of the command read.
type readText struct {
	modelFlags
	path, dict string
	o          vision.TextOptions
}

// readPage is the JSON output for a picture.
type readPage struct {
	File   string     `json:"file"`
	Width  int        `json:"width"`
	Height int        `json:"height"`
	Lines  []readLine `json:"lines"`
}

type readLine struct {
	Text    string        `json:"text"`
	Score   float32       `json:"score"`
	Corners [4][2]float32 `json:"corners"` // clockwise from where the text begins, in pixels of the picture
}

func (r *readText) run(c *cobra.Command, in string) error {
	r.streams(c)
	if r.path != "" {
		if err := checkPNG(r.path); err != nil {
			return err
		}
	}
	if !(r.o.Score > 0 && r.o.Score < 1) {
		return fmt.Errorf("--threshold %v, want a score between 0 and 1", r.o.Score)
	}
	if err := checkBatch(r.batch); err != nil {
		return err
	}
	if r.dict != "" {
		var err error
		if r.o.Characters, err = readLabels(r.dict); err != nil {
			return err
		}
	}
	var err error
	if r.o.Model, err = r.options(); err != nil {
		return err
	}
	t, err := vision.OpenText(r.o)
	if errors.Is(err, vision.ErrNoCharacters) {
		return fmt.Errorf("%w: give the list that belongs to it with --dict", err)
	}
	if err != nil {
		return withoutGPU(err, r.backend)
	}
	defer t.Close()
	text, err := t.Text(c.Context(), input(c, in))
	if err != nil {
		return err
	}
	if r.path != "" {
		if err := r.savePNG(r.path, text.Draw()); err != nil {
			return err
		}
	}
	if r.json {
		page := readPage{text.Name, text.Picture.Width, text.Picture.Height, []readLine{}}
		for _, l := range text.Lines {
			page.Lines = append(page.Lines, readLine{l.Text, l.Score, l.Corners})
		}
		return printJSON(r.out, page)
	}
	if !r.quiet {
		fmt.Fprintf(r.out, "device: %v\n%s: %d lines\n", t.Device(), files.Quote(in), len(text.Lines))
	}
	for _, l := range text.Lines {
		fmt.Fprintln(r.out, files.Quote(l.Text))
	}
	return nil
}
