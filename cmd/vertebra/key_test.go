package main

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// prefixed writes the built-in ESPCN of scale 2 once for each prefix, with other tensors
// beside it.
func prefixed(t *testing.T, prefixes ...string) string {
	t.Helper()
	src, err := zoo.ESPCNWeights(2)
	if err != nil {
		t.Fatal(err)
	}
	all := []*tensor.Tensor{{Name: "n_averaged", Shape: tensor.Shape{}, Data: []float32{3}}}
	for _, prefix := range prefixes {
		for _, n := range src.Names() {
			x, err := src.Tensor(n)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, &tensor.Tensor{Name: prefix + n, Shape: x.Shape, Data: x.Data})
		}
	}
	path := filepath.Join(t.TempDir(), "net.safetensors")
	if err := weights.WriteSafetensors(path, nil, all...); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestKey runs a network below wrappers, and one of two that a file holds.
func TestKey(t *testing.T) {
	wrapped, two := prefixed(t, "module._orig_mod."), prefixed(t, "model.", "ema.", "generator.")
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"inspect", wrapped}, 0, "a network under module._orig_mod.\n"},
		{[]string{"inspect", wrapped}, 0, "\nfits espcn_x2\n"},
		{[]string{"inspect", two}, 0, "\nnetwork with --key ema: 6 tensors\nnetwork with --key model: 6 tensors\n"},
		{[]string{"inspect", two, "--key", "generator"}, 0, "\nfits espcn_x2\n"},
		{[]string{"inspect", two, "--key", "loss"}, 1, "no tensors under the key loss; there are ema (6 tensors), generator (6 tensors), model (6 tensors)"},
	} {
		status, out, errs := vertebra(c.args...)
		if status != c.status || !strings.Contains(out+errs, c.want) {
			t.Errorf("%v: status %d, no %q in\n%s%s", c.args, status, c.want, out, errs)
		}
	}
	m := picture.New(23, 19, 3)
	for i := range m.Pix {
		m.Pix[i] = byte(i * 37)
	}
	photo := filepath.Join(t.TempDir(), "in.png")
	var file bytes.Buffer
	if err := png.Encode(&file, m.Image()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(photo, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	made := map[string]string{}
	for name, args := range map[string][]string{
		"plain":   {"--weights", "../../vision/zoo/espcn_x2.safetensors"},
		"wrapped": {"--weights", wrapped},
		"key":     {"--weights", two, "--key", "ema"},
	} {
		out := filepath.Join(t.TempDir(), "out.png")
		status, _, errs := vertebra(append([]string{"upscale", "--device", "cpu", "--scale", "2", photo, "-o", out}, args...)...)
		if status != 0 {
			t.Fatalf("%s: %s", name, errs)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		made[name] = string(data)
	}
	if made["wrapped"] != made["plain"] || made["key"] != made["plain"] {
		t.Error("the pictures differ")
	}
	status, _, errs := vertebra("upscale", "--device", "cpu", photo, "--weights", two, "-o", filepath.Join(t.TempDir(), "out.png"))
	if want := "several networks, of which one has to be named by its key: ema (6 tensors), model (6 tensors); give --key, such as --key ema"; status != 1 || !strings.Contains(errs, want) {
		t.Errorf("status %d, %s", status, errs)
	}
}
