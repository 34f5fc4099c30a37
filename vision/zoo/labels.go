package zoo

import (
	_ "embed"
	"strings"
)

// imageNetClasses holds the names of ImageNet's classes, one in each line, as in
// torchvision 0.14.1 (torchvision/models/_meta.py, BSD-3-Clause).
//
//go:embed imagenet_classes.txt
var imageNetClasses string

// ImageNetClasses returns the names of the thousand classes of ILSVRC 2012, in the
// order of their numbers.
func ImageNetClasses() []string { return strings.Split(strings.TrimSpace(imageNetClasses), "\n") }

// CIFAR10Classes returns the names of CIFAR-10's classes, in the order of their
// numbers.
func CIFAR10Classes() []string {
	return []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}
}

// digitClasses returns the names of MNIST's classes.
func digitClasses() []string { return strings.Split("0123456789", "") }
