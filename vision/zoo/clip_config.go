package zoo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
)

// openCLIPFacts reads open_clip_config.json for weights of sizes have. What is
// different in the formulas is an error.
func openCLIPFacts(c config, have models.CLIPConfig) (clipFacts, error) {
	m := c.object("model_cfg")
	if !c.has("model_cfg") {
		m = c
	}
	if m.has("multimodal_cfg") {
		m.wrong("multimodal_cfg", "a CLIP: CoCa is not supported")
	}
	m.same("embed_dim", have.Embedding, have.Embedding)
	v, t := m.object("vision_cfg"), m.object("text_cfg")
	if name := v.text("timm_model_name"); name != "" {
		what := "a tower of open_clip: towers of timm are not supported"
		if strings.Contains(name, "siglip") {
			what = "a CLIP: SigLIP is another network and not supported"
		}
		v.wrong("timm_model_name", what)
	}
	if t.text("hf_model_name") != "" {
		t.wrong("hf_model_name", "a tower of open_clip: text towers of the transformers library are not supported")
	}
	v.neutral("ls_init_value", "attentional_pool", "no_ln_pre", "final_ln_after_pool", "act_kwargs", "norm_kwargs", "qk_norm",
		"scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc", "input_patchnorm", "global_average_pool")
	t.neutral("ls_init_value", "embed_cls", "no_causal_mask", "final_ln_after_pool", "proj_bias", "act_kwargs", "norm_kwargs",
		"qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc")
	v.only("pool_type", "tok")
	v.only("pos_embed_type", "learnable")
	t.only("pool_type", "argmax")
	t.only("proj_type", "linear")
	t.only("text_arch", "clip")

	v.same("width", 768, have.Width)
	v.sameSize("image_size", 224, have.Size)
	width := have.Width
	if have.Patch > 0 {
		v.same("layers", 12, have.Layers)
		v.sameSize("patch_size", 16, have.Patch)
	} else {
		width *= 32
		if blocks := v.integers("layers", 1, 1000); !slices.Equal(blocks, have.Blocks[:]) {
			v.wrong("layers", fmt.Sprintf("%v as in the weights", have.Blocks))
		}
	}
	t.same("width", 512, have.TextWidth)
	t.same("layers", 12, have.TextLayers)
	t.same("context_length", 77, have.Context)
	t.same("vocab_size", 49408, have.Vocabulary)
	f := clipFacts{textHeads: t.integer("heads", 8, 1, 1<<16), act: graph.GELU}
	if m.flag("quick_gelu") {
		f.act = graph.QuickGELU
	}
	f.heads = width / v.integer("head_width", 64, 1, max(width, 1))
	return f, c.err()
}

// same checks that an integer is that of the weights.
func (c config) same(key string, usual, have int) {
	if n := c.integer(key, usual, 0, 1<<30); n != have {
		c.wrong(key, fmt.Sprintf("%d as in the weights", have))
	}
}

// sameSize is same for one number, or two that are equal.
func (c config) sameSize(key string, usual, have int) {
	all := c.integers(key, 0, 1<<30)
	if all == nil {
		all = []int{usual}
	}
	for _, n := range all {
		if n != have || len(all) > 2 {
			c.wrong(key, fmt.Sprintf("%d as in the weights", have))
		}
	}
}

// neutral checks that keys are missing, null, false or empty: anything else changes the
// formulas.
func (c config) neutral(keys ...string) {
	for _, key := range keys {
		switch v := c.values[key].(type) {
		case nil:
		case bool:
			if v {
				c.wrong(key, "false: true is not supported")
			}
		case map[string]any:
			if len(v) > 0 {
				c.wrong(key, "nothing: it is not supported")
			}
		default:
			c.wrong(key, "nothing: it is not supported")
		}
	}
}

// only checks that a text is missing or the only one that is supported.
func (c config) only(key, want string) {
	if s := c.text(key); s != "" && s != want {
		c.wrong(key, want)
	}
}

// openCLIPPreprocess reads preprocess_cfg of open_clip_config.json.
func openCLIPPreprocess(c config, size int) (Preprocess, error) {
	p := CLIPPreprocess(size)
	o := c.object("preprocess_cfg")
	p.Mean, p.Std = o.triple("mean", p.Mean, -maxMean, maxMean), o.triple("std", p.Std, minStd, maxMean)
	o.sameSize("size", size, size)
	switch mode := o.text("resize_mode"); mode {
	case "", "shortest":
	case "squash":
		p.Short, p.Size = 0, [2]int{size, size}
	default:
		o.wrong("resize_mode", "shortest or squash: others are not supported")
	}
	switch name := o.text("interpolation"); name {
	case "", "bicubic", "random": // open_clip draws the filter only in training
	case "bilinear":
		p.Filter = picture.Bilinear
	default:
		o.wrong("interpolation", "bicubic, bilinear or random")
	}
	return p, c.err()
}

// transformersCLIPFacts reads the config.json of the transformers library for weights of
// sizes have. It returns nothing for another kind of config.
func transformersCLIPFacts(c config, have models.CLIPConfig) (clipFacts, error) {
	switch kind := c.text("model_type"); {
	case strings.Contains(kind, "siglip"):
		c.wrong("model_type", "clip: SigLIP is another network and not supported")
	case kind != "" && kind != "clip":
		c.wrong("model_type", "clip: others are not supported")
	}
	if !c.has("text_config") && !c.has("vision_config") && c.text("model_type") == "" {
		return clipFacts{}, c.err()
	}
	tower := func(name string, width, usual int) (heads int, act graph.Activation) {
		t := c.object(name)
		if c.has(name + "_dict") { // the library lets it override
			over := c.object(name + "_dict")
			all := map[string]any{}
			for _, o := range []config{t, over} {
				for k, v := range o.values {
					all[k] = v
				}
			}
			t.values = all
		}
		if t.has("hidden_size") {
			t.same("hidden_size", width, width)
		}
		if eps := t.number("layer_norm_eps", 1e-5, 0, 1); eps != 1e-5 {
			t.wrong("layer_norm_eps", "1e-05: others are not supported")
		}
		act = graph.QuickGELU
		if t.has("hidden_act") {
			var ok bool
			if act, ok = activations[t.text("hidden_act")]; !ok {
				t.wrong("hidden_act", "quick_gelu or gelu")
			}
		}
		return t.integer("num_attention_heads", usual, 1, width), act
	}
	width := have.Width
	if have.Patch == 0 {
		width *= 32
	}
	heads, act := tower("vision_config", width, 12)
	textHeads, textAct := tower("text_config", have.TextWidth, 8)
	if act != textAct {
		c.wrong("vision_config", "the hidden_act of text_config")
	}
	return clipFacts{heads, textHeads, act}, c.err()
}
