package golden_test

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// reference writes a file with one case of an op.
func reference(t *testing.T, op, config string, tensors map[string]*tensor.Tensor) string {
	t.Helper()
	var all []*tensor.Tensor
	for name, x := range tensors {
		x.Name = name
		all = append(all, x)
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	metadata := map[string]string{"model": op, "config": `{"cases": [` + config + `]}`}
	if err := weights.WriteSafetensors(path, metadata, all...); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCausalMask expects that the mask decides whether attention is causal, not the
// name of the case.
func TestCausalMask(t *testing.T) {
	inf := float32(math.Inf(-1))
	for _, c := range []struct {
		mask *tensor.Tensor
		want string
	}{
		{tensor.Of([]float32{0, inf, 0, 0}, 2, 2), "+causal"},
		{tensor.Of([]float32{0, inf, inf, 0}, 2, 2), "+bias"},
		{tensor.Of([]float32{0, inf, 1, 0}, 2, 2), "+bias"},
		{tensor.Of([]float32{0, 0, 0, 0}, 1, 1, 2, 2), "+bias"},
	} {
		x := func() *tensor.Tensor { return tensor.Of([]float32{1, 2, 3, 4}, 1, 1, 2, 2) }
		cases, err := golden.Load(reference(t, "op:attention", `{"id": "a", "heads": 1, "scale": 0.5}`, map[string]*tensor.Tensor{
			"input/a/q": x(), "input/a/k": x(), "input/a/v": x(), "input/a/mask": c.mask, "output/a/y": x(),
		}))
		if err != nil {
			t.Fatal(err)
		}
		if text := cases[0].Graph.String(); !strings.Contains(text, "attention h1"+c.want) {
			t.Errorf("mask %v: %s", c.mask.Data, text)
		}
	}
}

// TestUnknownAttributes expects an error instead of a case with another op.
func TestUnknownAttributes(t *testing.T) {
	for _, c := range []struct{ op, config, want string }{
		{"op:resample", `{"id": "a", "kind": "interpolate", "mode": "area", "size": [2, 2]}`, `mode "area" is unknown`},
		{"op:resample", `{"id": "a", "kind": "interpolate", "size": [2, 2]}`, `mode "" is unknown`},
		{"op:resample", `{"id": "a", "kind": "grid_sample", "mode": "bilinear"}`, `kind "grid_sample" is unknown`},
		{"op:attention", `{"id": "a", "heads": 1, "scale": "1"}`, "scale 1 is unknown"},
	} {
		_, err := golden.Load(reference(t, c.op, c.config, map[string]*tensor.Tensor{
			"input/a/x": tensor.New(1, 1, 2, 2), "output/a/y": tensor.New(1, 1, 2, 2),
		}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.config, err, c.want)
		}
	}
}
