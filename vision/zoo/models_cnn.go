package zoo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/models"
)

const (
	imageNetPixels = "RGB in 0…1, normalised with ImageNet's mean and standard deviation"
	resNetPaper    = "He et al., Deep Residual Learning for Image Recognition, arXiv:1512.03385"
)

// torchvision returns a file of torchvision, whose name has the beginning of its hash.
func torchvision(name, sha256 string) File {
	return File{
		URL:    fmt.Sprintf("https://download.pytorch.org/models/%s-%s.pth", name, sha256),
		SHA256: sha256,
		Terms:  "BSD-3-Clause; trained on ImageNet, whose terms apply",
	}
}

// huggingFace returns the file with the weights of a repository "OWNER/NAME".
func huggingFace(repository, terms string) File {
	return File{URL: "https://huggingface.co/" + repository + "/resolve/main/model.safetensors", Terms: terms}
}

// imageNetInput returns torchvision's preprocessing: it resizes the shorter side and
// crops the middle 224×224 pixels.
func imageNetInput(short int) Preprocess {
	return Preprocess{Short: short, Crop: [2]int{224, 224}, Mean: models.ImageNetMean, Std: models.ImageNetStd}
}

// resNetModel returns a residual network of torchvision. Its preprocessing resizes
// the shorter side to short pixels. A name that ends with "_v2" means the second
// version of the weights.
func resNetModel(name string, short int, hash string) Model {
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
		Files:      []File{torchvision(file, hash)},
		New: func() models.Network {
			c, err := models.ResNetNamed(file)
			if err != nil {
				panic(err)
			}
			return models.NewResNet(c)
		},
	}
}

// cifarResNetModel returns a network of Yerlan Idelbayev. The name of its file has
// the beginning of its hash.
func cifarResNetModel(depth int, bytes int64, sha256 string) Model {
	return Model{
		Name:       "cifar_resnet" + strconv.Itoa(depth),
		Task:       Classify,
		Paper:      resNetPaper + ", §4.2",
		Size:       32,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: Preprocess{Size: [2]int{32, 32}, Mean: models.ImageNetMean, Std: models.ImageNetStd},
		Files: []File{{
			URL:    fmt.Sprintf("https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models/resnet%d-%s.th", depth, sha256[:8]),
			Bytes:  bytes,
			SHA256: sha256,
			Terms:  "BSD-2-Clause",
		}},
		Labels: CIFAR10Classes,
		New: func() models.Network {
			n := (depth - 2) / 6
			return models.NewCIFARResNet(models.CIFARResNetConfig{Blocks: [3]int{n, n, n}})
		},
	}
}

var alexNetModel = Model{
	Name:       "alexnet",
	Task:       Classify,
	Paper:      "Krizhevsky, One weird trick for parallelizing convolutional neural networks, arXiv:1404.5997",
	Size:       224,
	Channels:   3,
	Input:      imageNetPixels,
	Preprocess: imageNetInput(256),
	Files:      []File{torchvision("alexnet-owt", "7be5be79")},
	New:        func() models.Network { return models.NewAlexNet(1000) },
}

// googLeNetModel returns GoogLeNet with the auxiliary heads of torchvision's
// checkpoint, or without them.
func googLeNetModel(name string, aux bool) Model {
	e := Model{
		Name:       name,
		Task:       Classify,
		Paper:      "Szegedy et al., Going Deeper with Convolutions, arXiv:1409.4842",
		Size:       224,
		Channels:   3,
		Input:      imageNetPixels,
		Preprocess: imageNetInput(256),
		New: func() models.Network {
			return models.NewGoogLeNet(models.GoogLeNetConfig{Aux: aux, TransformInput: true})
		},
	}
	if aux {
		e.Files = []File{torchvision("googlenet", "1378be20")}
	}
	return e
}

const lenetPaper = "LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998"

// lenetModel is LeNet-5 with weights made by lenet_train.
var lenetModel = Model{
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
	Weights: LeNetWeights,
	Terms:   "Apache-2.0; trained on MNIST, whose terms apply",
	Labels:  digitClasses,
	New:     func() models.Network { return models.NewLeNet5(1) },
}

var lenet5Model = Model{
	Name:       "lenet5",
	Task:       Classify,
	Paper:      lenetPaper,
	Size:       32,
	Channels:   1,
	Input:      "grey in 0…1",
	Preprocess: Preprocess{Grey: true, Size: [2]int{32, 32}},
	Labels:     digitClasses,
	New:        func() models.Network { return models.NewLeNet5(1) },
}

var lenet5RGBModel = Model{
	Name:       "lenet5_rgb",
	Task:       Classify,
	Paper:      lenetPaper,
	Size:       32,
	Channels:   3,
	Input:      "RGB in -1…1",
	Preprocess: Preprocess{Size: [2]int{32, 32}, Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.5, 0.5, 0.5}},
	Labels:     CIFAR10Classes,
	New:        func() models.Network { return models.NewLeNet5(3) },
}

var lenet5D2LModel = Model{
	Name:       "lenet5_d2l",
	Task:       Classify,
	Paper:      lenetPaper,
	Size:       28,
	Channels:   1,
	Input:      "grey in 0…1",
	Preprocess: Preprocess{Grey: true, Size: [2]int{28, 28}},
	Labels:     digitClasses,
	New:        func() models.Network { return models.NewLeNet5D2L() },
}

var lenet5ConvModel = Model{
	Name:       "lenet5_conv",
	Task:       Classify,
	Paper:      lenetPaper,
	Size:       32,
	Channels:   1,
	Input:      "grey in 0…1",
	Preprocess: Preprocess{Grey: true, Size: [2]int{32, 32}},
	Files: []File{{
		URL:    "https://github.com/csinva/gan-vae-pretrained-pytorch/raw/master/mnist_classifier/weights/lenet_epoch=12_test_acc=0.991.pth",
		Bytes:  248_652,
		SHA256: "7b3591ba5a63752a7e728d7f7e511266556a2ec66844810da9f475e07019b85e",
		Terms:  "MIT; by its readme, without a licence file",
	}},
	Labels: digitClasses,
	New:    func() models.Network { return models.NewLeNet5Conv() },
}
