package zoo

import (
	"archive/zip"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// provenFacts returns what a checkpoint itself proves. A file is OpenAI's if it has the
// size of one of them and its weights the same sizes, or the three numbers that only
// OpenAI's archives hold beside the weights. OpenAI's heads have 64 channels, and its
// activation is QuickGELU. The code of a TorchScript archive proves the activation, and
// the heads too if OpenAI has a model of this size or the code is OpenAI's. Names and
// shapes alone prove nothing: others trained the same networks with GELU.
func provenFacts(path string, src weights.Source, have models.CLIPConfig) clipFacts {
	openAI := openAIFacts(have)
	openAI.act = graph.QuickGELU
	if isOpenAIFile(path, have) || holdsOpenAINumbers(src) {
		return openAI
	}
	code := readTorchScript(path)
	switch {
	case !code.quick && !code.gelu || code.quick && code.gelu:
		return clipFacts{}
	case code.gelu:
		return clipFacts{act: graph.GELU}
	case code.openAI || isOpenAISize(have):
		return openAI
	}
	return clipFacts{act: graph.QuickGELU}
}

// holdsOpenAINumbers reports whether src has the numbers beside the weights of OpenAI's
// archives. open_clip saves none.
func holdsOpenAINumbers(src weights.Source) bool {
	names := src.Names()
	for _, n := range []string{"input_resolution", "context_length", "vocab_size"} {
		if !slices.Contains(names, n) {
			return false
		}
	}
	return true
}

// isOpenAISize reports whether one of OpenAI's models has these sizes.
func isOpenAISize(have models.CLIPConfig) bool { return openAIModel(have).Name != "" }

// openAIModel returns OpenAI's model with these sizes, or one without a name.
func openAIModel(have models.CLIPConfig) Model {
	for _, m := range registry {
		if n, ok := m.New().(*models.CLIP); ok {
			if c := n.Config(); sameCLIP(c, have) && c.Size == have.Size && c.Embedding == have.Embedding {
				return m
			}
		}
	}
	return Model{}
}

// isOpenAIFile reports whether the file at path has the length of OpenAI's file for
// these sizes.
func isOpenAIFile(path string, have models.CLIPConfig) bool {
	info, err := os.Stat(path)
	return err == nil && slices.ContainsFunc(openAIModel(have).Files, func(f File) bool { return f.Bytes == info.Size() })
}

// torchScript is what the code in a TorchScript archive says.
type torchScript struct{ quick, gelu, openAI bool }

// readTorchScript looks for activations in the code of the archive at path. It finds
// nothing in other files.
func readTorchScript(path string) (found torchScript) {
	f, err := files.Open(path)
	if err != nil {
		return found
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return found
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return found
	}
	budget := int64(16 << 20) // of code
	for _, entry := range z.File {
		_, name, ok := strings.Cut(entry.Name, "/code/__torch__")
		if !ok || !strings.HasSuffix(name, ".py") || budget <= 0 {
			continue
		}
		r, err := entry.Open()
		if err != nil {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(r, budget))
		r.Close()
		if budget -= int64(len(text)); err != nil {
			continue
		}
		code := string(text)
		found.quick = found.quick || strings.Contains(code, "QuickGELU") || strings.Contains(code, "1.702")
		found.gelu = found.gelu || strings.Contains(code, "torch.gelu(")
		found.openAI = found.openAI || strings.HasPrefix(name, "/multimodal/") || strings.HasPrefix(name, "/clip/")
	}
	return found
}
