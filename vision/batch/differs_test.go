package batch

import (
	"encoding/json"
	"testing"

	"github.com/vertebra/vertebra/vision/zoo"
)

// TestDiffers changes a spec that was written as JSON.
func TestDiffers(t *testing.T) {
	was := Spec{
		Task: Embed, Model: "clip", Fingerprint: "f", Weights: "a.pt", CLIP: zoo.CLIPOptions{Heads: 12}, Size: [2]int{2, 4}, Labels: []string{"cat", "dog"},
		ONNX: &zoo.ONNXOptions{Dims: map[string]int{}, Input: zoo.ModelInput{Range: []float64{0, 1}}},
	}
	for _, c := range []struct {
		change func(*Spec)
		want   string
	}{
		{func(*Spec) {}, ""},
		{func(s *Spec) { s.Weights, s.ONNX, s.CLIP.Heads, s.Key = "b.pt", nil, 16, "ema" }, ""}, // the fingerprint is the same
		{func(s *Spec) { s.Fingerprint = "g" }, "the weights a.pt, or a file beside them that says how pictures are prepared, are not as they were"},
		{func(s *Spec) { s.Fingerprint, s.Weights = "g", "b b.pt" }, "weights a.pt, not b b.pt"},
		{func(s *Spec) { s.Fingerprint, s.CLIP.Heads, s.Key = "g", 16, "ema" }, "key none, not ema; clip-heads 12, not 16"},
		{func(s *Spec) { s.Fingerprint, s.ONNX = "g", nil }, "range 0,1, not none"},
		{func(s *Spec) { s.Fingerprint, s.ONNX = "g", &zoo.ONNXOptions{Dims: map[string]int{"h": 3}} }, "dim none, not h=3; range 0,1, not none"},
		{func(s *Spec) { s.Fingerprint, s.ONNX = "g", &zoo.ONNXOptions{Dims: map[string]int{"map": 3, "a": 4}} }, "dim none, not a=4 map=3; range 0,1, not none"},
		{func(s *Spec) { s.Size, s.Normalize, s.NPY = [2]int{}, true, true }, "size 2x4, not none; normalize false, not true; vectors parquet, not npy"},
		{func(s *Spec) { s.Labels = []string{"cat", "cow"} }, "labels with dog in line 2, not cow"},
		{func(s *Spec) { s.Labels = []string{"cat"} }, "labels of 2 lines, not 1"},
		{func(s *Spec) { s.Labels = nil }, "labels of 2 lines, not none"},
		{func(s *Spec) { s.Task, s.Layer = Features, "conv1" }, "task embed, not features; layer none, not conv1"},
	} {
		now := was
		c.change(&now)
		var read Spec
		if err := json.Unmarshal([]byte(text(was)), &read); err != nil {
			t.Fatal(err)
		}
		if got := read.differs(now); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
