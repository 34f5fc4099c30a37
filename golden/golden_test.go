package golden_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/weights"
)

// references lists the reference files that match a pattern, each once: those in
// testdata and those in the folder that VERTEBRA_GOLDEN names. It leaves out copies.
func references(t *testing.T, pattern string) []string {
	t.Helper()
	list := func(dir string) []string {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no reference files in %s (%v)", dir, err)
		}
		return files
	}
	all := list("testdata")
	dir := os.Getenv("VERTEBRA_GOLDEN")
	if dir == "" {
		return all
	}
	for _, path := range list(dir) {
		there, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		copied, err := os.ReadFile(filepath.Join("testdata", filepath.Base(path)))
		if err != nil || !bytes.Equal(there, copied) {
			all = append(all, path)
		}
	}
	return all
}

// TestEval compares the plain Go evaluation of every op and model with the official
// implementations.
func TestEval(t *testing.T) {
	for _, f := range references(t, "*.safetensors") {
		cases, err := golden.Load(f)
		if errors.Is(err, golden.ErrUnknown) && filepath.Dir(f) != "testdata" {
			continue // a model of a later version
		}
		if err != nil {
			t.Error(err)
			continue
		}
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) { check(t, c) })
		}
	}
}

func check(t *testing.T, c golden.Case) {
	if len(c.Stages) > 0 {
		c = c.Staged()
	}
	var got []*tensor.Tensor
	var err error
	switch {
	case c.Host != nil:
		got, err = c.Host()
	case c.Run != nil:
		got, err = c.Run(context.Background(), vision.Evaluate)
	default:
		got, err = c.Graph.Eval(context.Background(), c.Inputs...)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range c.Want {
		d, err := c.Diff(i, got[i])
		if err != nil || !(d.Relative <= c.Tolerance) {
			t.Errorf("%s: %v, %v", want.Name, d, err)
		}
	}
}

// TestStages checks that every stage of a model's file is compared.
func TestStages(t *testing.T) {
	for _, f := range references(t, "*.safetensors") {
		cases, err := golden.Load(f)
		if err != nil || len(cases) != 1 || cases[0].Graph == nil {
			continue
		}
		s, err := weights.OpenSafetensors(f)
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]bool{}
		for _, stage := range cases[0].Stages {
			have[stage.Name] = true
		}
		for _, name := range s.Names() {
			if stage, ok := strings.CutPrefix(name, "stage/"); ok && !have[stage] {
				t.Errorf("%s: stage %s is not compared", cases[0].Name, stage)
			}
		}
		s.Close()
	}
}
