package vision

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/zoo"
)

func smallSwin() zoo.Model {
	return smallModel("swin_small", zoo.Classify, func() models.Network {
		return models.NewSwin(models.SwinConfig{Dim: 16, Depths: []int{2, 2}, Heads: []int{2, 4}, Window: graph.Both(7), Classes: 5})
	})
}

// TestAttention compares all kinds of transformers on the GPU with plain Go.
func TestAttention(t *testing.T) {
	ctx, in := context.Background(), Image("in", pattern(90, 70, 3).Image())
	vit := smallModel("vit_small", zoo.Classify, func() models.Network { return models.NewViT(smallViT) })
	det := smallModel("det_small", zoo.Detect, func() models.Network { return models.NewViTDetector(smallViT) })
	gpu, err := OpenDevice(DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer gpu.Close()
	middle, corner := &[2]int{4, 4}, &[2]int{7, 0}
	for _, c := range []struct {
		model  zoo.Model
		o      AttentionOptions
		token  *[2]int
		panels []string // captions after the first
	}{
		{vit, AttentionOptions{Block: 1}, nil, []string{"class token, block 1, mean of heads"}},
		{vit, AttentionOptions{Block: 1, Heads: []int{2}, At: &[2]float64{0, 1}}, corner, []string{"token 7,0, block 1, head 2"}},
		{smallMAE(), AttentionOptions{Heads: []int{0, 2}}, nil, []string{"class token, block 0, heads [0 2]"}},
		{det, AttentionOptions{}, nil, []string{"class token, block 0, mean of heads"}},
		{smallSwin(), AttentionOptions{Block: 2}, middle, []string{"windows 7×7, shift 0,0", "token 4,4, block 2, mean of heads"}},
		{smallSwin(), AttentionOptions{Block: 1, Heads: []int{1}, At: &[2]float64{0, 0.95}}, &[2]int{15, 0}, []string{"windows 7×7, shift 3,3", "token 15,0, block 1, head 1"}},
	} {
		m := opened(t, c.model, Options{Device: "cpu"})
		a, err := m.Attention(ctx, c.o, in)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, v := range a.Heat.Weight {
			if sum += v; v < 0 {
				t.Errorf("%s: a weight is %v", m.Name, v)
			}
		}
		if len(a.Heat.Weight) != a.Heat.Rows*a.Heat.Columns || sum > 1+1e-6 || sum < 0.3 {
			t.Errorf("%s: %d×%d weights, %v in sum", m.Name, a.Heat.Rows, a.Heat.Columns, sum)
		}
		if (a.Token == nil) != (c.token == nil) || a.Token != nil && *a.Token != *c.token {
			t.Errorf("%s: the token is %v, want %v", m.Name, a.Token, c.token)
		}
		panels := a.Panels()
		for i, want := range append([]string{"what the model sees"}, c.panels...) {
			if len(panels) != 1+len(c.panels) || panels[i].Caption != want || panels[i].Picture.Width != 384 {
				t.Errorf("%s: panel %d is %+v, want %q", m.Name, i, panels[i], want)
			}
		}
		if last := panels[len(panels)-1]; last.Bar == nil {
			t.Errorf("%s: no colour bar", m.Name)
		}
		fast, err := opened(t, c.model, Options{On: gpu}).Attention(ctx, c.o, in)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range fast.Heat.Weight {
			if math.Abs(v-a.Heat.Weight[i]) > 1e-5 {
				t.Fatalf("%s: token %d gets %v on the GPU, want %v", m.Name, i, v, a.Heat.Weight[i])
			}
		}
	}
}

func TestAttentionErrors(t *testing.T) {
	in := Image("in", pattern(9, 9, 1).Image())
	swin := opened(t, smallSwin(), Options{Device: "cpu"})
	lenet, err := Open("lenet", Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer lenet.Close()
	for _, c := range []struct {
		m    *Model
		o    AttentionOptions
		want string
	}{
		{lenet, AttentionOptions{}, "lenet has no attention to show"},
		{swin, AttentionOptions{Block: 4}, "swin_small: there is no block 4: blocks are 0 to 3"},
		{swin, AttentionOptions{Heads: []int{1, 2}}, "swin_small: there is no head 2: heads are 0 to 1"},
		{swin, AttentionOptions{At: &[2]float64{0, math.NaN()}}, "want two numbers between 0 and 1"},
	} {
		if _, err := c.m.Attention(context.Background(), c.o, in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want %q", err, c.want)
		}
	}
}
