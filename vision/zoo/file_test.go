package zoo

import (
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
)

// hash checks a hash with the given number of digits, or its beginning.
func hash(t *testing.T, what, h string, digits int) {
	t.Helper()
	if len(h) > digits || h != "" && len(h) < 6 || h != strings.ToLower(h) {
		t.Errorf("%s: %d digits, want up to %d in lower case", what, len(h), digits)
	}
	if _, err := hex.DecodeString(h); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// TestFiles checks that each file has a URL that a browser can use, and that its other
// fields are consistent.
func TestFiles(t *testing.T) {
	names, urls := map[string]string{}, map[string]string{}
	check := func(model string, f File) {
		u, err := url.Parse(f.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.String() != f.URL {
			t.Errorf("%s: %q is no address of a file: %v", model, f.URL, err)
		}
		switch name := f.Name(); {
		case !strings.ContainsRune(name, '.'):
			t.Errorf("%s: %s names no file", model, f.URL)
		case urls[f.URL] != "":
			t.Errorf("%s: %s is of %s", model, f.URL, urls[f.URL])
		case names[name] != "" && name != "model.safetensors":
			t.Errorf("%s: %s is the name of a file of %s", model, name, names[name])
		default:
			urls[f.URL], names[name] = model, model
		}
		hash(t, model, f.SHA256, 64)
		hash(t, model, f.MD5, 32)
		if len(f.SHA256) == 8 && !strings.Contains(f.Name(), f.SHA256) {
			t.Errorf("%s: %s has another hash than %s", model, f.Name(), f.SHA256)
		}
		if f.Bytes < 0 || f.Licence() == "" || len(f.Licence()) > 16 {
			t.Errorf("%s: %d bytes, licence %q", model, f.Bytes, f.Licence())
		}
		if f.NonCommercial != strings.Contains(f.Licence(), "-NC-") {
			t.Errorf("%s: not for commerce: %v, licence %s", model, f.NonCommercial, f.Licence())
		}
	}
	check("vocabulary", CLIPVocabulary)
	for _, e := range Models() {
		for _, f := range e.Files {
			check(e.Name, f)
			// What weights take in float32, or half of that, and not much more.
			if whole := e; f.Bytes != 0 {
				whole.Files = []File{{URL: f.URL}}
				if n, _ := whole.Download(); f.Bytes < n/2 || f.Bytes > n+n/20+50_000 {
					t.Errorf("%s: %d bytes, of weights %d", e.Name, f.Bytes, n)
				}
			}
		}
		bytes, _ := e.Download()
		switch where := e.Where(); {
		case e.Weights != nil:
			if !strings.HasPrefix(where, "built in (") || e.Licence() == "" || len(e.Files) > 0 {
				t.Errorf("%s: %s", e.Name, where)
			}
		case len(e.Files) == 0:
			if where != "none published" || !strings.HasSuffix(e.Missing().Error(), ", and none are published") || e.Licence() != "" || bytes != 0 {
				t.Errorf("%s: %s; %v", e.Name, where, e.Missing())
			}
		default:
			if want := e.Files[0]; !strings.HasPrefix(where, want.URL) || !strings.Contains(where, "B, "+want.Terms) || !strings.Contains(e.Missing().Error(), where) || e.Licence() != want.Licence() || bytes == 0 {
				t.Errorf("%s: %s; %v", e.Name, where, e.Missing())
			}
		}
		if (e.Terms != "") != (e.Weights != nil) {
			t.Errorf("%s: terms %q of weights that are not built in", e.Name, e.Terms)
		}
	}
}

func TestWhere(t *testing.T) {
	for name, want := range map[string]string{
		"lenet":     "built in (Apache-2.0; trained on MNIST, whose terms apply)",
		"unet3p":    "none published",
		"resnet18":  "https://download.pytorch.org/models/resnet18-f37072fd.pth (about 44.6 MiB, BSD-3-Clause; trained on ImageNet, whose terms apply)",
		"sam_vit_h": "https://dl.fbaipublicfiles.com/segment_anything/sam_vit_h_4b8939.pth (2.39 GiB, Apache-2.0)",
	} {
		if e, err := Lookup(name); err != nil || e.Where() != want {
			t.Errorf("%s: %s, %v, want %s", name, e.Where(), err, want)
		}
	}
}
