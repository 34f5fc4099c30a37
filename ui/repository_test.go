package ui

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/internal/hubtest"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/hub"
)

// smallSRVGG writes a compact network of Real-ESRGAN that enlarges four times.
func smallSRVGG(t *testing.T) string {
	return checkpoint(t, "esr.safetensors", models.NewSRVGG(models.SRVGGConfig{Width: 8, Depth: 1}))
}

// face is a server with four repositories, and a Hub that asks it: net enlarges, nc forbids
// commercial use, slow stops in the middle until hold is closed, and none has no weights.
func face(t *testing.T, hold <-chan struct{}) *hub.Hub {
	t.Helper()
	weights, err := os.ReadFile(smallSRVGG(t))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{"model.safetensors": weights, "config.json": []byte("{}"), "README.md": []byte("#")}
	s := hubtest.New(t, "", map[string]hubtest.Repository{
		"me/net":  {Files: all, Licence: "apache-2.0"},
		"me/nc":   {Files: all, Licence: "cc-by-nc-4.0"},
		"me/slow": {Files: all, Hold: hold},
		"me/none": {Files: map[string][]byte{"model.onnx": weights}},
	})
	dir := t.TempDir()
	return &hub.Hub{Folder: filepath.Join(dir, "hf"), Checkpoints: filepath.Join(dir, "torch"), Endpoint: s.URL}
}

// TestRepository looks a repository up, downloads it, uses it, and deletes it.
func TestRepository(t *testing.T) {
	h := face(t, nil)
	c := served(t, Options{Hub: h})
	var of Repository
	c.ok("GET", "/api/repository?name=hf:me/net", nil, &of)
	if of.Name != "hf:me/net" || of.Commit != hubtest.Commit || of.Licence != "apache-2.0" || of.NonCommercial || len(of.Files) != 2 || of.Bytes != of.Files[0].Bytes+2 || of.Files[0].Bytes < 1000 {
		t.Errorf("%+v", of)
	}
	var made Downloaded
	j := c.run(Request{Kind: "download", Model: of.Name}, &made)
	if len(made.Files) != 2 || !made.Files[0].Fetched || made.Files[0].Checked != "SHA-256" || made.Fits != "srvgg" || j.Done != of.Bytes || j.Total != of.Bytes || j.Unit != "bytes" {
		t.Errorf("%+v, %+v", made, j)
	}
	var all Catalog
	c.ok("GET", "/api/models", nil, &all)
	if last := all.Choices[len(all.Choices)-1]; last.Name != of.Name || last.Title != "me/net" || last.Scale != 4 || last.Does != "enlarges pictures" {
		t.Errorf("%+v", last)
	}
	p := c.upload("p.png", 9, 7)
	var large Enlarged
	if c.run(Request{Kind: "enlarge", Picture: p.ID, Model: of.Name}, &large); large.File != "p_x4.png" || large.Width != 36 || large.Model != "srvgg" {
		t.Errorf("%+v", large)
	}
	m, release, err := c.s.engine.use(of.Name, 0)
	if err != nil {
		t.Fatal(err)
	}
	open := func() bool {
		return slices.ContainsFunc(c.s.engine.open, func(o *opened) bool { return o.name == of.Name })
	}
	if !open() {
		t.Error("the model that is used is not open")
	}
	var freed map[string]int64
	if c.ok("DELETE", "/api/models/hf:me%2Fnet", nil, &freed); freed["bytes"] != of.Bytes || open() {
		t.Errorf("%v, open %v", freed, open())
	}
	if _, err := m.Run(t.Context(), tensor.New(1, 5, 5, 3)); err != nil {
		t.Errorf("a model whose weights are deleted, but which is in use: %v", err)
	}
	release()
	c.fails("DELETE", "/api/models/hf:me%2Fnet", nil, 422, "has no me/net")
	before := len(all.Choices)
	all = Catalog{}
	if c.ok("GET", "/api/models", nil, &all); len(all.Choices) != before-1 {
		t.Errorf("%d choices, before %d", len(all.Choices), before)
	}
}

// TestRepositoryWrong expects one line for each mistake, and nothing in the cache.
func TestRepositoryWrong(t *testing.T) {
	h := face(t, nil)
	c := served(t, Options{Hub: h})
	c.fails("GET", "/api/repository?name=me/net", nil, 400, "want a name such as hf:OWNER/NAME")
	c.fails("GET", "/api/repository?name=hf:../x", nil, 400, "../x is no repository such as OWNER/NAME")
	c.fails("GET", "/api/repository?name=hf:me/missing", nil, 422, "me/missing: the server answers 404")
	c.fails("GET", "/api/repository?name=hf:me/none", nil, 422, "vertebra pull hf:me/none --file NAME")
	c.fails("POST", "/api/jobs", Request{Kind: "download", Model: "hf:../x"}, 400, "no repository")
	var of Repository
	if c.ok("GET", "/api/repository?name=hf:me/nc@v1", nil, &of); !of.NonCommercial || of.Licence != "cc-by-nc-4.0" {
		t.Errorf("%+v", of)
	}
	for name, want := range map[string]string{"hf:me/nc@v1": "forbids commercial use (cc-by-nc-4.0): accept it first", "hf:me/missing": "404"} {
		var j Job
		c.ok("POST", "/api/jobs", Request{Kind: "download", Model: name}, &j)
		if j = c.await(j.ID, (*Job).ended); j.State != failed || !strings.Contains(j.Error, want) {
			t.Errorf("%s: %+v", name, j)
		}
	}
	if left, err := h.Repositories(); err != nil || len(left) > 0 {
		t.Errorf("%+v, %v", left, err)
	}
	var made Downloaded
	if c.run(Request{Kind: "download", Model: "hf:me/nc@v1", Accept: true}, &made); len(made.Files) != 2 {
		t.Errorf("%+v", made)
	}
	none := served(t, Options{})
	none.fails("GET", "/api/repository?name=hf:me/net", nil, 400, "downloads nothing")
	none.fails("POST", "/api/jobs", Request{Kind: "download", Model: "hf:me/net"}, 400, "downloads nothing")
}

// TestRepositoryCancel cancels a download in the middle, and goes on with it.
func TestRepositoryCancel(t *testing.T) {
	hold := make(chan struct{})
	c := served(t, Options{Hub: face(t, hold)})
	var j Job
	c.ok("POST", "/api/jobs", Request{Kind: "download", Model: "hf:me/slow"}, &j)
	j = c.await(j.ID, func(j *Job) bool { return j.Done > 0 || j.ended() })
	if j.State != running || j.Note != "model.safetensors" || j.Done >= j.Total {
		t.Errorf("%+v", j)
	}
	c.ok("POST", "/api/jobs/"+j.ID+"/cancel", nil, nil)
	if j = c.await(j.ID, (*Job).ended); j.State != cancelled {
		t.Errorf("%+v", j)
	}
	close(hold)
	var made Downloaded
	if c.run(Request{Kind: "download", Model: "hf:me/slow"}, &made); len(made.Files) != 2 || !made.Files[0].Fetched {
		t.Errorf("%+v", made)
	}
}
