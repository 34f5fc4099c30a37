package zoo

import (
	"path/filepath"
	"slices"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// SAMFiles is a SAM with everything that its files tell.
type SAMFiles struct {
	Network    *models.SAM
	Preprocess Preprocess // of pictures
}

// ReadSAM reads a model from a checkpoint as downloaded: an official .pth, a safetensors
// file in the official or Hugging Face's layout, or a folder from Hugging Face. Such a
// folder has config.json, preprocessor_config.json and the weights in one or several
// files.
func ReadSAM(path string) (*SAMFiles, error) { return readSAM(Options{Weights: path}) }

func readSAM(o Options) (*SAMFiles, error) {
	path := o.Weights
	src, err := openPart(path, o.Key, isSAM)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	dir, heads := hfFolder(path, isHFSAM(src)), 0
	if dir != "" {
		if heads, err = readSAMConfig(filepath.Join(dir, "config.json")); err != nil {
			return nil, err
		}
	}
	m, err := models.LoadSAM(src, heads)
	if err != nil {
		return nil, files.Named(path, err)
	}
	s := &SAMFiles{m, SAMPreprocess(m.Size())}
	if dir != "" {
		s.Preprocess, err = readPreprocess(filepath.Join(dir, "preprocessor_config.json"), "Sam", s.Preprocess, m.Size())
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// readSAMConfig reads the decoder's heads from Hugging Face's config.json. It returns 0
// if the file or the field is missing, and refuses activations other than SAM's.
func readSAMConfig(path string) (heads int, err error) {
	c, err := readConfig(path)
	if err != nil {
		return 0, err
	}
	c.only("model_type", "sam")
	c.object("vision_config").only("hidden_act", "gelu")
	c.object("prompt_encoder_config").only("hidden_act", "gelu")
	decoder := c.object("mask_decoder_config")
	decoder.only("hidden_act", "relu")
	heads = decoder.integer("num_attention_heads", 0, 1, 1<<16)
	return heads, c.err()
}

// isHFSAM reports whether src has Hugging Face's layout.
func isHFSAM(src weights.Source) bool {
	return slices.Contains(src.Names(), "vision_encoder.pos_embed")
}
