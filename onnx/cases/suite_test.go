package cases

import (
	"bufio"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/tensor"
)

func evaluate(ctx context.Context, g *graph.Graph, inputs []*tensor.Tensor) ([]*tensor.Tensor, error) {
	return g.Eval(ctx, inputs...)
}

// runFolder runs all data beside a model.
func runFolder(folder string, t Tolerance) error {
	m, err := onnx.Open(filepath.Join(folder, "model.onnx"))
	if err != nil {
		return err
	}
	defer m.Close()
	sets, err := Sets(folder)
	if err != nil {
		return err
	}
	for _, s := range sets {
		if err := s.Run(context.Background(), m, evaluate, t); err != nil {
			return err
		}
	}
	return nil
}

// manifest lists the tests of a suite, with their tiers.
func manifest(t *testing.T, folder string) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tests := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		col := strings.Split(lines.Text(), "\t")
		if _, err := os.Stat(filepath.Join(folder, col[0], "model.onnx")); err == nil {
			tests[col[0]] = col[2]
		}
	}
	return tests
}

// least is how many tests of each tier of the whole suite pass at least.
var least = map[string]int{"float": 500, "volume": 10, "int8": 0, "legacy": 39, "dynamic": 6}

// TestSuite runs the tests of ONNX's suite in testdata, which all pass, and those in the
// folder suite of the one that VERTEBRA_ONNX names.
func TestSuite(t *testing.T) {
	bound := Tolerance{Absolute: 1e-3, Relative: 1e-3}
	small := "../testdata/suite"
	for path := range manifest(t, small) {
		if err := runFolder(filepath.Join(small, path), bound); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	root := os.Getenv("VERTEBRA_ONNX")
	if root == "" {
		return
	}
	all := manifest(t, filepath.Join(root, "suite"))
	passed := map[string]int{}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if runFolder(filepath.Join(root, "suite", path), bound) == nil {
			passed[all[path]]++
		}
	}
	for tier, n := range least {
		if passed[tier] < n {
			t.Errorf("tier %s: %d tests pass, want %d", tier, passed[tier], n)
		}
	}
}
