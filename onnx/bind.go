package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// ImportFor is Import for a run with these inputs, by name: it takes their shapes, and
// the numbers of integers and of short lists that decide shapes.
func ImportFor(m *Model, o Options, inputs map[string]*Array) (*Network, error) {
	shapes, values := map[string][]int{}, map[string]*Array{}
	for name, a := range inputs {
		shapes[name] = a.Shape
	}
	for name, s := range o.Shapes {
		shapes[name] = s
	}
	for name, a := range o.Values {
		values[name] = a
	}
	o.Shapes, o.Values = shapes, values
	for {
		n, err := Import(m, o)
		var need *ValueNeededError
		if !errors.As(err, &need) {
			return n, err
		}
		for _, name := range need.Inputs {
			a := inputs[name]
			if a == nil || values[name] != nil || !a.Type.Integer() && len(a.Shape) > 1 {
				return nil, err
			}
			values[name] = a
		}
	}
}

// As returns the array with elements of another type.
func (a *Array) As(t Type) (*Array, error) {
	if t.bits() == 0 {
		return nil, errors.New("elements of type " + t.String() + " are not read")
	}
	return a.cast(t), nil
}

// Tensor returns the numbers as float32. An integer over 2^24 is an error.
func (a *Array) Tensor() (*tensor.Tensor, error) {
	f, err := a.float32s()
	if err != nil {
		return nil, err
	}
	return &tensor.Tensor{Shape: a.Shape, Data: f}, nil
}

// CheckDims returns an error if no input has a dimension of one of these names. It lists
// the names that there are.
func (m *Model) CheckDims(dims map[string]int) error {
	known := map[string]bool{}
	for _, v := range m.Given() {
		for _, d := range v.Dims {
			if d.bindable() {
				known[d.Name] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(dims)) {
		if known[name] {
			continue
		}
		list := "none has a name"
		if len(known) > 0 {
			list = "there are " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
		}
		return fmt.Errorf("no input has a dimension %q; %s", name, list)
	}
	return nil
}
