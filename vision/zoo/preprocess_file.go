package zoo

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/picture"
)

// preprocessFile is Hugging Face's preprocessor_config.json. A field that is missing or
// null means the value from training.
type preprocessFile struct {
	Type string `json:"image_processor_type"`
	Old  string `json:"feature_extractor_type"` // Type in older files

	Resize    *bool           `json:"do_resize"`
	Size      json.RawMessage `json:"size"`
	Square    *bool           `json:"default_to_square"`
	Resample  *int            `json:"resample"`
	Crop      *bool           `json:"do_center_crop"`
	CropSize  json.RawMessage `json:"crop_size"`
	Rescale   *bool           `json:"do_rescale"`
	Factor    *float64        `json:"rescale_factor"`
	Normalize *bool           `json:"do_normalize"`
	Mean      json.RawMessage `json:"image_mean"`
	Std       json.RawMessage `json:"image_std"`
	Pad       *bool           `json:"do_pad"`
	PadSize   json.RawMessage `json:"pad_size"`
	RGB       *bool           `json:"do_convert_rgb"` // pictures are RGB here in any case
	CropPart  *float64        `json:"crop_pct"`       // of ConvNext
}

// readPreprocess returns p, the preprocessing from training, changed as the file at path
// says. It returns p itself if there is no file. The name of the processor must begin
// with family. Unless side is 0, pictures must become side×side, the size that the
// weights want.
func readPreprocess(path, family string, p Preprocess, side int) (Preprocess, error) {
	if c, err := readConfig(path); err != nil || c.values == nil {
		return p, err
	}
	data, err := readSmall(path)
	if err != nil {
		return p, err
	}
	var f preprocessFile
	var kind *json.UnmarshalTypeError
	switch err := json.Unmarshal(data, &f); {
	case errors.As(err, &kind):
		return p, files.Named(path, fmt.Errorf("%s: a %s, want %s", kind.Field, kind.Value, goKinds[kind.Type.Kind()]))
	case err != nil:
		return p, files.Named(path, err)
	}
	out, err := f.apply(family, p)
	if err == nil {
		err = otherSteps(data)
	}
	if err == nil && side > 0 {
		err = out.makes(side)
	}
	if err != nil {
		return p, files.Named(path, err)
	}
	return out, nil
}

// goKinds has the words for the types of preprocessFile's fields.
var goKinds = map[reflect.Kind]string{
	reflect.String: "a text", reflect.Bool: "true or false", reflect.Int: "an integer", reflect.Float64: "a number",
}

// otherSteps returns an error if the file asks for unknown steps.
func otherSteps(data []byte) error {
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	var unknown []string
	for name, on := range all {
		switch name {
		case "do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_pad", "do_convert_rgb":
			continue
		}
		if strings.HasPrefix(name, "do_") && on == true {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("%s is not supported", files.Quote(strings.Join(unknown, ", ")))
}

// makes returns an error unless every picture becomes side×side.
func (p Preprocess) makes(side int) error {
	want := [2]int{side, side}
	for _, size := range [][2]int{p.Pad, p.Crop, p.Size} {
		if size == want {
			if p.Pad == want && p.Long != side {
				break // a larger side does not fit; the model was not trained with a smaller one
			}
			return nil
		}
		if size != [2]int{} {
			return fmt.Errorf("pictures become %d×%d, but the weights want %d×%d", size[1], size[0], side, side)
		}
	}
	return fmt.Errorf("not all pictures become %d×%d, the size that the weights want", side, side)
}

// apply returns p changed as the file says.
func (f *preprocessFile) apply(family string, p Preprocess) (Preprocess, error) {
	if kind := cmp.Or(f.Type, f.Old); kind != "" && !strings.HasPrefix(kind, family) {
		want := []string{family}
		if family == processors[0].name {
			want = nil
			for _, p := range processors {
				want = append(want, p.name)
			}
		}
		return p, fmt.Errorf("processor %s is not supported, want one whose name begins with %s", files.Quote(kind), strings.Join(want, ", "))
	}
	if err := f.size(&p); err != nil {
		return p, err
	}
	if family == "ConvNext" {
		if err := f.convNext(&p); err != nil {
			return p, err
		}
	}
	if f.Resample != nil {
		filter, ok := pillowFilters[*f.Resample]
		if !ok {
			return p, fmt.Errorf("resample %d, want Pillow's 0 to 5", *f.Resample)
		}
		p.Filter = filter
	}
	if err := f.box("do_center_crop", f.Crop, "crop_size", f.CropSize, &p.Crop); err != nil {
		return p, err
	}
	if err := f.box("do_pad", f.Pad, "pad_size", f.PadSize, &p.Pad); err != nil {
		return p, err
	}
	err := f.numbers(&p)
	return p, err
}

// convNext applies the crop of ConvNext's processor: below 384 pixels the shorter side
// becomes ⌊size/crop_pct⌋ and the middle is cropped, else all is squeezed into the
// square.
func (f *preprocessFile) convNext(p *Preprocess) error {
	side := p.Short
	if side == 0 {
		return nil // no resize
	}
	part := 224.0 / 256
	if f.CropPart != nil {
		part = *f.CropPart
	}
	if !(part >= 0.01 && part <= 100) {
		return fmt.Errorf("crop_pct %v, want a number from 0.01 to 100", part)
	}
	if side >= 384 {
		p.Short, p.Size = 0, [2]int{side, side}
		return nil
	}
	p.Short, p.Crop = int(float64(side)/part), [2]int{side, side}
	if p.Short < 1 || p.Short > maxSide {
		return fmt.Errorf("crop_pct %v does not fit the size %d", part, side)
	}
	return nil
}

// pillowFilters gives the filters by Pillow's numbers.
var pillowFilters = map[int]picture.Filter{0: picture.Nearest, 1: picture.Lanczos, 2: picture.Bilinear, 3: picture.Bicubic, 4: picture.Box, 5: picture.Hamming}

// size reads the resize step. A bare number is the size of the side that p resizes,
// unless the file says that it is the size of both.
func (f *preprocessFile) size(p *Preprocess) error {
	if f.Resize != nil && !*f.Resize {
		p.Short, p.Long, p.Size = 0, 0, [2]int{}
		return nil
	}
	if missing(f.Size) {
		return nil
	}
	square := p.Size != [2]int{} || f.Square != nil && *f.Square
	long := p.Long > 0 && !square
	n, both, err := lengths(f.Size)
	switch {
	case err != nil:
		return fmt.Errorf("size %s: %w", f.Size, err)
	case n["shortest_edge"] > 0:
		p.Short, p.Long, p.Size = n["shortest_edge"], 0, [2]int{}
	case n["longest_edge"] > 0:
		p.Short, p.Long, p.Size = 0, n["longest_edge"], [2]int{}
	case n != nil || square:
		p.Short, p.Long, p.Size = 0, 0, both
	case long:
		p.Long = both[0]
	default:
		p.Short, p.Size = both[0], [2]int{}
	}
	return nil
}

// box reads a step with a height and a width into to.
func (f *preprocessFile) box(step string, on *bool, name string, size json.RawMessage, to *[2]int) error {
	if on == nil && *to == [2]int{} || on != nil && !*on {
		*to = [2]int{}
		return nil
	}
	if missing(size) {
		if *to == [2]int{} {
			return fmt.Errorf("%s without %s", step, name)
		}
		return nil
	}
	n, both, err := lengths(size)
	if err == nil && (n["shortest_edge"] > 0 || n["longest_edge"] > 0) {
		err = errors.New("want a number, or height and width")
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", name, size, err)
	}
	*to = both
	return nil
}

// lengths reads a size, which is a number, [height, width] or an object. A number is
// both height and width. named has the fields of an object or the parts of a list.
func lengths(raw json.RawMessage) (named map[string]int, both [2]int, err error) {
	ok := func(n int) bool { return n > 0 && n <= picture.MaxPixels }
	var n int
	var list []int
	switch {
	case json.Unmarshal(raw, &n) == nil:
		both = [2]int{n, n}
	case json.Unmarshal(raw, &list) == nil && len(list) == 2:
		both, named = [2]int(list), map[string]int{"height": list[0], "width": list[1]}
	case json.Unmarshal(raw, &named) == nil:
		_, short := named["shortest_edge"]
		_, long := named["longest_edge"]
		height, h := named["height"]
		width, w := named["width"]
		switch {
		case len(named) == 1 && (short || long):
			both = [2]int{named["shortest_edge"] + named["longest_edge"], 1}
		case len(named) == 2 && h && w:
			both = [2]int{height, width}
		default:
			return nil, both, errors.New("not supported: want a number, shortest_edge, longest_edge, or height and width")
		}
	default:
		return nil, both, errors.New("not supported: want a number, shortest_edge, longest_edge, or height and width")
	}
	if !ok(both[0]) || !ok(both[1]) {
		return nil, both, errors.New("not the size of a picture")
	}
	return named, both, nil
}

// numbers reads the arithmetic on samples: a factor, then the mean and the standard
// deviation.
func (f *preprocessFile) numbers(p *Preprocess) error {
	const usual = 1.0 / 255
	unit := 1.0 // of p.Mean and p.Std
	if p.Bytes {
		unit = usual
	}
	factor := usual
	if f.Factor != nil {
		factor = *f.Factor
	}
	if f.Rescale != nil && !*f.Rescale {
		factor = 1
	}
	if !(factor > 0) || math.IsInf(factor, 0) {
		return fmt.Errorf("rescale_factor %v, want a number over 0", factor)
	}
	if math.Abs(factor/usual-1) < 1e-6 {
		factor = usual
	}
	mean, std := [3]float64{}, [3]float64{1, 1, 1}
	if f.Normalize == nil || *f.Normalize {
		for i := range 3 {
			mean[i], std[i] = float64(p.Mean[i])*unit, float64(p.Std[i])*unit
		}
		if err := perChannel("image_mean", f.Mean, &mean); err != nil {
			return err
		}
		if err := perChannel("image_std", f.Std, &std); err != nil {
			return err
		}
		for _, v := range std {
			if !(v > 0) {
				return fmt.Errorf("image_std %s: want numbers over 0", f.Std)
			}
		}
	}
	// (v·factor - mean) / std of bytes v is (v - mean/factor) / (std/factor).
	scale := factor
	if !p.Bytes {
		scale /= usual
	}
	for i := range 3 {
		p.Mean[i], p.Std[i] = float32(mean[i]/scale), float32(std[i]/scale)
		if m, d := float64(p.Mean[i]), float64(p.Std[i]); math.IsInf(m, 0) || math.IsInf(d, 0) || d == 0 {
			return fmt.Errorf("image_mean %s, image_std %s: out of range", cmp.Or(string(f.Mean), "missing"), cmp.Or(string(f.Std), "missing"))
		}
	}
	return nil
}

// perChannel reads a number for each channel, or one for all.
func perChannel(name string, raw json.RawMessage, to *[3]float64) error {
	if missing(raw) {
		return nil
	}
	var one float64
	var list []float64
	switch {
	case json.Unmarshal(raw, &one) == nil:
		*to = [3]float64{one, one, one}
	case json.Unmarshal(raw, &list) == nil && len(list) == 3:
		*to = [3]float64(list)
	default:
		return fmt.Errorf("%s %s: want three numbers", name, raw)
	}
	return nil
}

// missing reports whether a field is missing or null.
func missing(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }
