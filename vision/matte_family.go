package vision

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/zoo"
)

// MatteFamily is what the authors of networks for Matte do with pictures and outputs.
type MatteFamily struct {
	Name    string
	Input   zoo.ModelInput // for zoo.ONNXOptions.Usual
	Options MatteOptions
}

// MatteFamilies lists the families of networks for Matte.
func MatteFamilies() []MatteFamily {
	imagenet := func(size int) zoo.ModelInput {
		return zoo.ModelInput{Range: []float64{0, 1}, Mean: []float64{0.485, 0.456, 0.406}, Std: []float64{0.229, 0.224, 0.225}, Size: zoo.Size{size, size}}
	}
	plain := func(low, high float64, size int) zoo.ModelInput {
		return zoo.ModelInput{Range: []float64{low, high}, Size: zoo.Size{size, size}}
	}
	u2net := imagenet(320)
	u2net.Peak = true
	return []MatteFamily{
		{"u2net", u2net, MatteOptions{Stretch: true}},
		{"isnet", plain(-0.5, 0.5, 1024), MatteOptions{Stretch: true}},
		{"modnet", plain(-1, 1, 512), MatteOptions{}},
		{"birefnet", imagenet(1024), MatteOptions{}},
		{"selfie", plain(0, 1, 256), MatteOptions{}},
	}
}

// LookupMatteFamily finds a family by name.
func LookupMatteFamily(name string) (MatteFamily, error) {
	var names []string
	for _, f := range MatteFamilies() {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return MatteFamily{}, fmt.Errorf("no family %q; there are %s", name, strings.Join(names, ", "))
}

// MatteOptions returns what the model.json beside an ONNX file says about Matte: its field
// decode may be {"stretch": true}.
func (m *Model) MatteOptions() (o MatteOptions, err error) {
	n, ok := m.Network.(*zoo.ONNX)
	if !ok || n.Said == nil || n.Said.Decode == nil {
		return o, nil
	}
	r := json.NewDecoder(bytes.NewReader(n.Said.Decode))
	r.DisallowUnknownFields()
	if err := r.Decode(&o); err != nil {
		text := strings.TrimPrefix(err.Error(), "json: ")
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
			text = "a " + wrong.Value
		}
		return o, files.Named(n.Path, fmt.Errorf(`model.json: decode: %s; for a matte it is {"stretch": true} or nothing`, text))
	}
	return o, nil
}
