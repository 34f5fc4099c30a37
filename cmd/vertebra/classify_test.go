package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/weights"
)

// seven draws a dark seven on light paper.
func seven(t *testing.T, dir, name string, side int) string {
	t.Helper()
	m := picture.New(side, side, 3)
	for i := range m.Pix {
		m.Pix[i] = 210
	}
	for i := range 1000 {
		for _, at := range [][2]int{{side/4 + side*i/2000, side / 5}, {side*3/4 - side*i/4000, side/5 + side*i/1600}} {
			for v := range max(side/12, 1) {
				for u := range max(side/12, 1) {
					copy(m.Pix[3*((at[1]+v)*side+at[0]+u):], []uint8{30, 40, 60})
				}
			}
		}
	}
	path := filepath.Join(dir, name)
	if err := picture.Save(path, m); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestClassifyDigits needs no file but the pictures.
func TestClassifyDigits(t *testing.T) {
	dir := t.TempDir()
	for i, side := range []int{28, 90, 600} {
		seven(t, dir, fmt.Sprintf("%d.png", i), side)
	}
	text := ok(t, "classify", "lenet", dir, "--top", "2", "--batch", "2")
	if n := strings.Count(text, "inverted"); n != 3 || !strings.Contains(text, "device: ") {
		t.Errorf("%d of 3 are inverted:\n%s", n, text)
	}
	var found []classified
	if err := json.Unmarshal([]byte(ok(t, "classify", "lenet", filepath.Join(dir, "*.png"), "--json", "--batch", "8")), &found); err != nil {
		t.Fatal(err)
	}
	for i, f := range found {
		if c := f.Classes; len(found) != 3 || len(c) != 5 || c[0].Name != "7" || c[0].Probability < 0.5 || c[0].Probability < c[1].Probability {
			t.Errorf("picture %d of %d: %v", i, len(found), f)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(ok(t, "classify", "lenet", filepath.Join(dir, "1.png"), "--csv", "--top", "20", "--device", "cpu"))).ReadAll()
	if err != nil || len(rows) != 11 || rows[0][4] != "probability" || rows[1][3] != "7" || rows[1][1] != "1" {
		t.Errorf("%v, %v", rows, err)
	}
}

// TestClassifyNoDigit expects a note that the model is not sure.
func TestClassifyNoDigit(t *testing.T) {
	if text := ok(t, "classify", "lenet", photograph(t, 40, 30)); !strings.Contains(text, " (perhaps not a digit: the best guess has ") {
		t.Error(text)
	}
	if text := ok(t, "classify", "lenet", seven(t, t.TempDir(), "7.png", 60)); strings.Contains(text, "perhaps") {
		t.Error(text)
	}
}

// checkpoint writes random weights of a model.
func checkpoint(t *testing.T, m models.Network) string {
	t.Helper()
	weights.Random(m, 1)
	var all []*tensor.Tensor
	weights.Walk(m, func(_ string, w *tensor.Tensor) { all = append(all, w) })
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	if err := weights.WriteSafetensors(path, nil, all...); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestClassifyOtherHead accepts a head of another size only with --classes or --labels.
func TestClassifyOtherHead(t *testing.T) {
	c, err := models.ResNetNamed("resnet18")
	if err != nil {
		t.Fatal(err)
	}
	c.Classes = 3
	path, in := checkpoint(t, models.NewResNet(c)), photograph(t, 30, 20)
	status, _, stderr := vertebra("classify", "resnet18", in, "--weights", path)
	if status != 1 || !strings.Contains(stderr, "the head has 3 classes: give --classes 3, or --labels") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("status %d, %s", status, stderr)
	}
	labels := file(t, "labels.txt", []byte("oak\r\nash tree\r\nelm\r\n"))
	for _, args := range [][]string{{"--classes", "3"}, {"--labels", labels}} {
		var found []classified
		text := ok(t, append([]string{"classify", "resnet18", in, "--weights", path, "--json", "--size", "64x64"}, args...)...)
		if err := json.Unmarshal([]byte(text), &found); err != nil || len(found) != 1 || len(found[0].Classes) != 3 {
			t.Fatalf("%v: %s", err, text)
		}
		sum := 0.0
		for _, b := range found[0].Classes {
			sum += b.Probability
		}
		if math.Abs(sum-1) > 1e-6 || (args[0] == "--labels") != strings.Contains(text, "ash tree") {
			t.Errorf("sum %v: %s", sum, text)
		}
	}
}

// TestClassifyLeavesOut goes on where one picture of several is broken.
func TestClassifyLeavesOut(t *testing.T) {
	dir := t.TempDir()
	seven(t, dir, "a.png", 40)
	if err := os.WriteFile(filepath.Join(dir, "b.png"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	seven(t, dir, "c.png", 50)
	status, stdout, stderr := vertebra("classify", "lenet", dir, "--csv", "--top", "1")
	if status != 1 || strings.Count(stdout, "\n") != 3 || !strings.Contains(stderr, "left out 1 of 3 pictures: ") || !strings.Contains(stderr, "b.png: not an image") {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
}

// TestClassifyPhoto runs a network trained by others on a photo; a clone does
// not have its weights.
func TestClassifyPhoto(t *testing.T) {
	data := os.Getenv("VERTEBRA_DATA")
	if data == "" {
		return
	}
	for _, name := range []string{"resnet20-12fca82f", "resnet56-4bfd9763"} {
		model := "cifar_" + strings.Split(name, "-")[0]
		text := ok(t, "classify", model, filepath.Join(data, "images", "chelsea.png"), "--weights", filepath.Join(data, "weights", name+".th"), "--csv", "--top", "1")
		if !strings.Contains(text, "chelsea.png,1,3,cat,") {
			t.Errorf("%s: %s", model, text)
		}
	}
}

// TestClassifyInterrupted ends before the first picture.
func TestClassifyInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	status := run(ctx, []string{"classify", "lenet", photograph(t, 30, 30)}, &out, &errs)
	if status != interrupted || errs.String() != "vertebra: interrupted\n" {
		t.Errorf("status %d, %q", status, errs.String())
	}
}

func TestClassifyErrors(t *testing.T) {
	in := photograph(t, 8, 8)
	for _, c := range []struct {
		want string
		args []string
	}{
		{"wrong number of arguments, 1", []string{"lenet"}},
		{"no model \"vgg\"", []string{"vgg", in}},
		{"x.png: no such file", []string{"lenet", "x.png"}},
		{"*.gif: no such file", []string{"lenet", filepath.Join(t.TempDir(), "*.gif")}},
		{"no picture in this folder", []string{"lenet", t.TempDir()}},
		{"resnet18 has no built-in weights: download https://download.pytorch.org/models/resnet18-f37072fd.pth (about 44.6 MiB, BSD-3-Clause; trained on ImageNet, whose terms apply); \"vertebra pull resnet18\" gets it, or give --pull, or --weights FILE", []string{"resnet18", in}},
		{"--top 0", []string{"lenet", in, "--top", "0"}},
		{"--batch 0", []string{"lenet", in, "--batch", "0"}},
		{"a head cannot have -1 classes", []string{"lenet", in, "--classes", "-1"}},
		{"the head has 10 classes", []string{"lenet", in, "--classes", "12"}},
		{"classify espcn_x3: it enlarges pictures; for classification see resnet18", []string{"espcn_x3", in}},
		{"--size \"9\u00d7a\"", []string{"lenet", in, "--size", "9×a"}},
		{"--csv and --json exclude each other", []string{"lenet", in, "--csv", "--json"}},
		{"not a list of names", []string{"lenet", in, "--labels", in}},
		{"in.png: neither", []string{"lenet", in, "--weights", in}},
	} {
		status, _, stderr := vertebra(append([]string{"classify"}, c.args...)...)
		if status != 1 || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: status %d, %q, want %q", c.args, status, stderr, c.want)
		}
	}
}
