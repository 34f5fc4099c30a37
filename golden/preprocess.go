package golden

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// maxSide is the largest height or width that a picture of a case may have.
const maxSide = 1 << 12

// preprocess builds the conversions and resizes of pictures, which run on the
// host.
func preprocess(s sub) (Case, error) {
	var a struct {
		Mode         string
		SizeWH       [2]int `json:"size_wh"`
		Size         any
		Grey         bool
		Resize, Crop int
		Mean, Std    [3]float32
		Target       int
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	if max(a.SizeWH[0], a.SizeWH[1], a.Resize, a.Crop, a.Target) > maxSide || min(a.SizeWH[0], a.SizeWH[1], a.Resize, a.Crop, a.Target) < 0 {
		return Case{}, fmt.Errorf("size_wh %v, resize %d, crop %d, target %d: not a picture's size", a.SizeWH, a.Resize, a.Crop, a.Target)
	}
	m := s.file.picture("input/image")
	if a.Mode == "" {
		a.Mode = "bilinear"
	}
	filter, err := picture.ParseFilter(a.Mode)
	if err != nil {
		return Case{}, err
	}
	size := [2]int{} // height and width
	switch v := a.Size.(type) {
	case float64:
		size = [2]int{int(v), int(v)}
	case []any:
		if len(v) != 2 {
			return Case{}, fmt.Errorf("size %v, want height and width", v)
		}
		h, _ := v[0].(float64)
		w, _ := v[1].(float64)
		size = [2]int{int(h), int(w)}
	}
	if min(size[0], size[1]) < 0 || max(size[0], size[1]) > maxSide {
		return Case{}, fmt.Errorf("size %v", a.Size)
	}
	p := zoo.Preprocess{Filter: filter, Mean: a.Mean, Std: a.Std}
	switch kind := s.Kind; {
	case kind == "convert_L":
		return s.pictures(m.Grey())
	case kind == "convert_YCbCr":
		return s.pictures(m.YCbCr())
	case kind == "pil_resize":
		if min(a.SizeWH[0], a.SizeWH[1]) < 1 {
			return Case{}, fmt.Errorf("size_wh %v", a.SizeWH)
		}
		if a.Grey {
			m = m.Grey()
		}
		return s.pictures(m.Resize(a.SizeWH[0], a.SizeWH[1], filter))
	case strings.HasPrefix(kind, "center_crop"):
		if min(size[0], size[1]) < 1 {
			return Case{}, fmt.Errorf("size %v", a.Size)
		}
		m, _, _ = m.CenterCrop(size[1], size[0])
		return s.pictures(m)
	case kind == "resize_short_side+center_crop+normalize":
		p.Short, p.Crop = a.Resize, [2]int{a.Crop, a.Crop}
	case strings.HasPrefix(kind, "clip _transform"):
		if strings.Contains(kind, "rotated by 90") {
			m = rotate(m)
		}
		p.Short, p.Crop = size[0], size
		p.Mean, p.Std = zoo.CLIPMean, zoo.CLIPStd
	case kind == "ResizeLongestSide+normalize+pad":
		p.Long, p.Pad, p.Bytes = a.Target, [2]int{a.Target, a.Target}, true
		p.Mean, p.Std = [3]float32{123.675, 116.28, 103.53}, [3]float32{58.395, 57.12, 57.375}
	case strings.HasPrefix(kind, "grey 28x28 bilinear"):
		p.Grey, p.Size = true, [2]int{28, 28}
		p.Mean, p.Std = [3]float32{0.1307}, [3]float32{0.3081}
	default:
		return Case{}, fmt.Errorf("kind %q is unknown", kind)
	}
	want := s.ranked("output", "tensor", 3)
	c := Case{Want: []*tensor.Tensor{want.Reshape(append([]int{1}, want.Shape...)...).ToNHWC()}}
	resized := p
	resized.Crop = [2]int{}
	steps := []zoo.Preprocess{}
	for _, step := range []struct {
		name string
		p    zoo.Preprocess
	}{{"resized", resized}, {"cropped", p}} {
		if !s.has("output", step.name) {
			continue
		}
		steps = append(steps, step.p)
		t := s.ranked("output", step.name, 3)
		if t.Shape[0] == 3 { // channels first
			t = t.Permute(1, 2, 0)
		}
		t = t.Reshape(append([]int{1}, t.Shape...)...)
		t.Name = step.name
		c.Want = append(c.Want, t)
	}
	c.Host = func() ([]*tensor.Tensor, error) {
		t, _, err := p.Apply(m)
		got := []*tensor.Tensor{t}
		for _, step := range steps {
			m, _, stepErr := step.Picture(m)
			if err = errors.Join(err, stepErr); err == nil {
				got = append(got, m.Tensor())
			}
		}
		return got, err
	}
	return c, nil
}

// photo builds the preprocessing of a whole photo. The metadata name the photo.
func photo(f *file) (Case, error) {
	m, err := f.photo()
	if err != nil {
		return Case{}, err
	}
	var c Case
	var steps []photoStep
	for _, name := range f.group("output").Names() {
		s, err := photoStepOf(name)
		if err != nil {
			return Case{}, err
		}
		c.Want = append(c.Want, f.raw("output/", name))
		steps = append(steps, s)
	}
	c.Host = func() ([]*tensor.Tensor, error) {
		var got []*tensor.Tensor
		for i, s := range steps {
			t, err := s.of(m, c.Want[i].Shape)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Want[i].Name, err)
			}
			got = append(got, t)
		}
		return got, nil
	}
	return c, nil
}

// photoStep is a step of a photo's preprocessing, or a row of the step's result.
type photoStep struct {
	zoo.Preprocess
	row int // negative for all rows
}

// photoStepOf reads the name of an output. "bicubic_256_224/resized" is the photo
// resized to a shorter side of 256, and "bicubic_256_224/cropped" is that cut to
// 224×224. "sam_1024/resized" is the photo resized to a longer side of 1024, and
// "sam_1024/row_512" is one row of that.
func photoStepOf(name string) (photoStep, error) {
	s := photoStep{row: -1}
	how, what, _ := strings.Cut(name, "/")
	fields := strings.Split(how, "_")
	numbers := make([]int, len(fields)-1)
	for i := range numbers {
		var err error
		if numbers[i], err = strconv.Atoi(fields[i+1]); err != nil || numbers[i] < 1 || numbers[i] > maxSide {
			return s, fmt.Errorf("output/%s: %q is not a size", name, fields[i+1])
		}
	}
	row, isRow := strings.CutPrefix(what, "row_")
	switch {
	case fields[0] == "sam" && len(numbers) == 1 && (what == "resized" || isRow):
		s.Long = numbers[0]
	case len(numbers) == 2 && (what == "resized" || what == "cropped"):
		var err error
		if s.Filter, err = picture.ParseFilter(fields[0]); err != nil {
			return s, fmt.Errorf("output/%s: %w", files.Quote(name), err)
		}
		if s.Short = numbers[0]; what == "cropped" {
			s.Crop = [2]int{numbers[1], numbers[1]}
		}
		return s, nil
	default:
		return s, fmt.Errorf("output/%s is unknown; want a name such as bicubic_256_224/cropped or sam_1024/row_512", files.Quote(name))
	}
	if isRow {
		var err error
		if s.row, err = strconv.Atoi(row); err != nil || s.row < 0 {
			return s, fmt.Errorf("output/%s: %q is not a row", files.Quote(name), row)
		}
	}
	return s, nil
}

// of returns the step's result for m, with as many dimensions as shape: [H, W, C] or
// [H, W], or the same without H for a row. It converts between grey and colour as
// shape wants.
func (s photoStep) of(m *picture.Image, shape tensor.Shape) (*tensor.Tensor, error) {
	rank := len(shape)
	if s.row >= 0 {
		rank++
	}
	switch {
	case rank == 3 && shape[len(shape)-1] == 3:
		m = m.RGB()
	case rank == 2:
		m = m.Grey()
	default:
		return nil, fmt.Errorf("want %v, which is not the shape of a picture", shape)
	}
	m, _, err := s.Picture(m)
	if err != nil {
		return nil, err
	}
	t := squeezed(m, rank)
	if s.row < 0 {
		return t, nil
	}
	if s.row >= m.Height {
		return nil, fmt.Errorf("the picture has %d rows", m.Height)
	}
	each := len(t.Data) / m.Height
	return tensor.Of(t.Data[s.row*each:][:each], t.Shape[1:]...), nil
}

// pictures makes a case whose picture must equal the output "image" exactly.
func (s sub) pictures(m *picture.Image) (Case, error) {
	want := s.file.picture("output/" + s.ID + "/image").Tensor()
	want.Name = "image"
	return Case{
		Host: func() ([]*tensor.Tensor, error) { return []*tensor.Tensor{m.Tensor()}, nil },
		Want: []*tensor.Tensor{want},
	}, nil
}

// rotate turns a picture by 90 degrees counterclockwise.
func rotate(m *picture.Image) *picture.Image {
	out := picture.New(m.Height, m.Width, m.Channels)
	for y := range out.Height {
		for x := range out.Width {
			copy(out.Pix[(y*out.Width+x)*m.Channels:], m.Pix[(x*m.Width+m.Width-1-y)*m.Channels:][:m.Channels])
		}
	}
	return out
}
