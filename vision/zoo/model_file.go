package zoo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/picture"
)

// ModelFile is what a file model.json beside an ONNX file says of it: docs/model-json.md
// describes it. A field that is zero says nothing.
type ModelFile struct {
	Task   string       `json:"task"` // as Task.String
	Inputs []ModelInput `json:"inputs"`
	Labels Labels       `json:"labels"`

	// Outputs gives the names of outputs by what they are for the task.
	Outputs map[string]string `json:"outputs"`

	// Decode says how outputs become objects: an object with the name of a decoder and
	// its options.
	Decode json.RawMessage `json:"decode"`
}

// ModelInput says what an input of an ONNX file takes. A field that is zero says nothing.
type ModelInput struct {
	Name   string `json:"name,omitzero"`   // of the input; may be left out if there is one
	Layout string `json:"layout,omitzero"` // NCHW or NHWC
	Size   Size   `json:"size,omitzero"`   // height and width

	// Fit is how a picture gets this size: "stretch", "crop" or "letterbox". Resize is
	// the size of the shorter side before a crop; 0 means that of the crop.
	Fit           string        `json:"fit,omitzero"`
	Resize        int           `json:"resize,omitzero"`
	Fill          List[int]     `json:"fill,omitzero"`  // with letterbox: the colour beside the picture, one number or three
	Place         string        `json:"place,omitzero"` // with letterbox: "center" or "corner", the upper left one
	Interpolation string        `json:"interpolation,omitzero"`
	Channels      string        `json:"channels,omitzero"` // "rgb", "bgr" or "gray"
	Range         []float64     `json:"range,omitzero"`    // what the samples 0 and 255 become
	Mean          List[float64] `json:"mean,omitzero"`     // subtracted after that, one for each channel or one for all
	Std           List[float64] `json:"std,omitzero"`      // divides after that
	Peak          bool          `json:"peak,omitzero"`     // the largest sample of a picture counts as 255

	// Value is the numbers of an input that is no picture, or "size" for the height and
	// width of the picture's input.
	Value json.RawMessage `json:"value,omitzero"`
}

// Size is a height and a width. In JSON it is a list of both, or a number for both.
type Size [2]int

// UnmarshalJSON reads a number or a list.
func (s *Size) UnmarshalJSON(data []byte) error {
	var both []int
	var one int
	switch {
	case json.Unmarshal(data, &one) == nil:
		both = []int{one, one}
	case json.Unmarshal(data, &both) != nil || len(both) != 2:
		return fmt.Errorf("size %s, want a number or [height, width]", data)
	}
	for _, n := range both {
		if n < 1 || n > picture.MaxPixels {
			return fmt.Errorf("size %s is not the size of a picture", data)
		}
	}
	*s = Size(both)
	return nil
}

// List is a list of numbers. In JSON it may be one number without the brackets.
type List[T int | float64] []T

// UnmarshalJSON reads a list or a number.
func (l *List[T]) UnmarshalJSON(data []byte) error {
	var one T
	if data[0] == '[' || string(data) == "null" {
		return json.Unmarshal(data, (*[]T)(l))
	}
	err := json.Unmarshal(data, &one)
	*l = List[T]{one}
	return err
}

// Labels are the names of classes. In JSON they are a list, or the name of a file beside
// model.json with a name on each line.
type Labels struct {
	Names []string
	File  string
}

// UnmarshalJSON reads a list or a name.
func (l *Labels) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &l.File) == nil || json.Unmarshal(data, &l.Names) == nil {
		return nil
	}
	return errors.New("labels: want a list of names, or the name of a file")
}

// read returns the names. The file is in folder.
func (l Labels) read(folder string) ([]string, error) {
	if l.File == "" {
		return l.Names, nil
	}
	if !filepath.IsLocal(l.File) {
		return nil, fmt.Errorf("labels: %s is not in the same folder", files.Quote(l.File))
	}
	data, err := readSmall(filepath.Join(folder, l.File))
	if err != nil {
		return nil, err
	}
	body := strings.TrimRight(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	return strings.Split(body, "\n"), nil
}

// ReadModelFile reads a model.json. It returns nil if there is no such file. A key that is
// not known is an error.
func ReadModelFile(path string) (*ModelFile, error) {
	if c, err := readConfig(path); err != nil || c.values == nil { // names what is wrong as JSON
		return nil, err
	}
	data, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	f := &ModelFile{}
	if err := d.Decode(f); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			err = fmt.Errorf("%s: a %s, want a value of another kind", kind.Field, kind.Value)
		}
		return nil, files.Named(path, errors.New(strings.TrimPrefix(err.Error(), "json: ")))
	}
	if f.Task != "" {
		if _, err := ParseTask(f.Task); err != nil {
			return nil, files.Named(path, err)
		}
	}
	pictures := 0
	for _, in := range f.Inputs {
		if in.Value == nil {
			pictures++
		}
		if err := in.check(); err != nil {
			return nil, files.Named(path, err)
		}
	}
	if pictures > 1 {
		return nil, files.Named(path, errors.New("inputs: several are pictures, and one may be; others need a value"))
	}
	return f, nil
}

// oneOf returns an error if a text is none of those in list, nor empty.
func oneOf(key, text string, list ...string) error {
	if text != "" && !slices.Contains(list, text) {
		return fmt.Errorf("%s %q, want %s", key, text, strings.Join(list, " or "))
	}
	return nil
}

// check returns the first field that is wrong.
func (in ModelInput) check() error {
	errs := []error{
		oneOf("layout", in.Layout, "NCHW", "NHWC"),
		oneOf("fit", in.Fit, "stretch", "crop", "letterbox"),
		oneOf("place", in.Place, "center", "corner"),
		oneOf("channels", in.Channels, "rgb", "bgr", "gray"),
	}
	if in.Interpolation != "" {
		_, err := picture.ParseFilter(in.Interpolation)
		errs = append(errs, err)
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	switch {
	case in.Range != nil && (len(in.Range) != 2 || in.Range[0] == in.Range[1]):
		return fmt.Errorf("range %v, want two numbers that differ, such as 0 and 1", in.Range)
	case len(in.Mean) != 0 && len(in.Mean) != 1 && len(in.Mean) != 3:
		return fmt.Errorf("mean %v, want one number or three", in.Mean)
	case len(in.Std) != 0 && len(in.Std) != 1 && len(in.Std) != 3:
		return fmt.Errorf("std %v, want one number or three", in.Std)
	case slices.Contains(in.Std, 0):
		return fmt.Errorf("std %v, want no 0", in.Std)
	case len(in.Fill) != 0 && len(in.Fill) != 1 && len(in.Fill) != 3,
		slices.ContainsFunc(in.Fill, func(n int) bool { return n < 0 || n > 255 }):
		return fmt.Errorf("fill %v, want one number or three, from 0 to 255", in.Fill)
	case in.Resize < 0 || in.Resize > maxSide:
		return fmt.Errorf("resize %d, want the size of a picture", in.Resize)
	}
	if in.Fit != "" {
		return in.suitsFit()
	}
	return nil // another source may say the fit
}

// suitsFit returns an error if a field needs another fit.
func (in ModelInput) suitsFit() error {
	have := fmt.Sprintf("and the fit is %q", in.Fit)
	if in.Fit == "" {
		have = "and nothing says the fit"
	}
	switch {
	case in.Fit != "letterbox" && in.Fill != nil:
		return fmt.Errorf(`fill is for the fit "letterbox", %s`, have)
	case in.Fit != "letterbox" && in.Place != "":
		return fmt.Errorf(`place is for the fit "letterbox", %s`, have)
	case in.Fit != "crop" && in.Resize != 0:
		return fmt.Errorf(`resize is for the fit "crop", %s`, have)
	}
	return nil
}

// over returns in with the fields of low where in says nothing.
func (in ModelInput) over(low ModelInput) ModelInput {
	if in.Fit != "" { // what belongs to another fit does not count
		low.Resize, low.Fill, low.Place = 0, nil, ""
	}
	pick := func(to *string, other string) {
		if *to == "" {
			*to = other
		}
	}
	pick(&in.Name, low.Name)
	pick(&in.Layout, low.Layout)
	pick(&in.Fit, low.Fit)
	pick(&in.Place, low.Place)
	pick(&in.Interpolation, low.Interpolation)
	pick(&in.Channels, low.Channels)
	if in.Size == (Size{}) {
		in.Size = low.Size
	}
	if in.Resize == 0 {
		in.Resize = low.Resize
	}
	if in.Fill == nil {
		in.Fill = low.Fill
	}
	if in.Range == nil {
		in.Range = low.Range
	}
	if in.Mean == nil {
		in.Mean = low.Mean
	}
	if in.Std == nil {
		in.Std = low.Std
	}
	in.Peak = in.Peak || low.Peak
	return in
}
