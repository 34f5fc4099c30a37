package weights_test

import (
	"fmt"
	"testing"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// TestFingerprint checks that the fingerprint of a model stays the same, because files
// store it, and that each part of a model changes it.
func TestFingerprint(t *testing.T) {
	type model struct {
		A *tensor.Tensor `weight:"a"`
		B *tensor.Tensor `weight:"b"`
	}
	make := func() *model { return &model{tensor.Of([]float32{1, 2, 3, 4}, 2, 2), tensor.Of([]float32{5}, 1)} }
	first := weights.Fingerprint(make(), "config")
	const want = "46ec9e567e99bdd25760566b5beaded50d991787803e215d87724d955171fc05"
	if got := fmt.Sprintf("%x", first); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	config, shape, number := make(), make(), make()
	shape.A.Shape = tensor.Shape{4, 1}
	number.B.Data[0] = 6
	for what, other := range map[string][32]byte{
		"config": weights.Fingerprint(config, "Config"),
		"shape":  weights.Fingerprint(shape, "config"),
		"number": weights.Fingerprint(number, "config"),
		"name": weights.Fingerprint(&struct {
			Net *model `weight:"net"`
		}{make()}, "config"),
	} {
		if other == first {
			t.Errorf("another %s has the same fingerprint", what)
		}
	}
}
