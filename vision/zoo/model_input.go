package zoo

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/picture"
)

// preprocess returns the preprocessing that in asks for. size is the height and width of
// the model's input, zero where it is open. usual is what in changes; nil means that
// nothing else tells how pictures are prepared.
func (in ModelInput) preprocess(channels int, size [2]int, usual *Preprocess) (Preprocess, error) {
	var p Preprocess
	if usual != nil {
		p = *usual
	}
	if err := in.suitsFit(); err != nil {
		return p, err
	}
	if err := in.geometry(&p, size, usual != nil); err != nil {
		return p, err
	}
	if in.Interpolation != "" {
		var err error
		if p.Filter, err = picture.ParseFilter(in.Interpolation); err != nil {
			return p, err
		}
	}
	switch {
	case channels != 1 && channels != 3:
		return p, fmt.Errorf("the input has %d channels, and pictures have 1 or 3", channels)
	case channels == 1 && (in.Channels == "rgb" || in.Channels == "bgr"), channels == 3 && in.Channels == "gray":
		return p, fmt.Errorf("channels %q, but the input has %d", in.Channels, channels)
	case channels == 1 && (len(in.Mean) > 1 || len(in.Std) > 1 || len(in.Fill) > 1):
		return p, fmt.Errorf("mean %v, std %v, fill %v, but the input has one channel: want one number each", in.Mean, in.Std, in.Fill)
	}
	if p.Grey = channels == 1; in.Channels != "" {
		p.BGR = in.Channels == "bgr"
	}
	if in.numbers() {
		return p, in.arithmetic(&p)
	}
	return p, nil
}

// numbers reports whether in says how samples become numbers.
func (in ModelInput) numbers() bool {
	return in.Range != nil || in.Mean != nil || in.Std != nil || in.Peak
}

// geometry sets the steps that give a picture its size. told says that p has some.
func (in ModelInput) geometry(p *Preprocess, size [2]int, told bool) error {
	if told && in.Fit == "" && in.Size == (Size{}) {
		switch out := p.Output(); {
		case out == ([2]int{}) || size == ([2]int{}) || out == size:
			return nil
		default:
			return fmt.Errorf("pictures become %d×%d, but the input is %d×%d", out[0], out[1], size[0], size[1])
		}
	}
	if size == ([2]int{}) {
		if in.Fit != "" {
			return fmt.Errorf("fit %q without a size", in.Fit)
		}
		return nil
	}
	*p = p.Resized(size[0], size[1])
	p.Fill, p.Corner = [3]uint8{}, false
	switch in.Fit {
	case "crop":
		if in.Resize == 0 && size[0] != size[1] {
			return errors.New("resize is missing: a crop that is not square needs the size of the shorter side before")
		}
		if p.Short = in.Resize; p.Short == 0 {
			p.Short = size[0]
		}
		p.Size, p.Crop = [2]int{}, size
	case "letterbox":
		p.Inside, p.Size, p.Crop, p.Corner = size, [2]int{}, size, in.Place == "corner"
		for i := range p.Fill {
			if len(in.Fill) > 0 {
				p.Fill[i] = uint8(in.Fill[i%len(in.Fill)])
			}
		}
	}
	return nil
}

// Output returns the height and width of what Apply makes of every picture; zero if they
// depend on the picture.
func (p Preprocess) Output() [2]int {
	for _, size := range [][2]int{p.Pad, p.Crop, p.Size} {
		if size != ([2]int{}) {
			return size
		}
	}
	return [2]int{}
}

// arithmetic sets the mean and the standard deviation of p. For a sample v in 0…1 the
// network gets (low + v·(high-low) - mean) / std.
func (in ModelInput) arithmetic(p *Preprocess) error {
	low, high := 0.0, 1.0
	if in.Range != nil {
		low, high = in.Range[0], in.Range[1]
	}
	p.Bytes, p.Peak = low == 0 && high == 255, in.Peak
	span := high - low
	if p.Bytes {
		span = 1
	}
	p.Mean, p.Std = [3]float32{}, [3]float32{}
	for i := range 3 {
		mean, std := 0.0, 1.0
		if len(in.Mean) > 0 {
			mean = in.Mean[i%len(in.Mean)]
		}
		if len(in.Std) > 0 {
			std = in.Std[i%len(in.Std)]
		}
		if in.Range == nil && (math.Abs(mean) > 1 || std > 1) {
			return fmt.Errorf("mean %v and std %v are not for samples of 0 to 1: say the range, such as 0 to 255", in.Mean, in.Std)
		}
		p.Mean[i], p.Std[i] = float32((mean-low)/span), float32(std/span)
		if m, s := float64(p.Mean[i]), float64(p.Std[i]); math.IsInf(m, 0) || math.IsInf(s, 0) || m != m || s == 0 || s != s {
			return fmt.Errorf("range %v, mean %v, std %v: out of bounds", in.Range, in.Mean, in.Std)
		}
	}
	if p.Mean == ([3]float32{}) && p.Std == ([3]float32{1, 1, 1}) {
		p.Std = [3]float32{}
	}
	return nil
}

// UntoldError says what nothing tells of how pictures become the input of an ONNX file.
type UntoldError struct {
	Checkpoint string
	Untold     []string // fields of ModelInput by their names in JSON: "range", "size", "layout"
	What       string   // in words
}

func (e *UntoldError) Error() string {
	return files.Named(e.Checkpoint, fmt.Errorf("neither the file nor a model.json beside it tells %s", e.What)).Error()
}

// Has reports whether a field is untold.
func (e *UntoldError) Has(field string) bool { return slices.Contains(e.Untold, field) }
