package main

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
)

const espcnCase = "../../golden/testdata/espcn_x4.safetensors"

// altered copies a reference file with one number of one tensor changed.
func altered(t *testing.T, name string) string {
	t.Helper()
	return changed(t, espcnCase, filepath.Join(t.TempDir(), "altered.safetensors"), func(_ map[string]string, all map[string]*tensor.Tensor) {
		all[name].Data[17]++
	})
}

// oneCase returns a copy of one of golden's files of ops that has this case alone.
func oneCase(t *testing.T, file, id string) string {
	t.Helper()
	from := "../../golden/testdata/" + file
	return changed(t, from, filepath.Join(t.TempDir(), file), func(metadata map[string]string, all map[string]*tensor.Tensor) {
		var config struct {
			Cases []map[string]any `json:"cases"`
		}
		if err := json.Unmarshal([]byte(metadata["config"]), &config); err != nil {
			t.Fatal(err)
		}
		config.Cases = slices.DeleteFunc(config.Cases, func(c map[string]any) bool { return c["id"] != id })
		text, err := json.Marshal(config)
		if err != nil || len(config.Cases) != 1 {
			t.Fatalf("%s has no case %s: %v", from, id, err)
		}
		metadata["config"] = string(text)
		maps.DeleteFunc(all, func(name string, _ *tensor.Tensor) bool { return !strings.Contains(name, "/"+id+"/") })
	})
}

func TestVerify(t *testing.T) {
	text := ok(t, "verify")
	for _, want := range []string{"device: ", "pass  op_conv2d/k3 ", "pass  espcn_x4 ", "pass  conv2 ", " 0 failed\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("verify does not say %q:\n%s", want, text)
		}
	}
	if text := ok(t, "verify", "--all-kernels", oneCase(t, "op_linear.safetensors", "plain")); !strings.Contains(text, " kernels, worst ") {
		t.Errorf("verify --all-kernels:\n%s", text)
	}
	if text := ok(t, "verify", "--device", "cpu", espcnCase); !strings.Contains(text, "plain Go") || !strings.Contains(text, "1 passed, 0 failed") {
		t.Errorf("verify --device cpu:\n%s", text)
	}
}

// TestVerifyUnfused checks that attention is run as separate ops, too, in ops, in
// models stage by stage, and in what takes more graphs than one.
func TestVerifyUnfused(t *testing.T) {
	const folder = "../../golden/testdata/"
	attention, many := oneCase(t, "op_attention.safetensors", "plain"), folder+"sam_amg.safetensors"
	other := oneCase(t, "op_softmax.safetensors", "last")
	of := func(args ...string) map[string]verifyCase {
		var r verifyReport
		if err := json.Unmarshal([]byte(ok(t, append([]string{"verify", "--json"}, args...)...)), &r); err != nil {
			t.Fatal(err)
		}
		cases := map[string]verifyCase{}
		for _, c := range r.Cases {
			cases[c.Name] = c
		}
		return cases
	}
	only := of("--unfused", attention, folder+"ms_swin_ape.safetensors", many, espcnCase)
	for _, name := range []string{"op_attention/plain", "ms_swin_ape", "sam_amg/plain"} {
		if c := only[name]; c.Unfused == nil || *c.Unfused != c.Error || c.Kernels != 1 {
			t.Errorf("--unfused: %+v", c)
		}
	}
	if only["espcn_x4"].Unfused != nil || len(only["ms_swin_ape"].Stages) == 0 {
		t.Errorf("%+v", only)
	}
	every := of("--all-kernels", attention, other)
	if c := every["op_attention/plain"]; c.Unfused == nil || *c.Unfused > c.Error || c.Kernels < 2 || every["op_softmax/last"].Unfused != nil {
		t.Errorf("--all-kernels: %+v", every)
	}
	text := ok(t, "verify", "--all-kernels", attention)
	if !strings.Contains(text, "; attention as separate ops ") {
		t.Errorf("verify --all-kernels:\n%s", text)
	}
}

// TestVerifyFinds holds verify to naming where a model goes wrong.
func TestVerifyFinds(t *testing.T) {
	status, text, stderr := vertebra("verify", altered(t, "stage/conv2"))
	if status != 1 || stderr != "vertebra: 1 of 1 cases failed\n" || !strings.Contains(text, "first wrong at stage conv2\n") {
		t.Errorf("status %d, %q:\n%s", status, stderr, text)
	}
	status, text, _ = vertebra("verify", "--json", altered(t, "weight/conv1.weight"))
	var report verifyReport
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	if status != 1 || report.Failed != 1 || report.Cases[0].Diverges != "conv1" || report.Cases[0].Pass {
		t.Errorf("status %d, %+v", status, report)
	}
}

// TestVerifyFaults expects a failed line with the reason for what is no case.
func TestVerifyFaults(t *testing.T) {
	args := []string{"verify", "no-such", photograph(t, 8, 8), checkpoint(t, models.NewLeNet5(1)), t.TempDir()}
	status, stdout, stderr := vertebra(args...)
	if status != 1 || stderr != "vertebra: 4 of 4 cases failed\n" || strings.Count(stdout, "\nFAIL ") != 4 {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
	for _, want := range []string{"no-such: no such file", "in.png: not a safetensors file: it does not begin with a header", "not a reference file", "no reference file in this folder"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in %q", want, stdout)
		}
	}
}
