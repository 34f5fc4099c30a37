package ui

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image/png"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

const (
	mostEmbedded = 4    // pictures whose embeddings are kept
	previewSide  = 1024 // the longest side of a mask that is shown
)

// cutouts are the pictures that SAM has embedded. An embedding is computed once.
type cutouts struct {
	engine *engine

	mu   sync.Mutex
	list []*embedded // the latest used last
}

// embedded is a picture with its embedding.
type embedded struct {
	model, picture string
	release        func() // of the model

	mu        sync.Mutex // held while it computes
	closed    bool
	predictor *vision.SAMPredictor
	preview   *picture.Image // the picture, at most previewSide wide and high
	size      [2]int         // width and height of the picture
	seconds   float64        // of the encoder
}

// hold locks e for a computation, unless e is nil or was dropped meanwhile.
func (e *embedded) hold() error {
	if e != nil {
		if e.mu.Lock(); !e.closed {
			return nil
		}
		e.mu.Unlock()
	}
	return missing("the picture is not embedded: start a job embed first")
}

func (e *embedded) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	err := e.predictor.Close()
	e.release()
	return err
}

// find returns the embedding of a picture, or nil.
func (c *cutouts) find(model, id string) *embedded {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.list, func(e *embedded) bool { return e.model == model && e.picture == id })
	if i < 0 {
		return nil
	}
	e := c.list[i]
	c.list = append(slices.Delete(c.list, i, i+1), e)
	return e
}

// keep adds an embedding and drops the one that was not used for the longest time.
func (c *cutouts) keep(e *embedded) error {
	c.mu.Lock()
	c.list = append(c.list, e)
	var old *embedded
	if len(c.list) > mostEmbedded {
		old, c.list = c.list[0], c.list[1:]
	}
	c.mu.Unlock()
	if old != nil {
		return old.close()
	}
	return nil
}

// close drops all embeddings.
func (c *cutouts) close() error {
	c.mu.Lock()
	list := c.list
	c.list = nil
	c.mu.Unlock()
	var errs []error
	for _, e := range list {
		errs = append(errs, e.close())
	}
	return errors.Join(errs...)
}

// Embedded is the result of embed.
type Embedded struct {
	Model   string  `json:"model"`   // a Choice's name, for Prompt
	Width   int     `json:"width"`   // of masks that are shown
	Height  int     `json:"height"`  // likewise
	Seconds float64 `json:"seconds"` // of the encoder
}

// embed runs SAM's encoder on a picture, unless its embedding is kept.
func (s *Server) embed(ctx context.Context, t *task, q Request) (any, error) {
	e, err := s.embedding(ctx, t, q)
	if err != nil {
		return nil, err
	}
	return Embedded{e.model, e.preview.Width, e.preview.Height, e.seconds}, nil
}

func (s *Server) embedding(ctx context.Context, t *task, q Request) (*embedded, error) {
	p, err := s.pictures.get(q.Picture)
	if err != nil {
		return nil, err
	}
	c, err := s.engine.choose(q.Model, zoo.PromptMasks)
	if err != nil {
		return nil, err
	}
	if e := s.cutouts.find(c.Name, p.ID); e != nil {
		return e, nil
	}
	m, release, err := s.model(t, c.Name, zoo.PromptMasks)
	if err != nil {
		return nil, err
	}
	keep := false
	defer func() {
		if !keep {
			release()
		}
	}()
	photo, err := p.input().Picture(ctx, s.options.Memory)
	if err != nil {
		return nil, err
	}
	e := &embedded{model: c.Name, picture: p.ID, release: release, size: [2]int{photo.Width, photo.Height}, preview: photo}
	if max(photo.Width, photo.Height) > previewSide {
		w, h := picture.LongestSide(photo.Width, photo.Height, previewSide)
		e.preview = photo.Resize(max(w, 1), max(h, 1), m.Preprocess.Filter)
	}
	if e.predictor, err = m.Predictor(); err != nil {
		return nil, err
	}
	t.note("looking at the picture")
	start := time.Now()
	if err := e.predictor.SetImage(ctx, e.preview); err != nil {
		return nil, errors.Join(err, e.predictor.Close())
	}
	e.seconds = time.Since(start).Seconds()
	if again := s.cutouts.find(c.Name, p.ID); again != nil { // of another tab
		return again, e.predictor.Close()
	}
	keep = true
	return e, s.cutouts.keep(e)
}

// Prompt says what to cut out. Coordinates are fractions of the picture's width and
// height.
type Prompt struct {
	Model   string       `json:"model"`
	Picture string       `json:"picture"`
	Points  [][2]float32 `json:"points"`
	Labels  []int        `json:"labels"` // of each point: 1 for the object, 0 for the background
	Box     *[4]float32  `json:"box"`    // left, top, right, bottom
	Form    string       `json:"form"`   // of a cut-out: "cutout" or "mask"
}

// prompt returns the prompt for a picture of a size.
func (p Prompt) prompt(width, height int) (vision.SAMPrompt, error) {
	out := vision.SAMPrompt{Labels: p.Labels}
	w, h := float32(width), float32(height)
	for _, at := range p.Points {
		out.Points = append(out.Points, [2]float32{at[0] * w, at[1] * h})
	}
	if b := p.Box; b != nil {
		out.Box = &[4]float32{b[0] * w, b[1] * h, b[2] * w, b[3] * h}
	}
	out.Single = len(p.Points) > 1 || p.Box != nil
	return out, out.Check(width, height)
}

// Masks are the masks for a prompt, at the size that Embedded says.
type Masks struct {
	Mask    picture.RLE `json:"mask"` // the best one
	Score   float32     `json:"score"`
	Area    float64     `json:"area"` // share of the picture
	Seconds float64     `json:"seconds"`
}

// masks finds the best mask for a prompt.
func (s *Server) masks(w http.ResponseWriter, r *http.Request) (any, error) {
	var q Prompt
	if err := read(w, r, &q); err != nil {
		return nil, err
	}
	start := time.Now()
	e := s.cutouts.find(q.Model, q.Picture)
	if err := e.hold(); err != nil {
		return nil, err
	}
	defer e.mu.Unlock()
	prompt, err := q.prompt(e.preview.Width, e.preview.Height)
	if err != nil {
		return nil, wrong("%v", err)
	}
	mask, score, err := best(r.Context(), e.predictor, prompt)
	if err != nil {
		return nil, err
	}
	return Masks{mask.RLE(), score, float64(mask.Area()) / float64(len(mask.On)), time.Since(start).Seconds()}, nil
}

// best returns the best mask for a prompt and its predicted IoU.
func best(ctx context.Context, p *vision.SAMPredictor, prompt vision.SAMPrompt) (*picture.Mask, float32, error) {
	found, err := p.Predict(ctx, prompt)
	if err != nil {
		return nil, 0, err
	}
	n := found.Best()
	return picture.Masks(found.Logits, p.Threshold)[n], found.IoU[n], nil
}

// cutout sends the object of a prompt, at the picture's own size, with transparency
// around it, or its mask.
func (s *Server) cutout(w http.ResponseWriter, r *http.Request) (any, error) {
	var q Prompt
	if err := read(w, r, &q); err != nil {
		return nil, err
	}
	if q.Form != "mask" && q.Form != "cutout" {
		return nil, wrong("the form is %q, want cutout or mask", q.Form)
	}
	p, err := s.pictures.get(q.Picture)
	if err != nil {
		return nil, err
	}
	mask, err := s.fullMask(r.Context(), q)
	if err != nil {
		return nil, err
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename*=UTF-8''%s", escapeName(p.stem()+"_"+q.Form+".png")))
	if q.Form == "mask" {
		return sent{}, png.Encode(w, mask.Image().Image())
	}
	photo, err := p.input().Picture(r.Context(), s.options.Memory)
	if err != nil {
		return nil, err
	}
	return sent{}, png.Encode(w, mask.CutOut(photo))
}

// fullMask returns the best mask of a prompt at the picture's own size. The encoder does
// not run again.
func (s *Server) fullMask(ctx context.Context, q Prompt) (*picture.Mask, error) {
	e := s.cutouts.find(q.Model, q.Picture)
	if err := e.hold(); err != nil {
		return nil, err
	}
	defer e.mu.Unlock()
	prompt, err := q.prompt(e.size[0], e.size[1])
	if err != nil {
		return nil, wrong("%v", err)
	}
	features, err := e.predictor.Embedding(ctx)
	if err != nil {
		return nil, err
	}
	features.Width, features.Height = e.size[0], e.size[1]
	m, release, err := s.engine.use(q.Model, zoo.PromptMasks)
	if err != nil {
		return nil, err
	}
	defer release()
	full, err := m.Predictor()
	if err != nil {
		return nil, err
	}
	defer full.Close()
	if err := full.SetEmbedding(features); err != nil {
		return nil, err
	}
	mask, _, err := best(ctx, full, prompt)
	return mask, err
}

// Regions is the result of everything: all masks of a picture, the largest first.
type Regions struct {
	Width   int                `json:"width"` // of the masks
	Height  int                `json:"height"`
	Regions []vision.SAMRegion `json:"regions"`
}

// everything finds all masks of a picture.
func (s *Server) everything(ctx context.Context, t *task, q Request) (any, error) {
	e, err := s.embedding(ctx, t, q)
	if err != nil {
		return nil, err
	}
	m, release, err := s.model(t, e.model, zoo.PromptMasks)
	if err != nil {
		return nil, err
	}
	defer release()
	p, err := m.Predictor() // its own, so that clicks are answered meanwhile
	if err != nil {
		return nil, err
	}
	defer p.Close()
	found, err := p.Everything(ctx, e.preview, vision.SAMEverything{
		PointsPerSide: cmp.Or(q.Points, 16),
		MinRegionArea: 64,
		Progress: func(done, total int) {
			t.note("asking at points")
			t.progress(int64(done), int64(total), "groups of points")
		},
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b vision.SAMRegion) int { return b.Area - a.Area })
	return Regions{e.preview.Width, e.preview.Height, append([]vision.SAMRegion{}, found...)}, nil
}
