package cases

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
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
var least = map[string]int{"float": 1113, "volume": 109, "int8": 30, "legacy": 67, "dynamic": 28}

// TestSuite runs the tests of ONNX's suite in testdata, which all pass, and those in the
// folder suite of the one that VERTEBRA_ONNX names.
func TestSuite(t *testing.T) {
	bound := Tolerance{Absolute: 1e-3, Relative: 1e-3}
	small := "../testdata/suite"
	tests := manifest(t, small)
	if len(tests) < 160 {
		t.Errorf("%d tests in %s", len(tests), small)
	}
	for path := range tests {
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

// TestFill makes the weights of a model that is stored without them, in the folder that
// VERTEBRA_ONNX names, and compares them with their hash. It first makes two tensors.
func TestFill(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	text := `{"bytes": 20, "tensors": [{"name": "a", "offset": 4, "elements": 1, "mean": 3}, {"name": "b", "offset": 12, "elements": 2, "mean": 1, "std": 2, "seed": 5}]}`
	if err := os.WriteFile(filepath.Join(from, "weights.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if filled, err := Fill(from, to); err != nil || !filled {
		t.Fatal(filled, err)
	}
	data, err := os.ReadFile(filepath.Join(to, "weights.bin"))
	if err != nil {
		t.Fatal(err)
	}
	if len(data) != 20 || !bytes.Equal(data[:12], []byte{0, 0, 0, 0, 0, 0, 0x40, 0x40, 0, 0, 0, 0}) || bytes.Equal(data[12:16], data[16:]) {
		t.Errorf("% x", data)
	}
	if filled, err := Fill(to, t.TempDir()); err != nil || !filled {
		t.Error(filled, err)
	}
	if filled, err := Fill(t.TempDir(), t.TempDir()); err != nil || filled {
		t.Error(filled, err)
	}
	root := os.Getenv("VERTEBRA_ONNX")
	if root == "" {
		return
	}
	model := filepath.Join(root, "skeletons", "torchvision", "tv_mobilenet_v3_small")
	to = t.TempDir()
	if _, err := Fill(model, to); err != nil {
		t.Fatal(err)
	}
	var want struct{ SHA256 string }
	if text, err := os.ReadFile(filepath.Join(model, "weights.json")); err != nil || json.Unmarshal(text, &want) != nil {
		t.Fatal(err)
	}
	if data, err = os.ReadFile(filepath.Join(to, "weights.bin")); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != want.SHA256 {
		t.Errorf("hash %s, want %s", got, want.SHA256)
	}
	if err := runFolder(to, Tolerance{OfLargest: 1e-4}); err != nil {
		t.Error(err)
	}
}
