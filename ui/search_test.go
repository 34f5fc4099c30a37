package ui

import (
	"bytes"
	"encoding/json"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vertebra/vertebra/vision/hub"
)

// TestSearch indexes a folder and finds a picture by itself first. A picture in an inner
// folder is found, too.
func TestSearch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "photos")
	write(t, dir, "a.png", photograph(t, 9, 9))
	write(t, dir, "in/b #1.png", photograph(t, 30, 8))
	write(t, dir, "bad.png", []byte("no picture"))
	c := served(t, Options{Checkpoints: []string{smallCLIP(t)}, Folders: []string{dir}})
	var folders []Folder
	if c.ok("GET", "/api/folders", nil, &folders); len(folders) != 1 || folders[0].Path != dir {
		t.Fatalf("%+v", folders)
	}
	id := folders[0].ID
	var made Indexed
	j := c.run(Request{Kind: "index", Folder: id}, &made)
	if made.Pictures != 2 || made.Left != 1 || len(made.Why) != 1 || !strings.Contains(made.Why[0], "bad.png") || j.Unit != "pictures" || j.Done != j.Total {
		t.Errorf("%+v, %+v", made, j)
	}
	var p Picture
	c.ok("POST", "/api/pictures/open", map[string]string{"folder": id, "file": "in/b #1.png"}, &p)
	var hits Hits
	if c.ok("POST", "/api/search", Query{Folder: id, Picture: p.ID}, &hits); len(hits.Hits) != 2 || hits.Hits[0].File != "in/b #1.png" || hits.Hits[0].Cosine < 0.999 {
		t.Errorf("%+v", hits)
	}
	if c.ok("POST", "/api/search", Query{Folder: id, Text: "ab", Top: 1}, &hits); len(hits.Hits) != 1 || hits.Pictures != 2 {
		t.Errorf("%+v", hits)
	}
	c.fails("POST", "/api/search", Query{Folder: id, Text: " "}, 400, "the query is empty")
	var thumb []byte
	c.ok("GET", "/api/folders/"+id+"/picture?file="+url.QueryEscape(hits.Hits[0].File), nil, &thumb)
	if _, err := png.Decode(bytes.NewReader(thumb)); err != nil {
		t.Error(err)
	}
	c.ok("DELETE", "/api/folders/"+id, nil, nil)
	c.fails("POST", "/api/search", Query{Folder: id, Text: "ab"}, 404, "not open")
}

// TestOutside reads nothing outside an open folder: by a path, a link, or something that
// is no file.
func TestOutside(t *testing.T) {
	top := t.TempDir()
	secret := write(t, top, "secret.png", photograph(t, 3, 3))
	dir := filepath.Join(top, "open")
	write(t, dir, "a.png", photograph(t, 3, 3))
	for name, to := range map[string]string{"out.png": secret, "up": top, "in.png": "a.png"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	c := served(t, Options{})
	var f, twice Folder
	c.ok("POST", "/api/folders", map[string]string{"path": dir}, &f)
	if c.ok("POST", "/api/folders", map[string]string{"path": dir + "/."}, &twice); twice.ID != f.ID {
		t.Errorf("%+v, %+v", f, twice)
	}
	get := func(file string) string { return "/api/folders/" + f.ID + "/picture?file=" + url.QueryEscape(file) }
	for _, file := range []string{"a.png", "in.png"} {
		c.ok("GET", get(file), nil, nil)
	}
	for _, file := range []string{secret, "../secret.png", "x/../../secret.png", "", "out.png", "up/secret.png", "up", "none.png", "a.png/b"} {
		for _, one := range []struct {
			method, path string
			body         any
		}{{"GET", get(file), nil}, {"POST", "/api/pictures/open", map[string]string{"folder": f.ID, "file": file}}} {
			if status, text := c.send(one.method, one.path, one.body); status < 400 || status >= 500 || !json.Valid(text) {
				t.Errorf("%s %q: %d %s", one.method, file, status, text)
			}
		}
	}
	c.fails("GET", "/api/folders/9/picture?file=a.png", nil, 404, "not open")
	c.fails("POST", "/api/folders", map[string]string{"path": secret}, 422, "secret.png")
	var l Listing
	c.ok("GET", "/api/browse?path="+url.QueryEscape(top), nil, &l)
	if l.Parent != filepath.Dir(top) || len(l.Folders) != 1 || l.Folders[0] != "open" || l.Pictures != 1 {
		t.Errorf("%+v", l)
	}
}

// TestDownload downloads from a mirror that has wrong bytes: the error says so, and the
// model is not here. Weights that forbid commercial use have to be accepted.
func TestDownload(t *testing.T) {
	const size = 1_099_231 // of resnet20-12fca82f.th
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(make([]byte, size)))
	}))
	defer mirror.Close()
	dir := t.TempDir()
	h := &hub.Hub{Folder: filepath.Join(dir, "hf"), Checkpoints: filepath.Join(dir, "torch"), Endpoint: mirror.URL, From: mirror.URL}
	c := served(t, Options{Hub: h})
	const name = "cifar_resnet20"
	var j Job
	c.ok("POST", "/api/jobs", Request{Kind: "download", Model: name}, &j)
	if j = c.await(j.ID, (*Job).ended); j.State != failed || !strings.Contains(j.Error, "resnet20-12fca82f.th") || j.Unit != "bytes" || j.Total != size {
		t.Errorf("%+v", j)
	}
	c.fails("POST", "/api/jobs", Request{Kind: "download", Model: "mae_vit_large_patch16"}, 403, "forbids commercial use")
	c.fails("DELETE", "/api/models/"+name, nil, 404, "not downloaded")
	write(t, h.Checkpoints, "resnet20-12fca82f.th", make([]byte, size)) // as another program left it
	var all Catalog
	c.ok("GET", "/api/models", nil, &all)
	here := 0
	for _, m := range all.Models {
		if m.Path != "" {
			here++
			if m.Name != name || m.BuiltIn || m.Bytes != size {
				t.Errorf("%+v", m)
			}
		}
	}
	if here != 1 {
		t.Errorf("%d models are here", here)
	}
	var freed map[string]int64
	if c.ok("DELETE", "/api/models/"+name, nil, &freed); freed["bytes"] != size {
		t.Errorf("%v", freed)
	}
}
