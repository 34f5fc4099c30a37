package zoo

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestPlainNumbers reads numbers of a model.json that are not in a list.
func TestPlainNumbers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.json")
	text := `{"inputs": [{"size": 8, "mean": 0.5, "std": 0.2, "fill": 9, "fit": "letterbox"}, {"name": "x", "value": [1], "mean": null, "std": [1, 2, 3]}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := ReadModelFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := ModelInput{Size: Size{8, 8}, Mean: []float64{0.5}, Std: []float64{0.2}, Fill: []int{9}, Fit: "letterbox"}
	if !reflect.DeepEqual(f.Inputs[0], want) || f.Inputs[1].Mean != nil || len(f.Inputs[1].Std) != 3 {
		t.Errorf("%+v, want %+v", f.Inputs, want)
	}
}
