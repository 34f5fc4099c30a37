package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vertebra/vertebra/internal/hubtest"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// TestMain gives the tests caches of downloads of their own, and no way to the internet.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" { // a process that batch has started
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	dir, err := os.MkdirTemp("", "caches")
	if err != nil {
		panic(err)
	}
	for name, value := range map[string]string{
		"HF_HOME": filepath.Join(dir, "hf"), "TORCH_HOME": filepath.Join(dir, "torch"), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": "",
	} {
		os.Setenv(name, value)
	}
	for _, name := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"} {
		os.Unsetenv(name)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// caches gives a test empty caches and returns the folder of torch's checkpoints.
func caches(t *testing.T) string {
	dir := t.TempDir()
	t.Setenv("HF_HOME", filepath.Join(dir, "hf"))
	t.Setenv("TORCH_HOME", filepath.Join(dir, "torch"))
	return filepath.Join(dir, "torch", "hub", "checkpoints")
}

// TestPullFrom downloads a model from a mirror, and classifies with it by its name alone.
// The smallest ResNet for CIFAR has 1.1 MB and a published hash, so other bytes are
// refused.
func TestPullFrom(t *testing.T) {
	there := caches(t)
	wrong := make([]byte, 1_099_231)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/w/resnet20-12fca82f.th" {
			t.Error(r.URL)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(wrong))
	}))
	defer s.Close()
	status, stdout, stderr := vertebra("pull", "cifar_resnet20", "--from", s.URL+"/w")
	if status != 1 || !strings.Contains(stderr, "its SHA-256 is") || !strings.HasPrefix(stdout, "cifar_resnet20: resnet20-12fca82f.th, 1.048 MiB, ") {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
	if left, _ := filepath.Glob(filepath.Join(there, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestPullRepository downloads a repository, which other commands then find.
func TestPullRepository(t *testing.T) {
	caches(t)
	m, err := zoo.Lookup("cifar_resnet20")
	if err != nil {
		t.Fatal(err)
	}
	network := m.New()
	weights.Random(network, 1)
	var tensors []*tensor.Tensor
	weights.Walk(network, func(name string, w *tensor.Tensor) { w.Name = name; tensors = append(tensors, w) })
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := weights.WriteSafetensors(path, nil, tensors...); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{"model.safetensors": body, "README.md": []byte("# A net")}
	s := hubtest.New(t, "", map[string]hubtest.Repository{"me/net": {Files: all, Licence: "mit"}, "me/nc": {Files: all, Licence: "cc-by-nc-4.0"}})
	t.Setenv("HF_ENDPOINT", s.URL)
	in := photograph(t, 64, 64)

	const name = "hf:me/net"
	if status, _, stderr := vertebra("classify", name, in); status != 1 || stderr != `vertebra: hf:me/net is not downloaded: "vertebra pull hf:me/net" gets it, or give --pull`+"\n" {
		t.Errorf("status %d, %q", status, stderr)
	}
	if status, _, stderr := vertebra("pull", "hf:me/nc"); status != 1 || !strings.Contains(stderr, "forbids commercial use (cc-by-nc-4.0): give --accept") {
		t.Errorf("status %d, %q", status, stderr)
	}
	var got []pulled
	if err := json.Unmarshal([]byte(ok(t, "pull", name, "--json")), &got); err != nil || len(got) != 1 || !got[0].Fetched || got[0].Licence != "mit" || got[0].Bytes != int64(len(body)) {
		t.Errorf("%+v, %v", got, err)
	}
	if text := ok(t, "pull", name); !strings.Contains(text, "was there") || !strings.HasPrefix(text, "hf:me/net: 1 files, ") {
		t.Error(text)
	}
	for _, args := range [][]string{{"classify", name, in, "--top", "3"}, {"classify", "cifar_resnet20", in, "--weights", name, "--top", "3", "--quiet"}} {
		if text := ok(t, args...); strings.Count(text, "%") != 3 {
			t.Errorf("%v:\n%s", args, text)
		}
	}
	if text := ok(t, "models", "--downloaded"); !strings.Contains(text, "hf:me/net") {
		t.Error(text)
	}
	if text := ok(t, "models", "rm", name); !strings.Contains(text, "removed") {
		t.Error(text)
	}
	if text := ok(t, "classify", name, in, "--pull", "--quiet", "--top", "3"); strings.Count(text, "%") != 3 {
		t.Error(text)
	}
}

// TestPullWrong expects an error before anything is asked of a server.
func TestPullWrong(t *testing.T) {
	caches(t)
	for want, args := range map[string][]string{
		`no model "resnet5"; the nearest are resnet50, `:                                        {"resnet5"},
		"the weights of lenet are built in":                                                     {"lenet"},
		"no weights of vit_b_16_det are published":                                              {"vit_b_16_det"},
		`"a/b/c" is no repository such as OWNER/NAME`:                                           {"hf:a/b/c"},
		"--file names files of a repository hf:OWNER/NAME, not of resnet50":                     {"resnet50", "--file", "x"},
		"--from has files of models; for hf:a/b set HF_ENDPOINT":                                {"hf:a/b", "--from", "http://x"},
		`"x" is no address such as https://host/folder`:                                         {"resnet50", "--from", "x"},
		"mae_vit_large_patch16 has a licence that forbids commercial use (CC-BY-NC-4.0): give ": {"mae_vit_large_patch16"},
	} {
		if status, _, stderr := vertebra(append([]string{"pull"}, args...)...); status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, %q, want %q", args, status, stderr, want)
		}
	}
}
