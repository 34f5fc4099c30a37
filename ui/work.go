package ui

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// Request asks for a job. The kind says which fields count.
type Request struct {
	Kind    string `json:"kind"`
	Model   string `json:"model,omitempty"`   // a Choice's name; empty means any for the kind; for download also hf:OWNER/NAME[@REVISION]
	Picture string `json:"picture,omitempty"` // a Picture's ID

	Scale  int    `json:"scale,omitempty"`  // enlarge: 2, 3 or 4; 0 means that of the model
	Format string `json:"format,omitempty"` // enlarge: "png" or "jpeg"

	Top   int         `json:"top,omitempty"`   // classify: how many classes; 0 means 5
	Block int         `json:"block,omitempty"` // attention: which block, from 0
	At    *[2]float64 `json:"at,omitempty"`    // attention: fractions of the width and height

	Ratio  float64 `json:"ratio,omitempty"` // reconstruct: the share that is hidden; 0 means ¾
	Seed   uint64  `json:"seed,omitempty"`
	Pixels bool    `json:"pixels,omitempty"` // reconstruct: as in vision.ReconstructOptions

	Points int `json:"points,omitempty"` // everything: of the grid, across and down; 0 means 16

	Folder string `json:"folder,omitempty"` // index: a Folder's ID
	Accept bool   `json:"accept,omitempty"` // download: the licence forbids commercial use, and that is accepted
}

// startJob starts the job that a request asks for.
func (s *Server) startJob(w http.ResponseWriter, r *http.Request) (any, error) {
	var q Request
	if err := read(w, r, &q); err != nil {
		return nil, err
	}
	if q.Kind == "download" {
		return s.startDownload(q)
	}
	work := map[string]func(context.Context, *task, Request) (any, error){
		"enlarge": s.enlarge, "classify": s.classify, "attention": s.attention, "reconstruct": s.reconstruct,
		"embed": s.embed, "everything": s.everything, "index": s.index, "verify": s.verify, "measure": s.measure,
	}[q.Kind]
	if work == nil {
		return nil, wrong("no kind of job %q", q.Kind)
	}
	if q.Picture != "" {
		if _, err := s.pictures.get(q.Picture); err != nil {
			return nil, err
		}
	}
	return s.jobs.start(q, true, func(ctx context.Context, t *task) (any, error) { return work(ctx, t, q) })
}

// Enlarged is the result of enlarge.
type Enlarged struct {
	File    string  `json:"file"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	Scale   int     `json:"scale"`
	Model   string  `json:"model"`
	Device  string  `json:"device"`
	Compute float64 `json:"compute_seconds"` // of the network
}

func (s *Server) enlarge(ctx context.Context, t *task, q Request) (any, error) {
	ending := map[string]string{"": "png", "png": "png", "jpeg": "jpg"}[q.Format]
	if ending == "" {
		return nil, wrong("the format is %q, want png or jpeg", q.Format)
	}
	p, err := s.pictures.get(q.Picture)
	if err != nil {
		return nil, err
	}
	if q.Model == "" {
		if q.Scale < 2 || q.Scale > 4 {
			return nil, wrong("the scale is %d, want 2, 3 or 4", q.Scale)
		}
		q.Model = zoo.ESPCN(q.Scale).Name
	}
	m, release, err := s.model(t, q.Model, zoo.SuperResolve)
	if err != nil {
		return nil, err
	}
	defer release()
	network, ok := m.Network.(interface{ Factor() int })
	switch {
	case !ok:
		return nil, wrong("%s does not say how many times it enlarges", m.Name)
	case q.Scale != 0 && q.Scale != network.Factor():
		return nil, wrong("the scale is %d, but %s enlarges %d times", q.Scale, m.Name, network.Factor())
	}
	out := Enlarged{File: fmt.Sprintf("%s_x%d.%s", p.stem(), network.Factor(), ending), Model: m.Name, Device: m.Device().String()}
	err = t.write(out.File, func(w io.Writer) error {
		made, err := m.Upscale(ctx, vision.UpscaleOptions{Format: q.Format, Progress: func(done, total int) {
			t.note("enlarging")
			t.progress(int64(done), int64(total), "tiles")
		}}, p.input(), w)
		out.Width, out.Height, out.Scale = made.Width*made.Scale, made.Height*made.Scale, made.Scale
		out.Compute = (made.First + made.Rest).Seconds()
		return err
	})
	return out, err
}

// model opens a model and says so.
func (s *Server) model(t *task, name string, task zoo.Task) (*vision.Model, func(), error) {
	t.note("opening the model")
	m, release, err := s.engine.use(name, task)
	if err == nil {
		t.note("getting ready") // until the first result
	}
	return m, release, err
}

// Classified is the result of classify.
type Classified struct {
	Classes  []vision.Class `json:"classes"` // the most probable first
	Inverted bool           `json:"inverted"`
	Device   string         `json:"device"`
	Model    string         `json:"model"`
	Notes    []string       `json:"notes,omitempty"`
}

func (s *Server) classify(ctx context.Context, t *task, q Request) (any, error) {
	p, err := s.pictures.get(q.Picture)
	if err != nil {
		return nil, err
	}
	m, release, err := s.model(t, q.Model, zoo.Classify)
	if err != nil {
		return nil, err
	}
	defer release()
	if q.Top == 0 {
		q.Top = 5
	}
	for r, err := range m.Classify(ctx, p.input()) {
		if err != nil {
			return nil, err
		}
		return Classified{r.Top(q.Top), r.Inverted, m.Device().String(), m.Name, m.Notes}, nil
	}
	return nil, ctx.Err()
}

// Panels is the result of attention and reconstruct: pictures with captions.
type Panels struct {
	Panels  []PanelFile `json:"panels"`
	Model   string      `json:"model"`
	Device  string      `json:"device"`
	Rows    int         `json:"rows,omitempty"` // attention: of the grid of tokens
	Columns int         `json:"columns,omitempty"`
	Token   *[2]int     `json:"token,omitempty"` // attention: row and column of the token
	Hidden  int         `json:"hidden,omitempty"`
	Patches int         `json:"patches,omitempty"`
	Seconds float64     `json:"compute_seconds"`
}

// PanelFile is a picture with a caption.
type PanelFile struct {
	File    string `json:"file"`
	Caption string `json:"caption"`
}

// write writes the pictures as files of the job.
func (p *Panels) write(t *task, panels []picture.Panel) error {
	for i, one := range panels {
		f := PanelFile{fmt.Sprintf("%d.png", i), one.Caption}
		if err := t.write(f.File, asPNG(one.Picture.Image())); err != nil {
			return err
		}
		p.Panels = append(p.Panels, f)
	}
	return nil
}

func (s *Server) attention(ctx context.Context, t *task, q Request) (any, error) {
	p, err := s.pictures.get(q.Picture)
	if err != nil {
		return nil, err
	}
	m, release, err := s.model(t, q.Model, 0)
	if err != nil {
		return nil, err
	}
	defer release()
	start := time.Now()
	a, err := m.Attention(ctx, vision.AttentionOptions{Block: q.Block, At: q.At}, p.input())
	if err != nil {
		return nil, err
	}
	out := &Panels{Model: m.Name, Device: m.Device().String(), Rows: a.Heat.Rows, Columns: a.Heat.Columns, Token: a.Token, Seconds: time.Since(start).Seconds()}
	return out, out.write(t, a.Panels())
}

func (s *Server) reconstruct(ctx context.Context, t *task, q Request) (any, error) {
	p, err := s.pictures.get(q.Picture)
	if err != nil {
		return nil, err
	}
	m, release, err := s.model(t, q.Model, zoo.Reconstruct)
	if err != nil {
		return nil, err
	}
	defer release()
	start := time.Now()
	r, err := m.Reconstruct(ctx, vision.ReconstructOptions{Ratio: q.Ratio, Seed: q.Seed, Pixels: q.Pixels}, p.input())
	if err != nil {
		return nil, err
	}
	out := &Panels{Model: m.Name, Device: m.Device().String(), Hidden: r.Hidden, Patches: r.Patches, Seconds: time.Since(start).Seconds()}
	return out, out.write(t, r.Panels())
}
