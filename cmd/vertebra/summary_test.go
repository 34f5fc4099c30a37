package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
)

// TestSummary checks the tables of residual networks for 512×512 pixels.
func TestSummary(t *testing.T) {
	for name, want := range map[string][]string{
		"resnet18":  {"layer1 2 64×128×128", "layer2 2 128×64×64", "layer3 2 256×32×32", "layer4 2 512×16×16", "total 11,689,512"},
		"resnet50":  {"layer1 3 256×128×128", "layer2 4 512×64×64", "layer3 6 1024×32×32", "layer4 3 2048×16×16", "total 25,557,032"},
		"resnet101": {"layer3 23 1024×32×32", "total 44,549,160"},
		"resnet152": {"layer2 8 512×64×64", "layer3 36 1024×32×32", "total 60,192,808"},
	} {
		text := regexp.MustCompile(` +`).ReplaceAllString(ok(t, "summary", name, "--size", "512x512"), " ")
		for _, w := range append(want, "input N×C×H×W: 1×3×512×512", "layer1.0.conv1 conv2d", "fc linear+bias 1×1000 2,049,000 2,048,000") {
			if name == "resnet18" && strings.HasPrefix(w, "fc") {
				w = "fc linear+bias 1×1000 513,000"
			}
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in\n%s", name, w, text)
			}
		}
	}
}

func TestSummaryJSON(t *testing.T) {
	var s struct {
		Model, Layout string
		models.Summary
	}
	text := ok(t, "summary", "unet", "--size", "100x60", "--batch", "2", "--classes", "5", "--json")
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	if s.Model != "unet" || s.Layout != "NCHW" || !s.Input.Equal([]int{2, 3, 100, 60}) || !s.Outputs[0].Shape.Equal([]int{2, 5, 100, 60}) {
		t.Errorf("%+v", s)
	}
}

// TestSummaryONNX lists the ops of an ONNX file, whose free dimensions flags bind.
func TestSummaryONNX(t *testing.T) {
	model, _ := meansFile(t)
	text := ok(t, "summary", model, "--size", "6x8", "--dim", "batch=2")
	for _, want := range []string{"input x: 2×3×6×8\n", "mean", "2×3"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s, want %q", text, want)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{model}, "dimension 0 of input x is free"},
		{[]string{model, "--classes", "2"}, "--classes is not for an ONNX file"},
		{[]string{"lenet", "--dim", "batch=2"}, "--dim is for an ONNX file"},
	} {
		if status, _, stderr := vertebra(append([]string{"summary"}, c.args...)...); status != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: status %d, %s", c.args, status, stderr)
		}
	}
}

func TestSummaryErrors(t *testing.T) {
	for want, args := range map[string][]string{
		"no model \"vgg\"":              {"vgg"},
		"--size \"0x4\"":                {"alexnet", "--size", "0x4"},
		"--size \"a\"":                  {"alexnet", "--size", "a"},
		"--batch 0":                     {"alexnet", "--batch", "0"},
		"max_pool2d":                    {"alexnet", "--size", "20"},
		"a head cannot have -3 classes": {"alexnet", "--classes", "-3"},
		"espcn_x2 has no classes: it enlarges pictures": {"espcn_x2", "--classes", "3"},
	} {
		status, _, stderr := vertebra(append([]string{"summary"}, args...)...)
		if status != 1 || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: status %d, %q, want %q", args, status, stderr, want)
		}
	}
}
