package index

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/vision"
)

// TestOpen expects errors for paths that are not a folder or not an index. It also
// checks that Open does not change the index of another model.
func TestOpen(t *testing.T) {
	m, folder := clip(t, 1, 1), photos(t, 1)
	x := open(t, m, folder)
	update(t, x)
	whole, err := os.ReadFile(x.Path())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(clip(t, 2, 1), folder, Options{}); !errors.Is(err, ErrOtherModel) {
		t.Errorf("another model: %v", err)
	}
	if now, err := os.ReadFile(x.Path()); err != nil || !slices.Equal(now, whole) {
		t.Errorf("another model has changed the index: %v", err)
	}
	other, err := Open(m, folder, Options{Path: filepath.Join(t.TempDir(), "x")})
	if err != nil || other.Len() != 0 {
		t.Errorf("another file: %v, %v", other, err)
	}
	if err := errors.Join(other.Close(), other.Close()); err != nil {
		t.Error(err)
	}
	picture := filepath.Join(folder, "0.png")
	for want, open := range map[string]func() (*Index, error){
		"0.png: not a folder":                   func() (*Index, error) { return Open(m, picture, Options{}) },
		"none: no such file":                    func() (*Index, error) { return Open(m, filepath.Join(folder, "none"), Options{}) },
		"0.png: not an index of vertebra":       func() (*Index, error) { return Open(m, folder, Options{Path: picture}) },
		"photos: a folder, want a regular file": func() (*Index, error) { return Open(m, folder, Options{Path: folder}) },
	} {
		if _, err := open(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	lenet, err := vision.Open("lenet", vision.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer lenet.Close()
	if _, err := Open(lenet, folder, Options{}); err == nil || !strings.Contains(err.Error(), "clip_vit_b32") {
		t.Errorf("a model for digits: %v", err)
	}
}

// TestHidden keeps what the index has of a folder that cannot be looked at.
func TestHidden(t *testing.T) {
	x := &file{known: map[string]record{"a.png": {}, "b/c.png": {}, "b/d/e.png": {}, "bc.png": {}, "f.png": {}}}
	fresh, gone := x.changes(map[string]record{"a.png": {}, "g.png": {}}, []string{"b", "f.png"})
	if !slices.Equal(fresh, []string{"g.png"}) || !slices.Equal(gone, []string{"bc.png", "f.png"}) {
		t.Errorf("fresh %v, gone %v", fresh, gone)
	}
}
