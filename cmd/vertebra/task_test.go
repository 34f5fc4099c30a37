package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/vision/zoo"
)

// TestWrongModel gives every command every model that is not for it: the error
// says what the model does and what to use, before anybody asks for weights.
func TestWrongModel(t *testing.T) {
	in, out := photograph(t, 8, 8), filepath.Join(t.TempDir(), "out.png")
	for _, c := range []struct {
		task zoo.Task
		args func(name string) []string
	}{
		{zoo.Classify, func(n string) []string { return []string{"classify", n, in} }},
		{zoo.Segment, func(n string) []string { return []string{"segment", n, in, "-o", out} }},
		{zoo.Detect, func(n string) []string { return []string{"detect", n, in} }},
		{zoo.Reconstruct, func(n string) []string { return []string{"reconstruct", in, "--model", n, "-o", out} }},
	} {
		for _, m := range zoo.Models() {
			args := c.args(m.Name)
			want := fmt.Sprintf("vertebra: %s %s: it %s; for %v see ", args[0], m.Name, m.Task.Does(), c.task)
			if m.Task == c.task {
				if m.Weights != nil {
					continue
				}
				want = "vertebra: " + m.Name + " has no built-in weights"
			}
			status, stdout, stderr := vertebra(args...)
			if status != 1 || stdout != "" || !strings.HasPrefix(stderr, want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("%v: status %d, %q, want %q", args, status, stderr, want)
			}
		}
	}
	status, _, stderr := vertebra("classify", "clip_vit_b32", in)
	if want := "; for clip_vit_b32 see match, embed and search\n"; status != 1 || !strings.HasSuffix(stderr, want) {
		t.Errorf("status %d, %q, want %q", status, stderr, want)
	}
	for _, name := range []string{"resnet50", "unet", "clip_vit_b32", "lenet"} {
		status, _, stderr := vertebra("attention", name, in, "--block", "1", "-o", out)
		if want := "vertebra: attention " + name + ": only transformers have attention to draw, such as vit_b_16"; status != 1 || !strings.HasPrefix(stderr, want) {
			t.Errorf("status %d, %q, want %q", status, stderr, want)
		}
	}
}

// TestCommandsFor checks that each task has commands, and that these exist.
func TestCommandsFor(t *testing.T) {
	root := newRoot()
	for _, task := range zoo.Tasks() {
		names := regexp.MustCompile(`, | and `).Split(commandsFor[task], -1)
		for _, name := range names {
			if c, _, err := root.Find([]string{name}); err != nil || c.Name() != name {
				t.Errorf("%v: no command %q", task, name)
			}
		}
	}
}

// TestNoWeights expects one line that says where to get what is missing.
func TestNoWeights(t *testing.T) {
	in, out := photograph(t, 8, 8), filepath.Join(t.TempDir(), "out")
	clip := ` needs --weights FILE, such as https://openaipublic.azureedge.net/clip/models/40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af/ViT-B-32.pt (338 MiB, MIT); ` +
		`texts also need https://github.com/openai/CLIP/raw/main/clip/bpe_simple_vocab_16e6.txt.gz (1.29 MiB, MIT) beside it; "vertebra pull clip_vit_b32" gets it, and "vertebra models --task embedding --wide" lists others`
	for want, args := range map[string][]string{
		"match" + clip:  {"match", in, "--text", "a"},
		"embed" + clip:  {"embed", in, "-o", out + ".npy"},
		"search" + clip: {"search", filepath.Dir(in), "a"},
		`sam needs --weights FILE, such as https://dl.fbaipublicfiles.com/segment_anything/sam_vit_b_01ec64.pth (358 MiB, Apache-2.0); "vertebra pull sam_vit_b" gets it, and "vertebra models --task promptable-masks --wide" lists others`:                               {"sam", in, "--point", "1,1", "-o", out + ".png"},
		`reconstruct needs --weights FILE, such as https://huggingface.co/facebook/vit-mae-base/resolve/main/model.safetensors (about 427 MiB, Apache-2.0); "vertebra pull mae_vit_base_patch16" gets it, and "vertebra models --task reconstruction --wide" lists others`: {"reconstruct", in, "-o", out + ".png"},
		"mae_vit_large_patch16 has no built-in weights: download https://dl.fbaipublicfiles.com/mae/visualize/mae_visualize_vit_large.pth (about 1.23 GiB, CC-BY-NC-4.0); \"vertebra pull mae_vit_large_patch16\" gets it, or give --pull, or --weights FILE":              {"reconstruct", in, "--model", "mae_vit_large_patch16", "-o", out + ".png"},
		"vit_b_16 has no built-in weights: download https://download.pytorch.org/models/vit_b_16-c867db91.pth (about 330 MiB, BSD-3-Clause; trained on ImageNet, whose terms apply); \"vertebra pull vit_b_16\" gets it, or give --pull, or --weights FILE":                {"attention", "vit_b_16", in, "--block", "1", "-o", out + ".png"},
		"swin_t has no built-in weights: download https://download.pytorch.org/models/swin_t-704ceda3.pth (about 108 MiB, BSD-3-Clause; trained on ImageNet, whose terms apply); \"vertebra pull swin_t\" gets it, or give --pull, or --weights FILE":                      {"features", "swin_t", in, "-o", out + ".npy"},
		"googlenet has no built-in weights: download https://download.pytorch.org/models/googlenet-1378be20.pth (about 49.7 MiB, BSD-3-Clause; trained on ImageNet, whose terms apply); \"vertebra pull googlenet\" gets it, or give --pull, or --weights FILE":            {"run", "googlenet", "--input", in, "--output", out},
		"unet has no built-in weights: download https://github.com/milesial/Pytorch-UNet/releases/download/v3.0/unet_carvana_scale0.5_epoch2.pth (about 118 MiB, GPL-3.0); \"vertebra pull unet\" gets it, or give --pull, or --weights FILE":                              {"segment", "unet", in, "-o", out + ".png"},
		"vit_b_16_det has no built-in weights, and none are published; give --weights FILE": {"detect", "vit_b_16_det", in},
	} {
		status, stdout, stderr := vertebra(args...)
		if status != 1 || stdout != "" || stderr != "vertebra: "+want+"\n" {
			t.Errorf("%v: status %d, %q, want %q", args, status, stderr, want)
		}
	}
}

// TestCompletion checks that what is offered fits.
func TestCompletion(t *testing.T) {
	of := func(tasks ...zoo.Task) (names []string) {
		for _, m := range zoo.Models() {
			if slices.Contains(tasks, m.Task) {
				names = append(names, m.Name)
			}
		}
		return names
	}
	var transformers []string
	for _, m := range zoo.Models() {
		if strings.HasPrefix(m.Name, "vit_") || strings.HasPrefix(m.Name, "mae_") || strings.HasPrefix(m.Name, "swin") {
			transformers = append(transformers, m.Name)
		}
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"classify"}, of(zoo.Classify)},
		{[]string{"segment"}, of(zoo.Segment)},
		{[]string{"detect"}, of(zoo.Detect)},
		{[]string{"attention"}, transformers},
		{[]string{"reconstruct", "--model"}, of(zoo.Reconstruct)},
		{[]string{"bench", "scale", "--model"}, transformers},
		{[]string{"features"}, of(zoo.Tasks()...)},
		{[]string{"run"}, of(zoo.Tasks()...)},
		{[]string{"summary"}, of(zoo.Tasks()...)},
		{[]string{"models"}, append([]string{"rm\tRemove downloaded weights"}, of(zoo.Tasks()...)...)},
		{[]string{"bench", "model"}, of(zoo.Tasks()...)},
		{[]string{"inspect", "--model"}, of(zoo.Tasks()...)},
		{[]string{"models", "--task"}, taskNames()},
	} {
		_, stdout, _ := vertebra(append(append([]string{"__complete"}, c.args...), "")...)
		var words []string
		for line := range strings.Lines(stdout) {
			if !strings.HasPrefix(line, "-") { // flags that are required
				words = append(words, strings.TrimSpace(line))
			}
		}
		if want := append(slices.Clone(c.want), ":4"); !slices.Equal(words, want) {
			t.Errorf("%v: %v, want %v", c.args, words, want)
		}
	}
}
