package zoo

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
)

// CLIPFiles is a CLIP with everything that its files tell.
type CLIPFiles struct {
	Network    *models.CLIP
	Tokenizer  *CLIPTokenizer // nil if there is no vocabulary beside the weights
	Preprocess Preprocess     // of pictures
}

// ReadCLIP reads a model from a checkpoint as downloaded: OpenAI's .pt, a
// safetensors file, or a folder from Hugging Face. Such a folder has config.json,
// preprocessor_config.json, a vocabulary and the weights in one or several files.
// ReadCLIPTokenizer reads a vocabulary from another place.
func ReadCLIP(path string) (*CLIPFiles, error) { return readCLIP(Options{Weights: path}) }

func readCLIP(o Options) (*CLIPFiles, error) {
	path := o.Weights
	src, err := openPart(path, o.Key, isCLIP)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	dir, more := hfFolder(path, slices.Contains(src.Names(), "vision_model.embeddings.class_embedding")), models.CLIPConfig{}
	if dir != "" {
		if more, err = readCLIPConfig(filepath.Join(dir, "config.json")); err != nil {
			return nil, err
		}
	}
	m, err := models.LoadCLIP(src, more)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	size := m.Config().Size
	c := &CLIPFiles{Network: m, Preprocess: CLIPPreprocess(size)}
	if dir != "" {
		c.Preprocess, err = readPreprocess(filepath.Join(dir, "preprocessor_config.json"), "CLIP", c.Preprocess, size)
		if err != nil {
			return nil, err
		}
	}
	c.Tokenizer, err = ReadCLIPTokenizer(cmp.Or(dir, filepath.Dir(path)))
	if err != nil && !errors.Is(err, errNoVocabulary) {
		return nil, err
	}
	return c, nil
}

// readCLIPConfig reads from Hugging Face's config.json what weights do not tell. It
// returns zeros if there is no file or if it belongs to another model.
func readCLIPConfig(path string) (models.CLIPConfig, error) {
	var c models.CLIPConfig
	type tower struct {
		Heads int    `json:"num_attention_heads"`
		Act   string `json:"hidden_act"`
	}
	var file struct {
		Text   tower `json:"text_config"`
		Vision tower `json:"vision_config"`
	}
	if err := readConfig(path, &file); err != nil {
		return c, err
	}
	for _, t := range []*tower{&file.Text, &file.Vision} {
		if t.Act == "" {
			t.Act = "quick_gelu"
		}
	}
	if file.Text.Act != file.Vision.Act || file.Text.Heads < 0 || file.Vision.Heads < 0 {
		return c, fmt.Errorf("%s: activations %q and %q, heads %d and %d",
			path, file.Text.Act, file.Vision.Act, file.Text.Heads, file.Vision.Heads)
	}
	c.TextHeads, c.Heads = file.Text.Heads, file.Vision.Heads
	switch file.Vision.Act {
	case "quick_gelu":
	case "gelu":
		c.Act = graph.GELU
	default:
		return c, fmt.Errorf("%s: hidden_act %q, want quick_gelu or gelu", path, file.Vision.Act)
	}
	return c, nil
}
