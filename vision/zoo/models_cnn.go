package zoo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/models"
)

const (
	torchvision    = "https://download.pytorch.org/models/"
	imageNetTerms  = "BSD-3-Clause; trained on ImageNet, whose terms apply"
	imageNetPixels = "RGB in 0…1, normalised with ImageNet's mean and standard deviation"
	ownWeights     = "none published"
	resNetPaper    = "He et al., Deep Residual Learning for Image Recognition, arXiv:1512.03385"
)

// imageNetInput is how torchvision prepares pictures: the shorter side resized,
// the middle 224×224 of it.
func imageNetInput(short int) Preprocess {
	return Preprocess{Short: short, Crop: [2]int{224, 224}, Mean: models.ImageNetMean, Std: models.ImageNetStd}
}

// resNetEntry is torchvision's residual network of a name, with weights that
// were trained for pictures with a shorter side of short pixels. The name of its
// second version ends with "_v2".
func resNetEntry(name string, short int, hash string) Model {
	file, paper := strings.TrimSuffix(name, "_v2"), resNetPaper
	switch {
	case strings.HasPrefix(name, "resnext"):
		paper = "Xie et al., Aggregated Residual Transformations for Deep Neural Networks, arXiv:1611.05431"
	case strings.HasPrefix(name, "wide"):
		paper = "Zagoruyko and Komodakis, Wide Residual Networks, arXiv:1605.07146"
	}
	return Model{
		Name:       name,
		Task:       Classify,
		Paper:      paper,
		Size:       224,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: imageNetInput(short),
		Checkpoint: fmt.Sprintf("%s%s-%s.pth", torchvision, file, hash),
		Hash:       "sha256:" + hash,
		Licence:    imageNetTerms,
		New: func() models.Network {
			c, err := models.ResNetNamed(file)
			if err != nil {
				panic(err)
			}
			return models.NewResNet(c)
		},
	}
}

// cifarHash begins the hash of the weights of Yerlan Idelbayev's networks that
// are at hand, and is in their names.
var cifarHash = map[int]string{20: "12fca82f", 56: "4bfd9763"}

func cifarResNetEntry(depth int) Model {
	e := Model{
		Name:       "cifar_resnet" + strconv.Itoa(depth),
		Task:       Classify,
		Paper:      resNetPaper + ", §4.2",
		Size:       32,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: Preprocess{Size: [2]int{32, 32}, Mean: models.ImageNetMean, Std: models.ImageNetStd},
		Checkpoint: "https://github.com/akamaster/pytorch_resnet_cifar10/tree/master/pretrained_models",
		Licence:    "BSD-2-Clause",
		Labels:     CIFAR10Classes,
		New: func() models.Network {
			n := (depth - 2) / 6
			return models.NewCIFARResNet(models.CIFARResNetConfig{Blocks: [3]int{n, n, n}})
		},
	}
	if hash, ok := cifarHash[depth]; ok {
		e.Checkpoint += fmt.Sprintf("/resnet%d-%s.th", depth, hash)
		e.Hash = "sha256:" + hash
	}
	return e
}

var alexNetEntry = Model{
	Name:       "alexnet",
	Task:       Classify,
	Paper:      "Krizhevsky, One weird trick for parallelizing convolutional neural networks, arXiv:1404.5997",
	Size:       224,
	Channels:   3,
	Input:      imageNetPixels,
	Preprocess: imageNetInput(256),
	Checkpoint: torchvision + "alexnet-owt-7be5be79.pth",
	Hash:       "sha256:7be5be79",
	Licence:    imageNetTerms,
	New:        func() models.Network { return models.NewAlexNet(1000) },
}

// googLeNetEntry is GoogLeNet with the auxiliary heads that its checkpoint has,
// or as programs save it that do not train it.
func googLeNetEntry(name string, aux bool) Model {
	e := Model{
		Name:       name,
		Task:       Classify,
		Paper:      "Szegedy et al., Going Deeper with Convolutions, arXiv:1409.4842",
		Size:       224,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: imageNetInput(256),
		Checkpoint: ownWeights,
		New: func() models.Network {
			return models.NewGoogLeNet(models.GoogLeNetConfig{Aux: aux, TransformInput: true})
		},
	}
	if aux {
		e.Checkpoint = torchvision + "googlenet-1378be20.pth"
		e.Hash = "sha256:1378be20"
		e.Licence = imageNetTerms
	}
	return e
}

const lenetPaper = "LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998"

// lenetEntry is LeNet-5 with the weights of lenet_train.
var lenetEntry = Model{
	Name:     "lenet",
	Task:     Classify,
	Paper:    lenetPaper,
	Size:     32,
	Channels: 1,
	Input:    "grey, a white digit on black, normalised with MNIST's mean and standard deviation",
	Preprocess: Preprocess{
		Grey: true, Digit: true, Size: [2]int{28, 28}, Crop: [2]int{32, 32},
		Mean: [3]float32{0.1307}, Std: [3]float32{0.3081, 1, 1},
	},
	Checkpoint: "built in",
	Licence:    "Apache-2.0; trained on MNIST, whose terms apply",
	Labels:     digitClasses,
	New:        func() models.Network { return models.NewLeNet5(1) },
	Weights:    LeNetWeights,
}

var lenet5Entry = Model{
	Name:       "lenet5",
	Task:       Classify,
	Paper:      lenetPaper,
	Size:       32,
	Channels:   1,
	Input:      "grey in 0…1",
	Preprocess: Preprocess{Grey: true, Size: [2]int{32, 32}},
	Checkpoint: ownWeights,
	Labels:     digitClasses,
	New:        func() models.Network { return models.NewLeNet5(1) },
}

var lenet5RGBEntry = Model{
	Name:       "lenet5_rgb",
	Task:       Classify,
	Paper:      lenetPaper,
	Size:       32,
	Channels:   3,
	Input:      "RGB in -1…1",
	Preprocess: Preprocess{Size: [2]int{32, 32}, Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.5, 0.5, 0.5}},
	Checkpoint: ownWeights,
	Labels:     CIFAR10Classes,
	New:        func() models.Network { return models.NewLeNet5(3) },
}

var lenet5D2LEntry = Model{
	Name:       "lenet5_d2l",
	Task:       Classify,
	Paper:      lenetPaper,
	Size:       28,
	Channels:   1,
	Input:      "grey in 0…1",
	Preprocess: Preprocess{Grey: true, Size: [2]int{28, 28}},
	Checkpoint: ownWeights,
	Labels:     digitClasses,
	New:        func() models.Network { return models.NewLeNet5D2L() },
}

var lenet5ConvEntry = Model{
	Name:       "lenet5_conv",
	Task:       Classify,
	Paper:      lenetPaper,
	Size:       32,
	Channels:   1,
	Input:      "grey in 0…1",
	Preprocess: Preprocess{Grey: true, Size: [2]int{32, 32}},
	Checkpoint: "https://github.com/csinva/gan-vae-pretrained-pytorch/tree/master/mnist_classifier",
	Licence:    "MIT by its readme; no licence file",
	Labels:     digitClasses,
	New:        func() models.Network { return models.NewLeNet5Conv() },
}
