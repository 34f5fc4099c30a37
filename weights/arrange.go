package weights

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Place says where a tensor of a source goes in the model.
type Place struct {
	Name      string // name of the model's tensor; "" leaves this one out
	Part, Of  int    // if Of > 1: the tensor is number Part (from 0) of Of tensors joined along dimension 0
	Transpose bool   // the model keeps the transpose of this matrix
}

// Arrange presents src in the model's layout. It is Rename for sources that
// split what the model keeps in one tensor (queries, keys and values, say) or
// that keep a matrix transposed. f says the place of each name of src. A joined
// tensor is listed only if src has all its parts.
func Arrange(src Source, f func(name string) Place) Source {
	a := arranged{src: src, from: map[string][]origin{}}
	var order []string
	for _, n := range src.Names() {
		p := f(n)
		if p.Name == "" {
			continue
		}
		parts := a.from[p.Name]
		if parts == nil {
			order = append(order, p.Name)
			parts = make([]origin, max(p.Of, 1))
		}
		if p.Part < len(parts) {
			parts[p.Part] = origin{n, p.Transpose}
		}
		a.from[p.Name] = parts
	}
	for _, n := range order {
		whole := true
		for _, o := range a.from[n] {
			whole = whole && o.name != ""
		}
		if whole {
			a.names = append(a.names, n)
		}
	}
	return a
}

type arranged struct {
	src   Source
	names []string
	from  map[string][]origin
}

type origin struct {
	name      string
	transpose bool
}

func (a arranged) Names() []string { return a.names }

func (a arranged) Tensor(name string) (*tensor.Tensor, error) {
	return a.tensor(name, Source.Tensor)
}

func (a arranged) View(name string) (*tensor.Tensor, error) { return a.tensor(name, View) }

func (a arranged) tensor(name string, read func(Source, string) (*tensor.Tensor, error)) (*tensor.Tensor, error) {
	parts, ok := a.from[name]
	if !ok {
		return nil, fmt.Errorf("no tensor %s", shown(name))
	}
	var whole *tensor.Tensor
	for i, o := range parts {
		t, err := read(a.src, o.name)
		if err != nil {
			return nil, err
		}
		if len(parts) == 1 && !o.transpose {
			return &tensor.Tensor{Name: name, Shape: t.Shape.Clone(), Data: t.Data, Halves: t.Halves, Unload: t.Unload}, nil
		}
		part := t
		if o.transpose {
			if len(t.Shape) != 2 {
				return nil, fmt.Errorf("%s %v is not a matrix", shown(o.name), t.Shape)
			}
			part = t.Permute(1, 0)
		}
		if i == 0 {
			whole = &tensor.Tensor{Name: name, Shape: part.Shape.Clone(), Data: part.Data, Halves: part.Halves}
			switch { // the other parts have about the same size
			case len(parts) == 1:
			case part.Halves != nil:
				whole.Halves = append(make([]uint16, 0, len(parts)*len(part.Halves)), part.Halves...)
			default:
				whole.Data = append(make([]float32, 0, len(parts)*len(part.Data)), part.Data...)
			}
		} else {
			if (whole.Halves == nil) != (part.Halves == nil) {
				whole, part = whole.Floats(nil), part.Floats(nil)
			}
			if whole.Shape, err = stack(whole.Shape, part.Shape); err != nil {
				return nil, fmt.Errorf("%s: %w", shown(o.name), err)
			}
			whole.Data, whole.Halves = append(whole.Data, part.Data...), append(whole.Halves, part.Halves...)
		}
		if t.Unload != nil {
			t.Unload()
		}
	}
	return whole, nil
}

// Entry describes a tensor without reading it, if src can do that.
func (a arranged) Entry(name string) (Entry, bool) {
	var whole Entry
	for i, o := range a.from[name] {
		e, ok := Describe(a.src, o.name)
		if !ok {
			return Entry{}, false
		}
		if o.transpose {
			if len(e.Shape) != 2 {
				return Entry{}, false
			}
			e.Shape = tensor.Shape{e.Shape[1], e.Shape[0]}
		}
		if i == 0 {
			whole = e
			continue
		}
		shape, err := stack(whole.Shape, e.Shape)
		if err != nil {
			return Entry{}, false
		}
		whole.Shape, whole.Bytes = shape, whole.Bytes+e.Bytes
	}
	return whole, whole.Shape != nil
}

// stack returns the shape of a and b joined along dimension 0.
func stack(a, b tensor.Shape) (tensor.Shape, error) {
	if len(a) == 0 || len(b) == 0 || !a[1:].Equal(b[1:]) {
		return nil, fmt.Errorf("shapes %v and %v cannot be joined along dimension 0", a, b)
	}
	s := a.Clone()
	s[0] += b[0]
	return s, nil
}
