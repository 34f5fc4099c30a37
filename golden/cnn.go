package golden

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// resNet is the case of a residual network. Its sizes are those of the weights.
func resNet(f *file) (Case, error) {
	src, err := f.weights()
	if err != nil {
		return Case{}, err
	}
	m, err := models.LoadResNet(src)
	if err != nil {
		return Case{}, err
	}
	return f.imagesOf(m, channelsLast(f.tensor("input/x")), f.group("output").Names()...)
}

func alexNet(f *file) (Case, error) { return f.fitted(models.NewAlexNet(1000)) }

func googLeNet(f *file) (Case, error) {
	var a struct {
		Aux       bool    `json:"aux_logits"`
		Transform bool    `json:"transform_input"`
		Eps       float64 `json:"bn_eps"`
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	if a.Eps != 0 && a.Eps != 0.001 {
		return Case{}, fmt.Errorf("bn_eps %v, want 0.001", a.Eps)
	}
	return f.fitted(models.NewGoogLeNet(models.GoogLeNetConfig{Aux: a.Aux, TransformInput: a.Transform}))
}

// lenetConfig is the config of LeNet-5's forms.
type lenetConfig struct {
	Activation, Pool string
	Channels         int
}

// decodeLeNet reads the config, with what the form does by default.
func (f *file) decodeLeNet(activation, pool string) (act graph.Activation, other bool, channels int, err error) {
	a := lenetConfig{activation, pool, 1}
	if err := f.decode(&a); err != nil {
		return 0, false, 0, err
	}
	if a.Pool != "max" && a.Pool != "avg" {
		return 0, false, 0, fmt.Errorf("pooling %q is unknown", a.Pool)
	}
	act, err = activationOf(a.Activation)
	return act, a.Pool != pool, a.Channels, err
}

func lenet5(f *file) (Case, error) {
	act, avg, channels, err := f.decodeLeNet("relu", "max")
	if err != nil {
		return Case{}, err
	}
	m := models.NewLeNet5(channels)
	m.Act, m.Avg = act, avg
	return f.fitted(m)
}

func lenet5D2L(f *file) (Case, error) {
	act, maximum, _, err := f.decodeLeNet("sigmoid", "avg")
	if err != nil {
		return Case{}, err
	}
	m := models.NewLeNet5D2L()
	m.Act, m.Max = act, maximum
	return f.fitted(m)
}

// lenetMNIST is a trained network on digits of MNIST; its weights are in a file
// of their own.
func lenetMNIST(f *file) (Case, error) {
	m := models.NewLeNet5Conv()
	if err := f.bindFrom(m, "shared/data/weights/lenet_mnist_csinva.safetensors"); err != nil {
		return Case{}, err
	}
	x := f.tensor("input/resized_u8")
	x = x.Reshape(append(x.Shape[:3:3], 1)...)
	for i := range x.Data {
		x.Data[i] /= 255
	}
	return f.imagesOf(m, x, "log_probs")
}

// cifarResNet is a trained network on four photos; its weights are in a file of
// their own.
func cifarResNet(f *file) (Case, error) {
	var a struct {
		Blocks  [3]int `json:"num_blocks"`
		Weights string
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	if a.Blocks == [3]int{} {
		return Case{}, fmt.Errorf("metadata config: no num_blocks")
	}
	m := models.NewCIFARResNet(models.CIFARResNetConfig{Blocks: a.Blocks})
	if err := f.bindFrom(m, a.Weights); err != nil {
		return Case{}, err
	}
	x := f.tensor("input/u8")
	for i := range x.Data {
		c := i % 3
		x.Data[i] = (x.Data[i]/255 - models.ImageNetMean[c]) / models.ImageNetStd[c]
	}
	return f.imagesOf(m, x, "logits")
}

// bindFrom binds a model to a checkpoint that lies beside the file.
func (f *file) bindFrom(m models.Network, name string) error {
	src, err := f.beside(name)
	if err != nil {
		return err
	}
	return weights.Bind(m, src)
}

// beside reads a checkpoint that lies beside the file. If its name begins with
// "shared/", the file is taken to be in shared/golden.
func (f *file) beside(name string) (weights.Source, error) {
	dir := f.dir
	if rest, ok := strings.CutPrefix(name, "shared/"); ok {
		dir, name = filepath.Join(dir, ".."), rest
	}
	src, err := weights.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return nil, fmt.Errorf("%w: weights: %w", ErrUnknown, err)
	}
	f.opened = append(f.opened, src)
	return weights.Rename(src, func(n string) string { return strings.TrimPrefix(n, "module.") }), nil
}

// fitted makes a case of a model whose channels are as many as the weights say.
func (f *file) fitted(m models.Network) (Case, error) {
	src, err := f.weights()
	if err != nil {
		return Case{}, err
	}
	weights.Adopt(m, src)
	return f.images(m)
}
