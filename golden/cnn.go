package golden

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

func espcn(f *file) (Case, error) {
	var a struct {
		Upscale          int
		Activation, Last string
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	act, err := activationOf(a.Activation, graph.Tanh)
	if err != nil {
		return Case{}, err
	}
	last, err := activationOf(a.Last, graph.Sigmoid)
	if err != nil {
		return Case{}, fmt.Errorf("last: %w", err)
	}
	return f.network(func(src weights.Source) (models.Network, error) {
		m, err := models.LoadESPCN(src, a.Upscale)
		if err == nil {
			m.Act, m.Last = act, last
		}
		return m, err
	})
}

// srvgg makes the case of a compact network of Real-ESRGAN, with sizes from the weights.
func srvgg(f *file) (Case, error) {
	return f.network(func(src weights.Source) (models.Network, error) {
		m, err := models.SRVGGFor(src)
		if err != nil {
			return nil, err
		}
		return m, weights.Bind(m, src)
	})
}

// resNet makes the case of a residual network, with sizes from the weights.
func resNet(f *file) (Case, error) {
	return f.network(func(src weights.Source) (models.Network, error) { return models.LoadResNet(src, models.ResNetConfig{}) })
}

func alexNet(f *file) (Case, error) { return f.fitted(models.NewAlexNet(1000)) }

func googLeNet(f *file) (Case, error) {
	var a struct {
		Transform bool    `json:"transform_input"`
		Eps       float64 `json:"bn_eps"`
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	if a.Eps != 0 && a.Eps != 0.001 {
		return Case{}, fmt.Errorf("bn_eps %v, want 0.001", a.Eps)
	}
	return f.network(func(src weights.Source) (models.Network, error) {
		_, aux := weights.Describe(src, "aux1.fc1.weight")
		m := models.NewGoogLeNet(models.GoogLeNetConfig{Aux: aux, TransformInput: a.Transform})
		m.Auxiliary = f.has("output/aux1") || f.has("output/aux2")
		weights.Adopt(m, src)
		return m, weights.Bind(m, src)
	})
}

// decodeLeNet reads the config of LeNet-5's forms. The defaults depend on the form.
func (f *file) decodeLeNet(usual graph.Activation, pool string) (act graph.Activation, other bool, err error) {
	a := struct{ Activation, Pool string }{Pool: pool}
	if err := f.decode(&a); err != nil {
		return 0, false, err
	}
	if a.Pool != "max" && a.Pool != "avg" {
		return 0, false, fmt.Errorf("pooling %q is unknown", a.Pool)
	}
	act, err = activationOf(a.Activation, usual)
	return act, a.Pool != pool, err
}

func lenet5(f *file) (Case, error) {
	act, avg, err := f.decodeLeNet(graph.ReLU, "max")
	if err != nil {
		return Case{}, err
	}
	m := models.NewLeNet5(1)
	m.Act, m.Avg = act, avg
	return f.fitted(m)
}

func lenet5D2L(f *file) (Case, error) {
	act, maximum, err := f.decodeLeNet(graph.Sigmoid, "avg")
	if err != nil {
		return Case{}, err
	}
	m := models.NewLeNet5D2L()
	m.Act, m.Max = act, maximum
	return f.fitted(m)
}

// lenetMNIST makes the case of a trained network on digits of MNIST. Its weights are
// in a separate file.
func lenetMNIST(f *file) (Case, error) {
	src, err := f.weights()
	if err == nil && len(src.Names()) == 0 {
		src, err = f.checkpoint("shared/data/weights/lenet_mnist_csinva.safetensors")
	}
	if err != nil {
		return Case{}, err
	}
	m := models.NewLeNet5Conv()
	if err := weights.Bind(m, src); err != nil {
		return Case{}, err
	}
	f.see("output/all_predictions") // these are for all of MNIST's test set, which the file does not have
	x := f.ranked("input/resized_u8", 3)
	x = x.Reshape(append(x.Shape[:3:3], 1)...)
	for i := range x.Data {
		x.Data[i] /= 255
	}
	return f.imagesOf(m, x, "log_probs")
}

// cifarResNet makes the case of a trained network on photos of 32×32 pixels.
func cifarResNet(f *file) (Case, error) {
	var a struct {
		Blocks [3]int `json:"num_blocks"`
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	if a.Blocks == [3]int{} {
		return Case{}, fmt.Errorf("metadata config: no num_blocks")
	}
	src, err := f.weights()
	if err != nil {
		return Case{}, err
	}
	m := models.NewCIFARResNet(models.CIFARResNetConfig{Blocks: a.Blocks})
	weights.Adopt(m, src)
	if err := weights.Bind(m, src); err != nil {
		return Case{}, err
	}
	var x *tensor.Tensor
	if !f.has("input/u8") {
		x = f.image("input/x")
	} else {
		x = f.ranked("input/u8", 4)
		for i := range x.Data {
			c := i % 3
			x.Data[i] = (x.Data[i]/255 - models.ImageNetMean[c]) / models.ImageNetStd[c]
		}
	}
	return f.imagesOf(m, x, "logits")
}
