package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
)

func inspectCommand(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(context.Background(), append([]string{"inspect"}, args...), &out, &errs)
	return out.String(), errs.String(), status
}

func TestInspect(t *testing.T) {
	for _, c := range []struct {
		name  string
		args  []string
		lines []string
	}{
		{"fits", []string{"../../vision/zoo/espcn_x2.safetensors"},
			[]string{"conv1.weight", "64x1x5x5", "safetensors file\n6 tensors, 21284 elements", "fits espcn_x2\n"}},
		{"another model", []string{"../../vision/zoo/espcn_x2.safetensors", "--model", "espcn_x3"},
			[]string{"does not fit espcn_x3: 4 tensors agree, 0 are missing, 2 have another shape, 0 are unused\n",
				"  shape: conv3.bias is [4], the model wants [9]\n"}},
		{"nested", []string{"../../weights/testdata/pth/dataparallel_with_optimizer_zip.pth"},
			[]string{"1.num_batches_tracked", "I64", "scalar", "PyTorch, zip file, tensors under state_dict\n9 tensors"}},
	} {
		out, errs, status := inspectCommand(t, c.args...)
		if status != 0 {
			t.Errorf("%s: status %d, %s", c.name, status, errs)
		}
		for _, line := range c.lines {
			if !strings.Contains(out, line) {
				t.Errorf("%s: no %q in\n%s", c.name, line, out)
			}
		}
	}
}

func TestInspectJSON(t *testing.T) {
	out, errs, status := inspectCommand(t, "--json", "../../weights/testdata/pth/dtypes_legacy.pth")
	var r inspection
	if err := json.Unmarshal([]byte(out), &r); err != nil || status != 0 {
		t.Fatalf("%v, status %d, %s", err, status, errs)
	}
	if len(r.Tensors) != 10 || r.Format != "PyTorch, legacy" || r.Bytes == 0 || len(r.Fits) != 0 {
		t.Errorf("%+v", r)
	}
}

// TestInspectHead expects the models that fit with another number of classes.
func TestInspectHead(t *testing.T) {
	c, err := models.ResNetNamed("resnet18")
	if err != nil {
		t.Fatal(err)
	}
	c.Classes = 7
	out, errs, status := inspectCommand(t, checkpoint(t, models.NewResNet(c)))
	if status != 0 || !strings.HasSuffix(out, "\nfits resnet18 with --classes 7\n") || strings.Contains(out, "does not fit") {
		t.Errorf("status %d, %s\n%s", status, errs, out)
	}
}

// TestInspectFamilies names families for networks of other sizes, and models for
// networks without a head.
func TestInspectFamilies(t *testing.T) {
	c := models.ResNetConfig{Blocks: [4]int{1, 1, 1, 1}}
	out, errs, status := inspectCommand(t, checkpoint(t, models.NewResNet(c)))
	if status != 0 || !strings.HasSuffix(out, "\nfits resnet, in a size of its own: give the path in place of a model's name\n") {
		t.Errorf("status %d, %s\n%s", status, errs, out)
	}
	c.Blocks, c.Classes = [4]int{2, 2, 2, 2}, -1
	out, errs, status = inspectCommand(t, checkpoint(t, models.NewResNet(c)))
	if status != 0 || !strings.HasSuffix(out, "\nfits resnet18, for features: it has no head\n") {
		t.Errorf("status %d, %s\n%s", status, errs, out)
	}
}

func TestInspectErrors(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{"no such file", []string{"missing.pth"}},
		{"neither a safetensors nor a PyTorch file", []string{"inspect.go"}},
		{`no model "nothing"`, []string{"../../vision/zoo/espcn_x2.safetensors", "--model", "nothing"}},
		{"wrong number of arguments, 0", nil},
	} {
		_, errs, status := inspectCommand(t, c.args...)
		if status != 1 || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: status %d, %q; want %q", c.args, status, errs, c.want)
		}
	}
}
