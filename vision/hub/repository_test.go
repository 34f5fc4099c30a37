package hub

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/internal/hubtest"
)

// TestRepository fetches a repository into the layout that Hugging Face's programs have.
func TestRepository(t *testing.T) {
	all := map[string][]byte{
		"model.safetensors": content(3000), "config.json": []byte("{}"), "vocab.txt": []byte("a\n"),
		"pytorch_model.bin": content(10), "README.md": []byte("#"), "onnx/model.onnx": content(20),
	}
	for _, described := range []bool{true, false} {
		s := hubtest.New(t, "secret", map[string]hubtest.Repository{"me/net": {Files: all, Licence: "apache-2.0", Bare: !described}})
		h, _ := newHub(t, s.URL)
		r, err := h.Repository(t.Context(), "me/net", "main")
		if err != nil || r.Licence != "apache-2.0" || r.NonCommercial() || len(r.Files) != len(all) {
			t.Fatalf("%+v, %v", r, err)
		}
		found, err := h.FetchRepository(t.Context(), r)
		if err != nil || len(found) != 3 {
			t.Fatalf("%+v, %v", found, err)
		}
		folder, ok := h.FindRepository("me/net", "main")
		if !ok || folder != filepath.Join(h.Folder, "models--me--net", "snapshots", hubtest.Commit) {
			t.Errorf("found %v: %s", ok, folder)
		}
		for _, name := range []string{"model.safetensors", "config.json", "vocab.txt"} {
			want(t, filepath.Join(folder, name), all[name])
		}
		want(t, filepath.Join(h.Folder, "models--me--net", "blobs", sha(all["model.safetensors"])), all["model.safetensors"])
		if to, err := os.Readlink(filepath.Join(folder, "config.json")); err != nil || to != filepath.Join("..", "..", "blobs", hubtest.Blob([]byte("{}"))) {
			t.Errorf("link to %s, %v", to, err)
		}
		if ref, err := os.ReadFile(filepath.Join(h.Folder, "models--me--net", "refs", "main")); err != nil || string(ref) != hubtest.Commit {
			t.Errorf("refs/main is %q, %v", ref, err)
		}
		before := len(s.Asked())
		if found, err = h.FetchRepository(t.Context(), r); err != nil || found[0].Fetched || described && len(s.Asked()) != before {
			t.Errorf("again: %+v, %v, asked %v", found, err, s.Asked()[before:])
		}
		if found, err = h.FetchRepository(t.Context(), r, "onnx/model.onnx"); err != nil || len(found) != 3 || !found[0].Fetched {
			t.Errorf("a file: %+v, %v", found, err)
		}
		if _, err = h.FetchRepository(t.Context(), r, "other.onnx"); err == nil || !strings.Contains(err.Error(), "no file other.onnx") {
			t.Error(err)
		}
		list, err := h.Repositories()
		if err != nil || len(list) != 1 || list[0].Name != "me/net" || list[0].Bytes != 3000+2+2+20 {
			t.Errorf("%+v, %v", list, err)
		}
		if n, err := h.RemoveRepository("me/net"); err != nil || n != 3024 {
			t.Errorf("removed %d, %v", n, err)
		}
		if _, ok := h.FindRepository("me/net", "main"); ok {
			t.Error("it is still there")
		}
	}
}

func TestParseReference(t *testing.T) {
	for text, want := range map[string][2]string{
		"timm/vit.b": {"timm/vit.b", "main"}, "gpt2": {"gpt2", "main"}, "a/b@refs/pr/15": {"a/b", "refs/pr/15"}, "a/b@v1": {"a/b", "v1"},
	} {
		if name, revision, err := ParseReference(text); err != nil || name != want[0] || revision != want[1] {
			t.Errorf("%s: %s, %s, %v", text, name, revision, err)
		}
	}
	for _, text := range []string{"", "a/b/c", "../x", "a/..", "a/b@", "a/b@../..", "a/b@/etc", "a b/c", "a--b/c", `a/b@c\d`} {
		if name, revision, err := ParseReference(text); err == nil {
			t.Errorf("%s: %s, %s", text, name, revision)
		}
	}
}
