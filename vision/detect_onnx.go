package vision

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/decode"
	"github.com/vertebra/vertebra/vision/zoo"
)

// decoderSaid is the value of decode in a model.json: the name of a decoder, or an object.
type decoderSaid struct {
	Name     string  `json:"name"`
	Score    float64 `json:"score"`
	IoU      float64 `json:"iou"`
	Most     int     `json:"most"`
	Points   int     `json:"points"`
	Relative bool    `json:"relative"`
	AnyClass bool    `json:"any_class"`
}

func readDecoder(said *zoo.ModelFile) (d decoderSaid, err error) {
	if said == nil || said.Decode == nil || json.Unmarshal(said.Decode, &d.Name) == nil {
		return d, nil
	}
	r := json.NewDecoder(bytes.NewReader(said.Decode))
	r.DisallowUnknownFields()
	if err := r.Decode(&d); err != nil {
		return d, fmt.Errorf("model.json: decode: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if d.Name == "" {
		return d, errors.New("model.json: decode: no name of a decoder")
	}
	return d, nil
}

// checkDecode returns an error if decode of a model.json is neither for a detection nor for a
// matte. For the task of a matte it is the latter's.
func (m *Model) checkDecode(t zoo.Task) error {
	n, ok := m.Network.(*zoo.ONNX)
	if !ok {
		return nil
	}
	d, err := readDecoder(n.Said)
	if err == nil && d.Name != "" {
		if err = decode.Check(d.Name); err != nil {
			err = fmt.Errorf("model.json: %w", err)
		}
	}
	if err == nil {
		return nil
	}
	if _, matte := m.MatteOptions(); matte == nil || t == zoo.Segment {
		return matte
	}
	return files.Named(n.Path, err)
}

// boxesONNX decodes the outputs of an ONNX file: with the decoder of f, or of a model.json,
// or the only one that the outputs can be for. It also returns the classes' names.
func (m *Model) boxesONNX(n *zoo.ONNX, f DetectionFilter, c computed) ([]decode.Box, []string, error) {
	d, err := readDecoder(n.Said)
	if err != nil {
		return nil, nil, files.Named(n.Path, err)
	}
	ports, err := n.Describe(append(tensor.Shape{max(n.Batch, 1)}, c.input.Shape[1:]...))
	if err != nil {
		return nil, nil, err
	}
	outputs, shapes := map[string]*tensor.Tensor{}, map[string]tensor.Shape{}
	for i, p := range ports {
		outputs[p.Name] = p.AsFile(c.outputs[i])
		shapes[p.Name] = outputs[p.Name].Shape
	}
	o := decode.Options{
		Size: c.size(), Roles: n.Outlets, Points: d.Points, Relative: d.Relative, AnyClass: d.AnyClass || f.AnyClass,
		Score: cmp.Or(f.Score, d.Score), IoU: cmp.Or(f.IoU, d.IoU), Most: cmp.Or(f.Most, d.Most),
	}
	name := cmp.Or(f.Decoder, d.Name)
	if name == "" {
		if name, err = decode.Guess(shapes, o.Size); err != nil {
			return nil, nil, files.Named(n.Path, err)
		}
	}
	found, err := decode.Find(name, outputs, o)
	if err != nil {
		return nil, nil, files.Named(n.Path, err)
	}
	names := m.ClassNames
	if names == nil {
		names = decode.Labels(name)
	}
	if names == nil {
		names = namesIn(n.File.Metadata["names"])
	}
	if names == nil {
		names = found.COCO()
	}
	return found.Boxes, names, nil
}

// entryOfNames matches an entry of a dictionary in Python, from a number to a text.
var entryOfNames = regexp.MustCompile(`(\d+): ?(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")`)

// namesIn reads the names of classes as exporters of YOLO write them into a file: a
// dictionary in Python from their numbers, {0: 'person', 1: 'bicycle'}. It returns nil if
// a number is missing.
func namesIn(text string) []string {
	var names []string
	for i, e := range entryOfNames.FindAllStringSubmatch(text, 1<<16) {
		if k, err := strconv.Atoi(e[1]); err != nil || k != i {
			return nil
		}
		names = append(names, strings.NewReplacer(`\'`, `'`, `\"`, `"`, `\\`, `\`).Replace(e[2]+e[3]))
	}
	return names
}

// objectsONNX returns the objects in pixels of the picture, clipped to its borders.
func (m *Model) objectsONNX(n *zoo.ONNX, f DetectionFilter, c computed) ([]Object, error) {
	boxes, names, err := m.boxesONNX(n, f, c)
	if err != nil {
		return nil, err
	}
	all := []Object{}
	back := c.at.Inverse()
	for _, b := range boxes {
		o := Object{Box: back.Box(b.Bounds), Class: b.Class, Score: b.Score, Points: slices.Clone(b.Points)}
		if !o.clip(c.image) {
			continue
		}
		if b.Class < len(names) {
			o.ClassName = names[b.Class]
		}
		for i, p := range o.Points {
			o.Points[i].X, o.Points[i].Y = back.Point(p.X, p.Y)
		}
		if b.Mask != nil {
			o.cells = &maskCells{b.Mask, c.at, c.size(), c.image.Width, c.image.Height}
		}
		all = append(all, o)
	}
	return all, nil
}
