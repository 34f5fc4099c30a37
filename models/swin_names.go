package models

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

var (
	// torchvision numbers the parts in one sequence: the patches are 0, the blocks
	// of stage i are 2·i+1, and the merging after it is 2·i+2.
	swinFeatures = regexp.MustCompile(`^features\.(\d+)(\.|$)`)

	swinNames = strings.NewReplacer(
		".mlp.0", ".mlp.fc1",
		".mlp.3", ".mlp.fc2",

		"embeddings.patch_embeddings.projection", "patch_embed.proj",
		"embeddings.norm", "patch_embed.norm",
		"embeddings.position_embeddings", "absolute_pos_embed",
		"encoder.layers.", "layers.",
		"layernorm.", "norm.",
		"continuous_position_bias_mlp", "cpb_mlp",
		"layernorm_before", "norm1",
		"layernorm_after", "norm2",
		"attention.self.", "attn.",
		"attention.output.dense", "attn.proj",
		"intermediate.dense", "mlp.fc1",
		"output.dense", "mlp.fc2",
		"classifier", "head",
		"head.fc", "head", // timm since 0.8
	)
)

// SwinName returns Microsoft's name for a weight or module of the Swin in
// torchvision or in the transformers library. Queries, keys and values keep names
// of their own. The blocks of a stage, which are a module only in torchvision, get
// the name layers.N.blocks.
func SwinName(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "swin."), "swinv2.")
	if name == "layernorm" {
		return "norm"
	}
	if at := swinFeatures.FindStringSubmatch(name); at != nil {
		rest := name[len(at[0]):]
		switch i, _ := strconv.Atoi(at[1]); {
		case i == 0 && strings.HasPrefix(rest, "0"):
			name = "patch_embed.proj" + rest[1:]
		case i == 0 && strings.HasPrefix(rest, "2"):
			name = "patch_embed.norm" + rest[1:]
		case i == 0:
			name = "patch_embed"
		case i%2 == 1:
			name = strings.TrimSuffix("layers."+strconv.Itoa(i/2)+".blocks."+rest, ".")
		default:
			name = strings.TrimSuffix("layers."+strconv.Itoa(i/2-1)+".downsample."+rest, ".")
		}
	}
	return swinNames.Replace(name)
}

// Canonical presents src under Microsoft's names, without tensors that follow from
// the config. It knows the layouts of Microsoft, timm, torchvision and the
// transformers library, whose names may have a prefix. It drops what predicts masked
// pixels there.
func (m *Swin) Canonical(src weights.Source) weights.Source {
	late := mergesLate(src)
	return weights.Arrange(withKeyBias(src), func(name string) weights.Place {
		if maskedImage(name) {
			return weights.Place{}
		}
		name = SwinName(name)
		if at := swinMerging.FindStringSubmatch(name); late && at != nil {
			stage, _ := strconv.Atoi(at[1])
			name = "layers." + strconv.Itoa(stage-1) + name[len(at[0])-len(".downsample."):]
		}
		block, last := name, ""
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			block, last = name[:i], name[i+1:]
		}
		switch last {
		case "relative_position_index", "relative_coords_table", "attn_mask":
			return weights.Place{}
		case "q_bias":
			return weights.Place{Name: block + ".qkv.bias", Part: 0, Of: 3}
		case "k_bias":
			return weights.Place{Name: block + ".qkv.bias", Part: 1, Of: 3}
		case "v_bias":
			return weights.Place{Name: block + ".qkv.bias", Part: 2, Of: 3}
		}
		return partOfQKV(name)
	})
}

var swinMerging = regexp.MustCompile(`^layers\.(\d{1,9})\.downsample\.`)

// mergesLate reports whether src merges patches at the beginning of a stage, as timm
// does since 0.8, and not at the end of the stage before.
func mergesLate(src weights.Source) bool {
	late := false
	for _, n := range src.Names() {
		if at := swinMerging.FindStringSubmatch(SwinName(n)); at != nil {
			if at[1] == "0" {
				return false
			}
			late = true
		}
	}
	return late
}

// keyBias is a source with zero biases of keys added. Swin V2 has none.
type keyBias struct {
	weights.Source
	names []string
	like  map[string]string // for each bias that is added, the bias of queries
}

// withKeyBias adds a bias of keys for each bias of queries in src that has none
// beside it, in Microsoft's layout or that of the transformers library.
func withKeyBias(src weights.Source) keyBias {
	k := keyBias{src, nil, map[string]string{}}
	have := map[string]bool{}
	for _, n := range src.Names() {
		have[n] = true
	}
	for _, n := range src.Names() {
		k.names = append(k.names, n)
		for query, key := range map[string]string{".q_bias": ".k_bias", ".query.bias": ".key.bias"} {
			if block, ok := strings.CutSuffix(n, query); ok && !have[block+key] {
				k.names = append(k.names, block+key)
				k.like[block+key] = n
			}
		}
	}
	return k
}

func (k keyBias) Names() []string { return k.names }

func (k keyBias) Tensor(name string) (*tensor.Tensor, error) {
	query, added := k.like[name]
	if !added {
		return k.Source.Tensor(name)
	}
	shape, err := weights.ShapeOf(k.Source, query)
	if err != nil {
		return nil, err
	}
	return tensor.New(shape...), nil
}

// View is Tensor without a copy, if the source can do that.
func (k keyBias) View(name string) (*tensor.Tensor, error) {
	if k.like[name] != "" {
		return k.Tensor(name)
	}
	return weights.View(k.Source, name)
}

// Entry describes a tensor without reading it, if the source can do that.
func (k keyBias) Entry(name string) (weights.Entry, bool) {
	if query := k.like[name]; query != "" {
		name = query
	}
	return weights.Describe(k.Source, name)
}
