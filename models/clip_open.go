package models

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/weights"
)

// OpenCLIP reads a model from a checkpoint as it was downloaded: OpenAI's .pt,
// safetensors, or a folder of Hugging Face's with config.json,
// preprocessor_config.json, a vocabulary and the weights, in one file or in
// several. The tokenizer is nil if no vocabulary lies in the folder or beside
// the file; see OpenCLIPTokenizer.
func OpenCLIP(path string) (*CLIP, *CLIPTokenizer, error) {
	src, err := weights.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer src.Close()
	dir, more := hfFolder(path, isHFCLIP(src)), CLIPConfig{}
	if dir != "" {
		if more, err = readCLIPConfig(filepath.Join(dir, "config.json")); err != nil {
			return nil, nil, err
		}
	}
	m, err := LoadCLIP(src, more)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if dir != "" {
		size := m.Config().Size
		p, err := readPreprocess(filepath.Join(dir, "preprocessor_config.json"), "CLIP", clipPreprocess(size), size)
		if err != nil {
			return nil, nil, err
		}
		m.preprocess = &p
	}
	t, err := OpenCLIPTokenizer(cmp.Or(dir, filepath.Dir(path)))
	if errors.Is(err, errNoVocabulary) {
		return m, nil, nil
	}
	return m, t, err
}

// readCLIPConfig reads what weights do not tell from Hugging Face's
// config.json: nothing if there is none, or if it is another model's.
func readCLIPConfig(path string) (CLIPConfig, error) {
	var c CLIPConfig
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
