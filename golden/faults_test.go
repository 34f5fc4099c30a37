package golden_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/tensor"
)

// TestFaults alters reference files, one fault at a time. Each fault must give an
// error that says what is wrong, not a panic or a case that passes.
func TestFaults(t *testing.T) {
	nan := float32(math.NaN())
	set := func(name string, shape ...int) func(*testing.T, *altered) {
		return func(_ *testing.T, a *altered) { a.set(name, tensor.New(shape...)) }
	}
	drop := func(names ...string) func(*testing.T, *altered) {
		return func(_ *testing.T, a *altered) { a.drop(names...) }
	}
	config := func(key string, v any) func(*testing.T, *altered) {
		return func(t *testing.T, a *altered) { a.config(t, map[string]any{key: v}) }
	}
	for _, c := range []struct {
		file   string
		change func(t *testing.T, a *altered)
		want   string
	}{
		{"espcn_x4", drop("output/"), "no output to compare"},
		{"espcn_x4", drop("input/x"), "no tensor input/x"},
		{"espcn_x4", drop("weight/"), "conv1.weight is missing"},
		{"espcn_x4", drop("weight/conv2.bias"), "missing conv2.bias [32]"},
		{"espcn_x4", set("weight/conv4.weight", 1), "unused conv4.weight"},
		{"espcn_x4", set("weight/conv2.weight", 32, 63, 3, 3), "input has 64 channels, weight wants 63"},
		{"espcn_x4", set("weight/conv1.weight", 0, 1, 5, 5), "conv1.weight is [0, 1, 5, 5]"},
		{"espcn_x4", set("input/x", 2, 1, 11), "input/x is [2, 1, 11], want 4 dimensions"},
		{"espcn_x4", set("input/x", 2, 1, 0, 9), "input/x is [2, 1, 0, 9], want 4 dimensions"},
		{"espcn_x4", set("input/x", 2, 3, 11, 9), "input has 3 channels, weight wants 1"},
		{"espcn_x4", set("output/out", 0, 1, 44, 36), "no output to compare"},
		{"espcn_x4", set("output/more", 2), "output/more: no case here gives such an output"},
		{"espcn_x4", set("stage/conv1", 0, 64, 11, 9), "stage conv1 is empty"},
		{"espcn_x4", func(_ *testing.T, a *altered) { a.set("output/out", filled(nan, 2, 1, 44, 36)) }, "output out is not a number at element 0"},
		{"espcn_x4", func(_ *testing.T, a *altered) { a.set("stage/conv2", filled(nan, 2, 32, 11, 9)) }, "stage conv2 is not a number"},
		{"espcn_x4", config("activation", "swish"), `activation "swish" is unknown`},
		{"espcn_x4", config("upscale", 5), "which do not fit scale 5"},
		{"espcn_x4", config("upscale", -1), "which do not fit scale -1"},
		{"espcn_x4", config("upscale", 1<<40), "which do not fit scale"},
		{"espcn_x4", config("upscale", "two"), "metadata config: json:"},
		{"espcn_x4", config("weights", "espcn.pth"), "espcn.pth is not there; it was looked for in"},
		{"espcn_x4", func(_ *testing.T, a *altered) { a.metadata["config"] = "[1" }, "metadata config: unexpected end"},
		{"espcn_x4", func(_ *testing.T, a *altered) { a.metadata["config"] = "[]" }, "metadata config: json: cannot unmarshal array"},
		{"espcn_x4", func(t *testing.T, a *altered) {
			a.metadata["model"] = "vgg16"
			a.config(t, map[string]any{"arch": "vgg"})
		}, `architecture "vgg": not a model that this version can check`},
		{"espcn_x4", func(_ *testing.T, a *altered) { delete(a.metadata, "model") }, `no metadata "model": not a reference file`},
		{"resnext", set("weight/layer1.0.conv2.weight", 4, 3, 3, 3), "do not divide into groups of"},
		{"resnext", drop("weight/layer4.0.bn1.running_var"), "missing layer4.0.bn1.running_var"},
		{"unetpp", drop("weight/conv0_2.conv1.weight"), "missing conv0_2.conv1.weight"},
		{"tv_swin_v2_bare", func(t *testing.T, a *altered) {
			a.config(t, map[string]any{"window_size": nil})
			for _, n := range a.names {
				if strings.Contains(n, "relative_") {
					defer a.drop(n)
				}
			}
		}, "its size (window_size) is needed"},
		{"tv_swin_bare", config("window_size", -3), "a Swin cannot have windows of"},
		{"timm_vit_pre_logits", config("num_heads", nil), "a vision transformer with 12 channels cannot have 0 heads"},
		{"timm_vit_pre_logits", config("num_heads", 5), "cannot have 5 heads"},
		{"timm_vit_pre_logits", config("img_size", 40), "positions for 16 patches"},
		{"timm_vit_pre_logits", drop("weight/pos_embed"), "pos_embed is missing"},
		{"timm_vit_pre_logits", config("ln_eps", 0.5), "ln_eps 0.5"},
		{"mae_finetune_global_pool", drop("weight/fc_norm.weight"), "missing norm.weight"},
		{"clip_rn_width_5", config("transformer_heads", nil), "channels of the text tower are too few"},
		{"clip_rn_width_5", config("vision_heads", 7), "7 heads do not divide the 160 channels of the image tower"},
		{"clip_rn_width_5", drop("input/text"), "no tensor input/text"},
		{"clip_rn_width_5", drop("output/"), "no output to compare"},
		{"clip_rn_width_5", config("activation", "mish"), `activation "mish" is unknown`},
		{"det_head_vit", drop("weight/det.class_head.weight", "weight/cls_head.weight"), "cls_head.weight is missing"},
		{"sam_mask_decoder", drop("input/sparse"), "no tensor input/sparse"},
		{"sam_mask_decoder", config("dec_heads", 3), "a decoder whose attention has 8 channels cannot have 3 heads"},
		{"sam_mask_decoder", drop("weight/iou_token.weight"), "iou_token.weight is []"},
		{"sam_amg", drop("input/image"), `no tensor input/image, and no "image" in the metadata`},
		{"sam_amg", set("input/image", 61, 90, 3), "want a picture: U8 [H, W, 1 or 3]"},
		{"sam_amg", config("cases", []any{}), "metadata config: no cases"},
		{"sam_amg", drop("output/plain/"), "altered/plain: no output to compare, such as output/plain/predicted_iou"},
		{"sam_amg", drop("weight/prompt_encoder.mask_downscaling.3.weight"), "prompt_encoder.mask_downscaling.3.weight is missing"},
		{"op_linear", config("cases", []any{}), "metadata config: no cases"},
		{"op_linear", drop("input/plain/x"), "altered/plain: safetensors: no tensor input/plain/x"},
		{"op_linear", drop("output/plain/y"), "altered/plain: safetensors: no tensor output/plain/y"},
		{"op_linear", set("output/plain/y", 0, 7), "altered/plain: no output to compare"},
		{"op_linear", set("output/plain/z", 1), "output/plain/z: no case here gives such an output"},
		{"op_linear", config("cases", []any{map[string]any{"id": "plain"}, map[string]any{"id": "plain"}}), `id "plain" is empty or used twice`},
		{"op_conv2d", set("input/k3/x", 4), "altered/k3: input/k3/x is [4], want 4 dimensions"},
		{"op_sam_pieces", drop("input/rle_0/mask"), "no tensor input/rle_0/mask"},
		{"preprocess_photo", config("image", "chelsea2.png"), "chelsea2.png is not there; it was looked for in"},
		{"preprocess_photo", config("image", nil), `no "image" in the metadata`},
		{"preprocess_photo", set("output/lanczos7_1_1/cropped", 1, 1, 3), "output/lanczos7_1_1/cropped"},
		{"preprocess_photo", set("output/bilinear_256_224/squeezed", 1, 1, 3), "is unknown; want a name such as bicubic_256_224/cropped"},
	} {
		a := alter(t, "testdata/"+c.file+".safetensors")
		c.change(t, a)
		path := a.write(t)
		if c.file == "preprocess_photo" { // its picture is beside the file
			link(t, "testdata/chelsea.png", filepath.Join(filepath.Dir(path), "chelsea.png"))
		}
		_, err := golden.Load(path)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.file, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "panic") {
			t.Errorf("%s: %v", c.file, err)
		}
	}
}

// filled returns a tensor that repeats one number.
func filled(v float32, shape ...int) *tensor.Tensor {
	x := tensor.New(shape...)
	for i := range x.Data {
		x.Data[i] = v
	}
	return x
}

// link copies a file.
func link(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestFaultsOfOthers checks that a fault in one case leaves the file's other cases.
func TestFaultsOfOthers(t *testing.T) {
	for file, names := range map[string][]string{
		"op_linear": {"input/plain/x"},
		"sam_amg":   {"output/plain/"},
	} {
		a := alter(t, "testdata/"+file+".safetensors")
		all, err := golden.Load(a.write(t))
		if err != nil {
			t.Fatal(err)
		}
		a.drop(names...)
		rest, err := golden.Load(a.write(t))
		if len(rest) != len(all)-1 || err == nil || !strings.HasPrefix(err.Error(), "altered/plain: ") {
			t.Errorf("%s: %d of %d cases, %v", file, len(rest), len(all), err)
		}
	}
}

// TestBrokenFiles expects errors for files that are not reference files.
func TestBrokenFiles(t *testing.T) {
	whole := alter(t, "testdata/espcn_x4.safetensors")
	bytes := whole.bytes(t)
	folder := t.TempDir()
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":     {nil, "empty"},
		"text":      {[]byte("these are some words, and no tensors at all\n"), "does not begin with a header"},
		"header":    {bytes[:100], "header of"},
		"truncated": {bytes[:len(bytes)-5], "outside the"},
		"twice":     {whole.bytes(t, "output/out"), `name "output/out" is used twice`},
		"zeros":     {make([]byte, 64), "header"},
	} {
		path := filepath.Join(folder, name+".safetensors")
		if err := os.WriteFile(path, c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := golden.Load(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for _, path := range []string{folder, filepath.Join(folder, "none")} {
		if _, err := golden.Load(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
