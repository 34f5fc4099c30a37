package zoo

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/tensor"
)

// onnxInput is the input of an ONNX file that takes pictures.
type onnxInput struct {
	name     string
	kind     onnx.Type
	rank     int  // 4, or 3 without a batch
	last     bool // channels are last in the file
	batch    int  // 0 if it is free
	channels int
	size     [2]int // 0 where it is free
}

// pictureInput finds the input of m that takes pictures: the one with this name, or the
// only one that is not in values. It binds dimensions by name.
func pictureInput(m *onnx.Model, in ModelInput, dims map[string]int, values map[string]json.RawMessage) (*onnxInput, error) {
	var found []*onnx.Info
	var names []string
	for _, info := range m.Given() {
		if _, known := values[info.Name]; known {
			continue
		}
		names = append(names, files.Quote(info.Name))
		if in.Name == "" || in.Name == info.Name {
			found = append(found, info)
		}
	}
	switch {
	case len(found) == 0 && in.Name != "":
		return nil, fmt.Errorf("no input %s; there are %s", files.Quote(in.Name), strings.Join(names, ", "))
	case len(found) == 0:
		return nil, errors.New("the graph has no input")
	case len(names) > 1:
		return nil, fmt.Errorf("the inputs are %s: one may take pictures, and a model.json has to give the value of others", strings.Join(names, ", "))
	}
	info := found[0]
	if !info.Rank || len(info.Dims) != 3 && len(info.Dims) != 4 {
		return nil, fmt.Errorf("input %s is %v, and takes no pictures: want [N, C, H, W] or [N, H, W, C]", files.Quote(info.Name), info.Dims)
	}
	x := &onnxInput{name: info.Name, kind: info.Type, rank: len(info.Dims), batch: 1}
	extent := func(d onnx.Dim) int {
		if d.N >= 0 {
			return int(d.N)
		}
		return dims[d.Name]
	}
	place := info.Dims
	if x.rank == 4 {
		x.batch, place = extent(place[0]), place[1:]
	}
	byConv, last, proven := convInput(m, info.Name, x.rank)
	switch {
	case in.Layout != "":
		x.last = in.Layout == "NHWC"
	case proven:
		x.last = last
	default:
		first, end := isChannels(place[0], extent), isChannels(place[2], extent)
		if first == end {
			return x, &UntoldError{Untold: []string{"layout"}, What: fmt.Sprintf("where the channels of input %s are, which is %v", files.Quote(x.name), info.Dims)}
		}
		x.last = end
	}
	c, h, w := place[0], place[1], place[2]
	if x.last {
		h, w, c = place[0], place[1], place[2]
	}
	x.size = [2]int{extent(h), extent(w)}
	if x.channels = extent(c); x.channels == 0 {
		switch {
		case byConv > 0:
			x.channels = byConv
		case in.Channels == "gray":
			x.channels = 1
		default:
			x.channels = 3
		}
	}
	return x, nil
}

// isChannels reports whether a dimension has the number of channels of pictures, or is
// called so.
func isChannels(d onnx.Dim, extent func(onnx.Dim) int) bool {
	n := extent(d)
	return n == 1 || n == 3 || n == 0 && strings.Contains(strings.ToLower(d.Name), "channel")
}

// convInput looks for the convolution that takes an input, and returns how many channels
// it takes and whether they are last in the file. Between them may be nodes that keep the
// shape, and one that moves the channels.
func convInput(m *onnx.Model, name string, rank int) (channels int, last, proven bool) {
	if rank != 4 {
		return 0, false, false
	}
	for range 8 { // as many nodes as prepare pictures in any file
		var next *onnx.Node
		for _, n := range m.Graph.Nodes {
			if len(n.Inputs) > 0 && n.Inputs[0] == name && n.Domain == "" {
				next = n
				break
			}
		}
		if next == nil || len(next.Outputs) == 0 {
			return 0, false, false
		}
		switch next.Op {
		case "Cast", "Identity", "Add", "Sub", "Mul", "Div", "BatchNormalization", "Pad":
		case "Transpose":
			var order []int64
			for _, a := range next.Attributes {
				if a.Name == "perm" {
					order = a.Ints
				}
			}
			if last || len(order) != 4 || [4]int64(order) != [4]int64{0, 3, 1, 2} {
				return 0, false, false
			}
			last = true
		case "Conv":
			return m.ConvChannels(next), last, true
		default:
			return 0, false, false
		}
		name = next.Outputs[0]
	}
	return 0, false, false
}

// fileShape returns the shape in the file of x [B, H, W, C].
func (in *onnxInput) fileShape(x tensor.Shape) tensor.Shape {
	s := tensor.Shape{x[0], x[3], x[1], x[2]}
	if in.last {
		s = x.Clone()
	}
	if in.rank == 3 {
		s = s[1:]
	}
	return s
}

// check returns an error if the file takes no x [B, H, W, C].
func (in *onnxInput) check(x tensor.Shape) error {
	want := [4]int{in.batch, in.size[0], in.size[1], in.channels}
	if len(x) != 4 {
		return fmt.Errorf("pictures are %v, want [B, H, W, C]", x)
	}
	for i, n := range want {
		if n != 0 && x[i] != n {
			return fmt.Errorf("pictures are %v as [B, H, W, C], and the file takes %v (0 is any)", x, tensor.Shape(want[:]))
		}
	}
	return nil
}

// ONNXShapes returns the shape of the input of an ONNX file that takes pictures, for a
// height and width and a number of pictures; zeros mean what the file or o says.
func ONNXShapes(m *onnx.Model, o ONNXOptions, size [2]int, batch int) (map[string][]int, error) {
	if err := m.CheckDims(o.Dims); err != nil {
		return nil, err
	}
	if size == ([2]int{}) && batch == 0 {
		return nil, nil
	}
	in, err := pictureInput(m, o.Input, o.Dims, nil)
	if err != nil {
		return nil, err
	}
	if batch != 0 && in.batch != 0 && batch != in.batch {
		return nil, fmt.Errorf("input %s takes %d pictures at once, and the batch is %d", files.Quote(in.name), in.batch, batch)
	}
	x := tensor.Shape{max(batch, in.batch, 1), in.size[0], in.size[1], in.channels}
	for i, n := range size {
		if n != 0 {
			x[1+i] = n
		}
	}
	if err := in.check(x); err != nil {
		return nil, err
	}
	if x[1] == 0 || x[2] == 0 {
		return nil, &UntoldError{Untold: []string{"size"}, What: fmt.Sprintf("the size of pictures: input %s is open", files.Quote(in.name))}
	}
	return map[string][]int{in.name: in.fileShape(x)}, nil
}
