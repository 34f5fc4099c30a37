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

		"swin.embeddings.patch_embeddings.projection", "patch_embed.proj",
		"swin.embeddings.norm", "patch_embed.norm",
		"swin.embeddings.position_embeddings", "absolute_pos_embed",
		"swin.encoder.layers.", "layers.",
		"swin.layernorm", "norm",
		"layernorm_before", "norm1",
		"layernorm_after", "norm2",
		"attention.self.", "attn.",
		"attention.output.dense", "attn.proj",
		"intermediate.dense", "mlp.fc1",
		"output.dense", "mlp.fc2",
		"classifier", "head",
	)
)

// SwinName returns Microsoft's name for a weight or module of the Swin in
// torchvision or in the transformers library. Queries, keys and values keep names
// of their own. The blocks of a stage, which are a module only in torchvision, get
// the name layers.N.blocks.
func SwinName(name string) string {
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
// the config. It knows the layouts of Microsoft, torchvision and the transformers
// library.
func (m *Swin) Canonical(src weights.Source) weights.Source {
	return weights.Arrange(keyBias{src}, func(name string) weights.Place {
		name = SwinName(name)
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

// keyBias adds a zero bias for keys, k_bias, for each q_bias of a source.
// Microsoft's Swin V2 has no k_bias.
type keyBias struct{ weights.Source }

func (k keyBias) Names() []string {
	var names []string
	for _, n := range k.Source.Names() {
		names = append(names, n)
		if block, ok := strings.CutSuffix(n, ".q_bias"); ok {
			names = append(names, block+".k_bias")
		}
	}
	return names
}

func (k keyBias) Tensor(name string) (*tensor.Tensor, error) {
	block, ok := strings.CutSuffix(name, ".k_bias")
	if !ok {
		return k.Source.Tensor(name)
	}
	q, err := k.Source.Tensor(block + ".q_bias")
	if err != nil {
		return nil, err
	}
	return tensor.New(q.Shape...), nil
}

// View is Tensor without a copy, if the source can do that.
func (k keyBias) View(name string) (*tensor.Tensor, error) {
	if strings.HasSuffix(name, ".k_bias") {
		return k.Tensor(name)
	}
	return weights.View(k.Source, name)
}

// Entry describes a tensor without reading it, if the source can do that.
func (k keyBias) Entry(name string) (weights.Entry, bool) {
	if block, ok := strings.CutSuffix(name, ".k_bias"); ok {
		name = block + ".q_bias"
	}
	return weights.Describe(k.Source, name)
}
