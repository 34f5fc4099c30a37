package zoo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// written writes random weights of a network to a file and returns its path.
func written(t *testing.T, name string, n models.Network) string {
	t.Helper()
	weights.Random(n, 1)
	var all []*tensor.Tensor
	weights.Walk(n, func(_ string, w *tensor.Tensor) { all = append(all, w) })
	path := filepath.Join(t.TempDir(), name)
	if err := weights.WriteSafetensors(path, nil, all...); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOpen opens models by name and by checkpoint, with other numbers of classes.
func TestOpen(t *testing.T) {
	m, err := Open("lenet", Options{})
	if err != nil || m.Name != "lenet" || m.Label(3, 10) != "3" || m.Checkpoint != "" {
		t.Fatalf("%+v, %v", m, err)
	}
	c, err := models.ResNetNamed("resnet18")
	if err != nil {
		t.Fatal(err)
	}
	path := written(t, "any.safetensors", models.NewResNet(c))
	if m, err = Open(path, Options{Size: [2]int{64, 48}}); err != nil || m.Name != "resnet18" || m.Checkpoint != path {
		t.Fatalf("%+v, %v", m, err)
	}
	if m.Preprocess.Size != [2]int{64, 48} || m.Preprocess.Short != 0 || m.Label(281, 1000) != "tabby" {
		t.Errorf("%+v, %q", m.Preprocess, m.Label(281, 1000))
	}
	c.Classes = 3
	path = written(t, "three.safetensors", models.NewResNet(c))
	_, err = Open("resnet18", Options{Weights: path})
	var heads *ClassesError
	if !errors.As(err, &heads) || heads.Have != 3 {
		t.Errorf("error is %v", err)
	}
	for _, o := range []Options{{Classes: 3}, {Labels: []string{"a", "b", "c"}}} {
		o.Weights = path
		if m, err = Open("resnet18", o); err != nil || m.Label(2, 3) != strings.Join(o.Labels[min(2, len(o.Labels)):], "") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if m, err := Identify(path, ""); err != nil || m.Name != "resnet18" {
		t.Errorf("identified as %s, %v", m.Name, err)
	}
}

// TestIdentifyByName checks that of two models that fit, the one whose published file
// has the checkpoint's name is taken.
func TestIdentifyByName(t *testing.T) {
	c, err := models.ResNetNamed("resnet50")
	if err != nil {
		t.Fatal(err)
	}
	n := models.NewResNet(c)
	for file, want := range map[string]string{"resnet50-11ad3fa6.pth": "resnet50_v2", "resnet50-0676ba61.pth": "resnet50", "mine.pth": "resnet50"} {
		if m, err := Identify(written(t, file, n), ""); err != nil || m.Name != want {
			t.Errorf("%s is of %s, %v", file, m.Name, err)
		}
	}
}

// TestOpenErrors checks that errors say what is wrong, and with which file.
func TestOpenErrors(t *testing.T) {
	lenet := written(t, "lenet.safetensors", models.NewLeNet5(1))
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no checkpoint"), 0o644); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.safetensors")
	if err := weights.WriteSafetensors(other, nil, &tensor.Tensor{Name: "a", Shape: tensor.Shape{1}, Data: []float32{1}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"resnet51", Options{}, `no model "resnet51"; the nearest are resnet50`},
		{"absent.onnx", Options{}, "absent.onnx: no such file"},
		{"resnet50", Options{}, "resnet50 has no built-in weights"},
		{"resnet50", Options{Weights: lenet}, "lenet.safetensors is a checkpoint of lenet, not of resnet50"},
		{"clip_vit_b32", Options{Weights: lenet}, "lenet.safetensors is a checkpoint of lenet, not of clip_vit_b32"},
		{"sam_vit_b", Options{Weights: lenet}, "lenet.safetensors is a checkpoint of lenet, not of sam_vit_b"},
		{"resnet50", Options{Weights: other}, "other.safetensors is not a checkpoint of resnet50: 0 tensors agree"},
		{"resnet50", Options{Weights: text}, "text: neither"},
		{"resnet50", Options{Weights: "none.pth"}, "none.pth: no such file"},
		{lenet, Options{Weights: lenet}, "are both checkpoints"},
		{other, Options{}, "other.safetensors: the checkpoint fits no model"},
		{"lenet", Options{Classes: -1}, "-1 classes"},
		{"lenet", Options{Classes: 2, Labels: []string{"a"}}, "2 classes, but 1 labels"},
		{"lenet", Options{Configure: func(models.Network) error { return errors.New("not this one") }}, "not this one"},
	} {
		if _, err := Open(c.name, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: error %v, want %q", c.name, c.o, err, c.want)
		}
	}
}

// TestOpenParts opens a checkpoint of a vision transformer that has a layer before the
// head, and says how many classes that has.
func TestOpenParts(t *testing.T) {
	c := models.ViTConfig{Image: graph.Both(32), Dim: 16, Depth: 1, Heads: 4, Classes: 5}
	small := Model{Name: "vit_small", Task: Classify, Size: 32, Channels: 3, New: func() models.Network { return models.NewViT(c) }}
	theirs := c
	theirs.PreLogits, theirs.Classes = 12, 7
	path := written(t, "old.safetensors", models.NewViT(theirs))
	m, err := small.Open(Options{Weights: path, Classes: 7})
	if err != nil {
		t.Fatal(err)
	}
	if v := m.Network.(*models.ViT); v.PreLogits == nil || v.PreLogits.Weight.Data == nil {
		t.Error("the layer before the head is left out")
	}
	src, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if !small.fits(src) {
		t.Error("the checkpoint does not fit")
	}
	var heads *ClassesError
	if _, err = small.Open(Options{Weights: path}); !errors.As(err, &heads) || heads.Have != 7 {
		t.Errorf("error is %v", err)
	}
}
