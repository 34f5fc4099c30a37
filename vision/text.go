package vision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/decode"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// TextOptions say which networks read text. They are ONNX files of PaddleOCR's networks.
type TextOptions struct {
	Find string // finds lines: "det"
	Read string // reads a line: "rec"
	Turn string // says whether a line stands on its head: "cls"; empty means that none does

	// Characters are what Read's classes mean, without the first class. Nil means the list
	// that is in the file under the key "character".
	Characters []string

	Side    int                  // a picture's longer side is made no longer than this to find lines; 0 means 960
	Score   float64              // least score of a line; 0 means 0.5
	Regions decode.RegionOptions // how lines are found

	// Model has the device, the batch (of lines) and the memory. Its other fields do not count.
	Model Options
}

// TextReader reads the text in pictures. Goroutines may share it.
type TextReader struct {
	find, read, turn *Model // turn may be nil
	on               *Device
	owned            bool // Close closes the device
	o                TextOptions
}

// Text is the text in a picture.
type Text struct {
	Name    string // of the input
	Picture *picture.Image
	Lines   []Line // in the order of reading
}

// Line is a line of text.
type Line struct {
	// Corners are in pixels of the picture. The first is where the text begins, at the top,
	// and the others follow clockwise.
	Corners [4][2]float32
	Text    string
	Score   float32 // the mean probability of the characters
}

// ErrNoCharacters is wrapped by OpenText's error for a network without a list of characters.
var ErrNoCharacters = errors.New("does not say which characters its classes are")

// OpenText opens the networks of a TextReader. The caller closes it.
func OpenText(o TextOptions) (t *TextReader, err error) {
	t = &TextReader{o: o, on: o.Model.On}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
			t = nil
		}
	}()
	if t.on == nil {
		d := o.Model
		if t.on, err = OpenDevice(DeviceOptions{
			Name: d.Device, Backend: d.Backend, Limits: d.Limits, Kind: d.Kind, F16: d.F16, F16Values: d.F16Values, Untuned: d.Untuned, TuningFault: d.TuningFault,
		}); err != nil {
			return t, err
		}
		t.owned = true
	}
	// PaddleOCR gives its networks blue, green and red in this order, but subtracts the means
	// of red, green and blue from them.
	find := zoo.ModelInput{Channels: "bgr", Range: []float64{0, 1}, Mean: []float64{0.485, 0.456, 0.406}, Std: []float64{0.229, 0.224, 0.225}}
	line := zoo.ModelInput{Channels: "bgr", Range: []float64{-1, 1}}
	for _, f := range []struct {
		path string
		in   zoo.ModelInput
		to   **Model
	}{{o.Find, find, &t.find}, {o.Read, line, &t.read}, {o.Turn, line, &t.turn}} {
		if f.path == "" && f.to == &t.turn {
			continue
		}
		own := Options{On: t.on, Batch: o.Model.Batch, Memory: o.Model.Memory, ONNX: zoo.ONNXOptions{Task: zoo.Features, Input: f.in, Open: true}}
		m, err := Open(f.path, own)
		if err != nil {
			return t, err
		}
		*f.to = m
		if _, ok := m.Network.(*zoo.ONNX); !ok {
			return t, fmt.Errorf("vision: %s is no ONNX file", files.Quote(f.path))
		}
	}
	if t.o.Characters == nil {
		meta := t.read.Network.(*zoo.ONNX).File.Metadata["character"]
		if meta == "" {
			return t, fmt.Errorf("%s %w", files.Quote(o.Read), ErrNoCharacters)
		}
		t.o.Characters = strings.Split(strings.TrimRight(strings.ReplaceAll(meta, "\r\n", "\n"), "\n"), "\n")
	}
	return t, nil
}

// Device returns the device.
func (t *TextReader) Device() *Device { return t.on }

// Close frees the networks, and closes the device unless TextOptions.Model gave it.
func (t *TextReader) Close() error {
	var errs []error
	for _, m := range []*Model{t.find, t.read, t.turn} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	if t.owned {
		errs = append(errs, t.on.Close())
	}
	return errors.Join(errs...)
}

// Text reads the text in a picture.
func (t *TextReader) Text(ctx context.Context, in Input) (Text, error) {
	m, err := in.Picture(ctx, t.o.Model.Memory)
	if err != nil {
		return Text{Name: in.Name}, err
	}
	out := Text{Name: in.Name, Picture: m}
	lines, err := t.lines(ctx, m)
	if err != nil {
		return out, err
	}
	if t.turn != nil {
		if err := t.upright(ctx, m, lines); err != nil {
			return out, err
		}
	}
	if err := t.readLines(ctx, m, lines); err != nil {
		return out, err
	}
	for _, l := range lines {
		if l.Text != "" && float64(l.Score) >= cmp.Or(t.o.Score, 0.5) {
			out.Lines = append(out.Lines, l.Line)
		}
	}
	return out, nil
}

// sought is a line that is being read.
type sought struct {
	Line
	width, height int // in pixels of the picture
}

// cut returns the line as an upright picture.
func (l *sought) cut(m *picture.Image) *picture.Image {
	return m.Through(picture.Upright(l.Corners[0], l.Corners[1], l.Corners[3], l.width, l.height), l.width, l.height)
}

// lines finds lines. A line that is much higher than it is wide is read from below.
func (t *TextReader) lines(ctx context.Context, m *picture.Image) ([]*sought, error) {
	const step = 32 // the network halves its input five times
	scale := min(1, float64(cmp.Or(t.o.Side, 960))/float64(max(m.Width, m.Height)))
	side := func(n int) int { return max(step, int(math.Round(float64(n)*scale/step))*step) }
	x, at, err := t.find.Preprocess.Resized(side(m.Height), side(m.Width)).Apply(m)
	if err != nil {
		return nil, err
	}
	y, err := t.main(ctx, t.find, x)
	if err != nil {
		return nil, err
	}
	if y.Shape.Len() != x.Shape[1]*x.Shape[2] {
		return nil, fmt.Errorf("%s: the output is %v, want a probability for each pixel of %v", files.Quote(t.o.Find), y.Shape, x.Shape)
	}
	regions, err := decode.TextRegions(y.Reshape(x.Shape[1], x.Shape[2]), t.o.Regions)
	if err != nil {
		return nil, err
	}
	var all []*sought
	back := at.Inverse()
	for _, r := range regions {
		l := &sought{}
		for i, p := range r.Corners {
			l.Corners[i][0], l.Corners[i][1] = back.Point(p[0], p[1])
		}
		length := func(i, j int) int {
			return int(math.Hypot(float64(l.Corners[i][0]-l.Corners[j][0]), float64(l.Corners[i][1]-l.Corners[j][1])))
		}
		l.width, l.height = length(0, 1), length(0, 3)
		if 2*l.height >= 3*l.width {
			l.width, l.height = l.height, l.width
			c := l.Corners
			l.Corners = [4][2]float32{c[1], c[2], c[3], c[0]}
		}
		if l.width > 0 && l.height > 0 {
			all = append(all, l)
		}
	}
	return all, nil
}

// upright turns lines that stand on their head.
func (t *TextReader) upright(ctx context.Context, m *picture.Image, lines []*sought) error {
	const sure = 0.9 // as in PaddleOCR
	size := t.turn.Network.(*zoo.ONNX).Fixed()
	h, w := cmp.Or(size[0], 48), cmp.Or(size[1], 192)
	return t.inBatches(ctx, t.turn, m, lines, h, func(int) int { return w }, func(l *sought, y *tensor.Tensor) error {
		if y.Shape.Len() != 2 {
			return fmt.Errorf("%s: the output is %v for a line, want [1, 2]", files.Quote(t.o.Turn), y.Shape)
		}
		if y.Data[1] > sure {
			c := l.Corners
			l.Corners = [4][2]float32{c[2], c[3], c[0], c[1]}
		}
		return nil
	})
}

// readLines reads lines. Those of similar width go through the network together.
func (t *TextReader) readLines(ctx context.Context, m *picture.Image, lines []*sought) error {
	const least, step = 320, 160 // few widths are few plans
	size := t.read.Network.(*zoo.ONNX).Fixed()
	wide := func(w int) int {
		if size[1] > 0 {
			return size[1]
		}
		return least + max(0, (w-least+step-1)/step)*step
	}
	return t.inBatches(ctx, t.read, m, lines, cmp.Or(size[0], 48), wide, func(l *sought, y *tensor.Tensor) (err error) {
		if l.Text, l.Score, err = decode.CTC(y, t.o.Characters); err != nil {
			err = fmt.Errorf("%s: %w", files.Quote(t.o.Read), err)
		}
		return err
	})
}

// inBatches runs a network on lines of height h. A line keeps its proportions, and zeros
// follow to its right up to the width that wide gives for its own. Lines of one width go
// together.
func (t *TextReader) inBatches(ctx context.Context, net *Model, m *picture.Image, lines []*sought, h int, wide func(int) int, use func(*sought, *tensor.Tensor) error) error {
	type scaled struct {
		*sought
		own, all int // width without and with the zeros
	}
	var list []scaled
	for _, l := range lines {
		own := max(1, int(math.Ceil(float64(h)*float64(l.width)/float64(l.height))))
		all := wide(own)
		list = append(list, scaled{l, min(own, all), all})
	}
	slices.SortStableFunc(list, func(a, b scaled) int { return cmp.Compare(a.all, b.all) })
	most := net.most(true, nil, len(list))
	for len(list) > 0 {
		n := 1
		for n < len(list) && n < most && list[n].all == list[0].all {
			n++
		}
		count := n
		if file := net.Network.(*zoo.ONNX).Batch; file > 0 {
			count = file
		}
		x := tensor.New(count, h, list[0].all, net.Channels)
		for i, l := range list[:n] {
			one, _, err := net.Preprocess.Resized(h, l.own).Apply(l.cut(m))
			if err != nil {
				return err
			}
			row := l.own * net.Channels
			for y := range h {
				copy(x.Data[((i*h+y)*l.all)*net.Channels:], one.Data[y*row:][:row])
			}
		}
		y, err := t.main(ctx, net, x)
		if err != nil {
			return err
		}
		if len(y.Shape) == 0 || y.Shape[0] != count {
			return fmt.Errorf("%s: the output is %v for %d lines", files.Quote(net.Checkpoint), y.Shape, count)
		}
		for i, l := range list[:n] {
			if err := use(l.sought, of([]*tensor.Tensor{y}, i, count)[0]); err != nil {
				return err
			}
		}
		list = list[n:]
	}
	return nil
}

// main runs a network and returns its main output.
func (t *TextReader) main(ctx context.Context, net *Model, x *tensor.Tensor) (*tensor.Tensor, error) {
	y, err := net.run(ctx, true, nil, x)
	if err != nil {
		return nil, err
	}
	return y[0], net.CheckFinite(y[0])
}

// Draw draws the lines with their text on the picture.
func (t Text) Draw() image.Image {
	var boxes []picture.Titled
	for i, l := range t.Lines {
		b := [4]float32{l.Corners[0][0], l.Corners[0][1], l.Corners[0][0], l.Corners[0][1]}
		for _, p := range l.Corners[1:] {
			b = [4]float32{min(b[0], p[0]), min(b[1], p[1]), max(b[2], p[0]), max(b[3], p[1])}
		}
		boxes = append(boxes, picture.Titled{Bounds: b, Title: l.Text, Color: i})
	}
	return picture.DrawBoxes(t.Picture, boxes)
}
