package zoo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// beside is what the files beside a checkpoint tell of it.
type beside struct {
	timm         *timmConfig // config.json of timm; nil if there is none
	transformers config      // config.json of the transformers library; without values if there is none
	processor    string      // path of its preprocessor_config.json; "" if there is none
}

// usualNames are names of weights in folders from Hugging Face. The configs there belong
// to these files.
var usualNames = []string{
	"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
	"open_clip_model.safetensors", "open_clip_pytorch_model.bin",
}

// configFolder returns the folder whose configs belong to the checkpoint at path. sure
// says that they do: path is that folder or a usual name in it. Files that are published
// under names of their own have no configs.
func configFolder(path string) (dir string, sure bool) {
	if isFolder(path) {
		return path, true
	}
	dir = filepath.Dir(path)
	if slices.Contains(usualNames, filepath.Base(path)) {
		return dir, true
	}
	if published(filepath.Base(path)) {
		return "", false
	}
	for _, name := range usualNames {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return "", false
		}
	}
	return dir, false
}

// published reports whether a file of the registry has this name, which is not usual.
func published(name string) bool {
	return !slices.Contains(usualNames, name) && slices.ContainsFunc(registry, func(m Model) bool { return m.hasFile(name) })
}

// hfFolder returns the folder from Hugging Face that path belongs to: path itself if
// it is a folder, or the folder of the file if its weights have Hugging Face's
// layout. It returns "" for other files, whose neighbours mean nothing.
func hfFolder(path string, layout bool) string {
	if isFolder(path) {
		return path
	}
	if layout {
		return filepath.Dir(path)
	}
	return ""
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// readBeside reads the configs that belong to the checkpoint at path with the weights
// src. Those of the transformers library count if src has its layout or path a usual
// name.
func readBeside(path string, src weights.Source) (b beside, err error) {
	dir, sure := configFolder(path)
	if dir == "" {
		return b, nil
	}
	sure = sure || layoutOf(src) == inTransformers
	c, err := readConfig(filepath.Join(dir, "config.json"))
	switch {
	case err != nil && sure:
		return b, err
	case err != nil: // it may be anybody's
	case isTimm(c):
		if b.timm, err = readTimm(c); err != nil {
			return b, err
		}
	case sure:
		b.transformers = c
	}
	if !sure {
		return b, nil
	}
	path = filepath.Join(dir, "preprocessor_config.json")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if c, err = readConfig(path); err != nil {
		return b, err
	}
	if b.processor = path; isTimm(c) {
		b.processor = ""
		b.timm, err = readTimm(c)
	}
	return b, err
}

// preprocess returns the preprocessing that the configs tell for network, or usual.
// told says that they do. A note says which config counts if two disagree.
func (b beside) preprocess(network models.Network, size int, usual Preprocess) (p Preprocess, told bool, note string, err error) {
	switch {
	case b.processor != "":
		if p, err = readProcessor(b.processor, network, size, usual); err != nil {
			return usual, true, "", err
		}
		if b.timm != nil && b.timm.preprocess != p {
			note = fmt.Sprintf("%s: config.json beside it prepares pictures differently and does not count", files.Quote(b.processor))
		}
		return p, true, note, nil
	case b.timm != nil:
		return b.timm.preprocess, true, "", nil
	}
	return usual, false, "", nil
}

// labels returns the names of classes that the configs tell for a head with count
// classes, and how many classes they say that there are, or -1.
func (b beside) labels(count int) (names []string, classes int, err error) {
	classes = -1
	switch {
	case b.timm != nil:
		names, classes = b.timm.labels, b.timm.classes
		if classes < 0 && names != nil {
			classes = len(names)
		}
	case b.transformers.has("id2label"):
		names = orderedTexts(b.transformers, "id2label")
		if err := b.transformers.err(); err != nil {
			return nil, -1, err
		}
		classes = len(names)
		plain := func(i int, n string) bool { return n == fmt.Sprintf("LABEL_%d", i) }
		if len(names) > 0 && plain(0, names[0]) && plain(len(names)-1, names[len(names)-1]) {
			names = nil // the library writes these if nobody gave names
		}
	case b.transformers.has("num_labels"):
		classes = b.transformers.integer("num_labels", -1, 0, maxClasses)
		if err := b.transformers.err(); err != nil {
			return nil, -1, err
		}
	}
	if len(names) != count {
		names = nil
	}
	return names, classes, nil
}

// weightsLayout says whose names a checkpoint has.
type weightsLayout uint8

const (
	ofAuthors      weightsLayout = iota // also timm's
	inTorchvision                       // if it differs from the authors'
	inTransformers                      // of Hugging Face's library
)

// layoutOf returns the layout of src.
func layoutOf(src weights.Source) weightsLayout {
	for _, n := range src.Names() {
		switch {
		case strings.Contains(n, ".layernorm_before."), strings.Contains(n, "embedder.embedder."),
			strings.HasPrefix(n, "vision_model.embeddings."), strings.HasPrefix(n, "vision_encoder."):
			return inTransformers
		case n == "class_token", strings.HasPrefix(n, "encoder.layers.encoder_layer_"), strings.HasPrefix(n, "features.0.0."):
			return inTorchvision
		}
	}
	return ofAuthors
}
