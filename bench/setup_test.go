package bench

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
)

func TestSetup(t *testing.T) {
	espcn, err := zoo.Lookup("espcn_x4")
	if err != nil {
		t.Fatal(err)
	}
	const data = "../golden/testdata/espcn_x4.safetensors" // two pictures of 11×9
	for _, c := range []struct {
		setup Setup
		input tensor.Shape
		fails string
	}{
		{setup: Setup{}, input: tensor.Shape{1, espcn.Size, espcn.Size, 1}},
		{setup: Setup{Batch: 3, Height: 5, Width: 7}, input: tensor.Shape{3, 5, 7, 1}},
		{setup: Setup{Batch: 2, Height: 11, Width: 9, Data: data}, input: tensor.Shape{2, 11, 9, 1}},
		{setup: Setup{Weights: "../vision/zoo/espcn_x4.safetensors", Width: 9}, input: tensor.Shape{1, espcn.Size, 9, 1}},
		{setup: Setup{Data: data}, fails: data + ": the input is [2, 11, 9, 1], not [1, "},
		{setup: Setup{Weights: "../vision/zoo/espcn_x2.safetensors"}, fails: "espcn_x2.safetensors: "},
		{setup: Setup{Weights: "none"}, fails: "none: no such file"},
		{setup: Setup{Text: true}, fails: "espcn_x4 has no text tower"},
	} {
		c.setup.Network = espcn
		o, err := c.setup.Options()
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%+v: %v, want %q", c.setup, err, c.fails)
			}
			continue
		}
		if err != nil || !o.Input.Shape.Equal(c.input) || (o.Want != nil) != (c.setup.Data != "") || o.Name != "espcn_x4" {
			t.Errorf("%+v: input %v, wanted %v, %v", c.setup, o.Input, o.Want, err)
		}
	}
}
