package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/vision/zoo"
)

func TestModels(t *testing.T) {
	if names := strings.Fields(ok(t, "models", "-q")); len(names) != len(zoo.Models) {
		t.Errorf("%d models, want %d", len(names), len(zoo.Models))
	}
	var rows []listedModel
	if err := json.Unmarshal([]byte(ok(t, "models", "ResNet18", "--json")), &rows); err != nil || len(rows) != 1 || !strings.Contains(rows[0].Weights, "resnet18-f37072fd") {
		t.Errorf("%+v, %v", rows, err)
	}
	if text := ok(t, "models", "lenet"); !strings.Contains(text, "1x32x32") {
		t.Error(text)
	}
	status, stdout, stderr := vertebra("models", "vgg")
	if want := "vertebra: no model \"vgg\"; \"vertebra models\" lists all\n"; status != 1 || stdout != "" || stderr != want {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
}
