package ui

import (
	"bytes"
	"context"
	"image"
	_ "image/jpeg"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

// TestEnlarge compares an enlargement with the library's. The picture and the job are
// there for another tab.
func TestEnlarge(t *testing.T) {
	c := served(t, Options{})
	p := c.upload("a/b.photo.png", 19, 13)
	if p.Name != "b.photo.png" || p.Width != 19 || p.Height != 13 {
		t.Fatalf("%+v", p)
	}
	var made Enlarged
	j := c.run(Request{Kind: "enlarge", Picture: p.ID, Scale: 2}, &made)
	if made.File != "b.photo_x2.png" || made.Width != 38 || made.Height != 26 || j.Unit != "tiles" || j.Done != 1 || !strings.Contains(made.Device, "plain Go") {
		t.Errorf("%+v, %+v", made, j)
	}
	var got []byte
	c.ok("GET", "/api/jobs/"+j.ID+"/files/"+made.File, nil, &got)
	m, err := vision.OpenModel(zoo.ESPCN(2), vision.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var want bytes.Buffer
	if _, err := m.Upscale(context.Background(), vision.UpscaleOptions{}, vision.Reader("x", bytes.NewReader(photograph(t, 19, 13))), &want); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("the file is not what the library writes")
	}
	var again Picture
	if c.ok("POST", "/api/pictures?name=b.photo.png", photograph(t, 19, 13), &again); again.ID != p.ID {
		t.Errorf("%+v, before %+v", again, p)
	}
	var view []byte
	c.ok("GET", "/api/pictures/"+p.ID, nil, &view)
	if small, err := png.Decode(bytes.NewReader(view)); err != nil || small.Bounds().Dx() != 19 {
		t.Error(err)
	}
	var all []Job
	if c.ok("GET", "/api/jobs", nil, &all); len(all) != 1 || all[0].State != done || all[0].Result != nil {
		t.Errorf("%+v", all)
	}
	c.ok("DELETE", "/api/jobs/"+j.ID, nil, nil)
	c.fails("GET", "/api/jobs/"+j.ID+"/files/"+made.File, nil, 404, "no job")
}

// TestView shows a large picture small, and whole where that is asked for.
func TestView(t *testing.T) {
	c := served(t, Options{})
	p := c.upload("wide.png", viewSide+50, 20)
	for query, want := range map[string]int{"": viewSide, "?full=1": viewSide + 50} {
		var file []byte
		c.ok("GET", "/api/pictures/"+p.ID+query, nil, &file)
		if m, _, err := image.DecodeConfig(bytes.NewReader(file)); err != nil || m.Width != want {
			t.Errorf("%q: %d wide, want %d, %v", query, m.Width, want, err)
		}
	}
}

// TestWrongRequests expects one line for each mistake.
func TestWrongRequests(t *testing.T) {
	c := served(t, Options{Upload: 1 << 20})
	p := c.upload("x.png", 4, 4)
	c.fails("POST", "/api/jobs", Request{Kind: "dance"}, 400, `no kind of job "dance"`)
	c.fails("POST", "/api/jobs", []byte(`{"kind": "enlarge", "sacle": 2}`), 400, "sacle")
	c.fails("POST", "/api/jobs", []byte(`{"kind": "enlarge"} x`), 400, "after its JSON")
	c.fails("POST", "/api/jobs", Request{Kind: "enlarge", Picture: "0"}, 404, "choose it again")
	c.fails("POST", "/api/jobs/7/cancel", nil, 404, `no job "7"`)
	c.fails("POST", "/api/pictures?name=x.png", []byte("no picture"), 422, "x.png: ")
	c.fails("POST", "/api/pictures?name=x.png", make([]byte, 1<<20+1), 413, "larger than 1 MB")
	c.fails("POST", "/api/masks", Prompt{Picture: p.ID}, 404, "start a job embed first")
	c.fails("POST", "/api/cutout", Prompt{Picture: p.ID, Form: "hole"}, 400, "cutout or mask")
	c.fails("DELETE", "/api/models/nothing", nil, 404, "nothing")
	c.fails("DELETE", "/api/models/resnet18", nil, 400, "no downloads")
	c.fails("POST", "/api/jobs", Request{Kind: "download", Model: "resnet18"}, 400, "downloads nothing")
	for _, k := range []struct {
		q    Request
		want string
	}{
		{Request{Kind: "enlarge", Picture: p.ID, Scale: 9}, "the scale is 9"},
		{Request{Kind: "enlarge", Picture: p.ID, Scale: 3, Model: "espcn_x2"}, "the scale is 3, but espcn_x2 enlarges 2 times"},
		{Request{Kind: "enlarge", Picture: p.ID, Scale: 2, Format: "gif"}, `"gif", want png or jpeg`},
		{Request{Kind: "embed", Picture: p.ID}, "the page Models downloads one, such as sam_vit_b"},
		{Request{Kind: "classify", Picture: p.ID, Model: "resnet18"}, "resnet18 is not here: the page Models downloads it"},
		{Request{Kind: "attention", Picture: p.ID, Model: "lenet"}, "lenet"},
		{Request{Kind: "index", Folder: "1"}, "not open"},
		{Request{Kind: "measure"}, "plain Go has no kernels"},
	} {
		var j Job
		c.ok("POST", "/api/jobs", k.q, &j)
		if j = c.await(j.ID, (*Job).ended); j.State != failed || !strings.Contains(j.Error, k.want) {
			t.Errorf("%+v: %s %q", k.q, j.State, j.Error)
		}
	}
}

// TestLook classifies, draws attention and reconstructs.
func TestLook(t *testing.T) {
	vit, mae := smallViT(t), smallMAE(t)
	c := served(t, Options{Checkpoints: []string{vit, mae}})
	p := c.upload("digit.png", 28, 28)
	var named Classified
	if c.run(Request{Kind: "classify", Model: "lenet", Picture: p.ID, Top: 3}, &named); len(named.Classes) != 3 || named.Classes[0].Probability < named.Classes[1].Probability || named.Model != "lenet" {
		t.Errorf("%+v", named)
	}
	var catalog Catalog
	c.ok("GET", "/api/models", nil, &catalog)
	if len(catalog.Models) < 40 || len(catalog.Choices) < 5 || !catalog.Choices[0].Attends || catalog.Choices[0].Path != vit {
		t.Errorf("%d models, %+v", len(catalog.Models), catalog.Choices)
	}
	var panels Panels
	j := c.run(Request{Kind: "attention", Model: vit, Picture: p.ID, Block: 1, At: &[2]float64{0.9, 0.1}}, &panels)
	if len(panels.Panels) != 2 || panels.Rows != 2 || panels.Columns != 2 || panels.Token == nil || *panels.Token != [2]int{0, 1} || len(j.Files) != 2 {
		t.Errorf("%+v, %+v", panels, j)
	}
	var file []byte
	c.ok("GET", "/api/jobs/"+j.ID+"/files/"+panels.Panels[1].File, nil, &file)
	if _, err := png.Decode(bytes.NewReader(file)); err != nil {
		t.Error(err)
	}
	panels = Panels{}
	if c.run(Request{Kind: "reconstruct", Model: mae, Picture: p.ID, Ratio: 0.5}, &panels); len(panels.Panels) != 4 || panels.Hidden != 2 || panels.Patches != 4 {
		t.Errorf("%+v", panels)
	}
}

// TestDevice verifies, and changes the device only while nothing runs.
func TestDevice(t *testing.T) {
	c := served(t, Options{Version: "v0"})
	var d Devices
	if c.ok("GET", "/api/devices", nil, &d); d.Chosen != "cpu" || !strings.Contains(d.Why, `"cpu"`) || d.Device == "" {
		t.Errorf("%+v", d)
	}
	hold := make(chan struct{})
	j, err := c.s.jobs.start(Request{Kind: "held"}, true, func(ctx context.Context, _ *task) (any, error) {
		<-hold
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c.fails("PUT", "/api/device", map[string]string{"name": "cpu"}, 409, "in use by a job (held)")
	close(hold)
	c.await(j.ID, (*Job).ended)
	c.ok("PUT", "/api/device", map[string]string{"name": "cpu"}, &d)
	c.fails("PUT", "/api/device", map[string]string{"name": "no such card"}, 422, "no such card")
	var s State
	if c.ok("GET", "/api/state", nil, &s); s.Version != "v0" || s.Device != d.Device {
		t.Errorf("%+v", s)
	}
}

// TestJobs cancels a job that waits and one that runs, and forgets only what has ended.
func TestJobs(t *testing.T) {
	c := served(t, Options{})
	running := make(chan struct{})
	block := func(ctx context.Context, k *task) (any, error) {
		k.progress(1, 2, "steps")
		running <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	var ids []string
	for range 3 {
		j, err := c.s.jobs.start(Request{Kind: "block"}, true, block)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, j.ID)
	}
	<-running
	<-running // two at once
	c.s.jobs.compiling(3, 9)
	c.await(ids[0], func(j *Job) bool { return j.State == waiting || j.Note == "compiling kernels: 3 of 9" })
	states := map[string]int{}
	var all []Job
	c.ok("GET", "/api/jobs", nil, &all)
	for _, j := range all {
		states[j.State]++
		if j.State == waiting {
			c.ok("POST", "/api/jobs/"+j.ID+"/cancel", nil, nil)
			c.await(j.ID, (*Job).ended)
		}
	}
	if states[waiting] != 1 {
		t.Errorf("%v", states)
	}
	for _, j := range all {
		if j.State == waiting {
			continue
		}
		c.fails("DELETE", "/api/jobs/"+j.ID, nil, http.StatusConflict, "has not ended")
		c.ok("POST", "/api/jobs/"+j.ID+"/cancel", nil, nil)
		if got := c.await(j.ID, (*Job).ended); got.State != cancelled || got.Done != 1 || got.Total != 2 {
			t.Errorf("%+v", got)
		}
		c.ok("DELETE", "/api/jobs/"+j.ID, nil, nil)
	}
	if c.ok("GET", "/api/jobs", nil, &all); len(all) != 1 || all[0].State != cancelled {
		t.Errorf("%+v", all)
	}
	for range mostEnded + 5 {
		j, err := c.s.jobs.start(Request{Kind: "panic"}, false, func(context.Context, *task) (any, error) { panic("oh") })
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, j.ID)
	}
	if j := c.await(ids[len(ids)-1], (*Job).ended); j.State != failed || !strings.Contains(j.Error, "please report: oh") {
		t.Errorf("%+v", j)
	}
	c.s.jobs.wait()
	if c.ok("GET", "/api/jobs", nil, &all); len(all) > mostEnded {
		t.Errorf("%d jobs are kept", len(all))
	}
}

// TestClose removes the pictures.
func TestClose(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.pictures.add(context.Background(), "x.png", photograph(t, 5, 5)); err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(filepath.Join(s.temp, "*")); len(files) != 2 {
		t.Errorf("%v", files)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.temp); !os.IsNotExist(err) {
		t.Error(err)
	}
	if _, err := s.jobs.start(Request{}, false, nil); err == nil {
		t.Error("a closed server starts a job")
	}
}
