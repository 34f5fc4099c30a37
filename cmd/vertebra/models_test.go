package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vertebra/vertebra/vision/zoo"
)

func TestModels(t *testing.T) {
	if names := strings.Fields(ok(t, "models", "-q")); len(names) != len(zoo.Models()) {
		t.Errorf("%d models, want %d", len(names), len(zoo.Models()))
	}
	lines := strings.Split(ok(t, "models"), "\n")
	if head := strings.Fields(lines[0]); !slices.Equal(head, []string{"name", "task", "size", "licence"}) {
		t.Errorf("columns %v", head)
	}
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n > 100 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
	for args, want := range map[string]string{
		"unet_bilinear":         "segmentation  512x512  no weights",
		"lenet5_conv":           "classification  32x32  MIT",
		"sam_vit_b --wide":      "Apache-2.0  357.7 MiB  https://dl.fbaipublicfiles.com/segment_anything/sam_vit_b_01ec64.pth",
		"resnet101_v2 --wide":   "BSD-3-Clause  ~170.3 MiB  https://",
		"espcn_x2 --wide":       "Apache-2.0  -         built in",
		"unet_bilinear --wide":  "no weights  -         none published",
		"resnet50 --task x":     "",
		"--task detection -q":   "vit_b_16_det\n",
		"x4 --task Embedding":   "",
		"x4 --task=embedding":   "clip_rn50x4",
		"SWIN_T --quiet":        "swin_t\nswin_tiny_patch4_window7_224\n",
		"mae_vit_large --quiet": "mae_vit_large_patch16\nmae_vit_large_patch16_encoder\n",
	} {
		status, stdout, _ := vertebra(append([]string{"models"}, strings.Fields(args)...)...)
		if !strings.Contains(stdout, want) || (status == 0) != (want != "") {
			t.Errorf("%s: status %d, %q, want %q", args, status, stdout, want)
		}
	}
}

// TestModelsJSON checks that JSON has all details.
func TestModelsJSON(t *testing.T) {
	var rows []listedModel
	if err := json.Unmarshal([]byte(ok(t, "models", "--json")), &rows); err != nil || len(rows) != len(zoo.Models()) {
		t.Fatalf("%d models, %v", len(rows), err)
	}
	for i, m := range zoo.Models() {
		r := rows[i]
		if r.Name != m.Name || r.Task != m.Task.String() || r.Size != m.Size || r.BuiltIn != (m.Weights != nil) || r.Terms != m.Terms || r.Files == nil || len(r.Files) != len(m.Files) {
			t.Errorf("%+v", r)
			continue
		}
		for i, f := range m.Files {
			if got := r.Files[i]; (zoo.File{URL: got.URL, Bytes: got.Bytes, SHA256: got.SHA256, MD5: got.MD5, Terms: got.Terms, NonCommercial: got.NonCommercial}) != f || got.Licence != f.Licence() {
				t.Errorf("%s: %+v, want %+v", m.Name, got, f)
			}
		}
	}
}

func TestModelsErrors(t *testing.T) {
	for want, args := range map[string][]string{
		`no model "vgg"; "vertebra models" lists all`:                                  {"vgg"},
		`--task: no task "sorting"; the tasks are classification, `:                    {"--task", "sorting"},
		`no model for detection has "net" in its name; "vertebra models net" has more`: {"net", "--task", "detection"},
		`no model "vggg"`: {"vggg", "--task", "detection"},
	} {
		status, stdout, stderr := vertebra(append([]string{"models"}, args...)...)
		if status != 1 || stdout != "" || !strings.HasPrefix(stderr, "vertebra: "+want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: status %d, %q, %q", args, status, stdout, stderr)
		}
	}
}
