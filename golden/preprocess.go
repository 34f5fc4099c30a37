package golden

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// picture reads an image [H, W, C] or [H, W] of bytes.
func (f *file) picture(name string) *picture.Image {
	e, ok := f.Entry(name)
	raw, err := f.Bytes(name)
	if err == nil && (!ok || e.DType != "U8" || len(e.Shape) < 2 || len(e.Shape) > 3) {
		err = fmt.Errorf("%s is no image", name)
	}
	if err != nil {
		panic(missing{err})
	}
	m := picture.New(e.Shape[1], e.Shape[0], append(e.Shape, 1)[2])
	copy(m.Pix, raw)
	return m
}

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
		h, _ := v[0].(float64)
		w, _ := v[1].(float64)
		size = [2]int{int(h), int(w)}
	}
	p := zoo.Preprocess{Filter: filter, Mean: a.Mean, Std: a.Std}
	switch kind := s.Kind; {
	case kind == "convert_L":
		return s.pictures(m.Grey())
	case kind == "convert_YCbCr":
		return s.pictures(m.YCbCr())
	case kind == "pil_resize":
		if a.Grey {
			m = m.Grey()
		}
		return s.pictures(m.Resize(a.SizeWH[0], a.SizeWH[1], filter))
	case strings.HasPrefix(kind, "center_crop"):
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
	want := s.out("tensor")
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
		t := s.out(step.name)
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

// photo builds the preprocessing of a whole photo, which lies beside the file
// or in the folder of images beside its folder.
func photo(f *file) (Case, error) {
	var config struct{ Image string }
	if err := json.Unmarshal([]byte(f.Metadata["config"]), &config); err != nil {
		return Case{}, err
	}
	name := filepath.Base(config.Image)
	m, err := picture.Load(filepath.Join(f.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		m, err = picture.Load(filepath.Join(f.dir, "..", "data", "images", name))
	}
	if err != nil {
		return Case{}, err
	}
	var c Case
	var steps []zoo.Preprocess
	for _, name := range f.Names() {
		var filter string
		var p zoo.Preprocess
		want := f.picture(name)
		parts := strings.Split(name, "/")
		if parts[1] == "sam_1024" {
			p.Long = 1024
		} else {
			fields := strings.Split(parts[1], "_")
			filter = fields[0]
			p.Short, _ = strconv.Atoi(fields[1])
			size, _ := strconv.Atoi(fields[2])
			p.Crop = [2]int{size, size}
			if p.Filter, err = picture.ParseFilter(filter); err != nil {
				return Case{}, err
			}
		}
		t := want.Tensor()
		t.Name = strings.TrimPrefix(name, "output/")
		c.Want = append(c.Want, t)
		steps = append(steps, p)
	}
	c.Host = func() ([]*tensor.Tensor, error) {
		var got []*tensor.Tensor
		for i, p := range steps {
			m, _, err := p.Picture(m)
			if err != nil {
				return nil, err
			}
			if row, ok := strings.CutPrefix(c.Want[i].Name, "sam_1024/row_"); ok {
				y, _ := strconv.Atoi(row)
				m = &picture.Image{Width: 3, Height: m.Width, Channels: 1, Pix: m.Pix[3*m.Width*y:][:3*m.Width]}
			}
			got = append(got, m.Tensor())
		}
		return got, nil
	}
	return c, nil
}

// pictures makes a case of a picture, which must equal the output "image" to
// the bit.
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
