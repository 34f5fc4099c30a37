package weights

import (
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

func TestArrange(t *testing.T) {
	src := Map{
		"k":    tensor.Of([]float32{5, 6}, 1, 2),
		"q":    tensor.Of([]float32{1, 2, 3, 4}, 2, 2),
		"proj": tensor.Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3),
		"half": tensor.Of([]float32{1}, 1),
		"ids":  tensor.Of([]float32{1}, 1),
	}
	a := Arrange(src, func(name string) Place {
		switch name {
		case "q":
			return Place{Name: "qk", Of: 2}
		case "k":
			return Place{Name: "qk", Part: 1, Of: 2}
		case "proj":
			return Place{Name: "w", Transpose: true}
		case "half":
			return Place{Name: "whole", Of: 2}
		}
		return Place{}
	})
	if got := strings.Join(a.Names(), " "); got != "qk w" {
		t.Errorf("names are %s", got)
	}
	for name, want := range map[string]*tensor.Tensor{
		"qk": tensor.Of([]float32{1, 2, 3, 4, 5, 6}, 3, 2),
		"w":  tensor.Of([]float32{1, 4, 2, 5, 3, 6}, 3, 2),
	} {
		got, err := a.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Shape.Equal(want.Shape) || !slices.Equal(got.Data, want.Data) {
			t.Errorf("%s is %v %v, want %v", name, got, got.Data, want.Data)
		}
		if e, ok := Describe(a, name); !ok || !e.Shape.Equal(want.Shape) || e.Bytes != 24 {
			t.Errorf("%s is described as %v, %v", name, e, ok)
		}
	}
	if !slices.Equal(src["q"].Data, []float32{1, 2, 3, 4}) {
		t.Error("a part has changed")
	}
	if _, err := a.Tensor("proj"); err == nil {
		t.Error("a tensor is found under its old name")
	}
}
