package ui

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/index"
	"github.com/vertebra/vertebra/vision/zoo"
)

// indexes are the open indexes of folders.
type indexes struct {
	mu   sync.Mutex
	list []*folderIndex
}

// folderIndex is the index of a folder by a model.
type folderIndex struct {
	folder, model string
	index         *index.Index
	clip          *vision.Model
	release       func() // of the model

	use sync.RWMutex // read-locked while it is used
}

// drop closes the indexes of a folder. None may be being updated.
func (x *indexes) drop(folder string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	var errs []error
	for _, one := range slices.Clone(x.list) {
		if folder != "" && one.folder != folder {
			continue
		}
		if !one.use.TryLock() {
			errs = append(errs, &statusError{409, "the folder is being indexed: pause that first"})
			continue
		}
		errs = append(errs, one.index.Close())
		one.release()
		x.list = slices.DeleteFunc(x.list, func(o *folderIndex) bool { return o == one })
	}
	return errors.Join(errs...)
}

func (x *indexes) close() error { return x.drop("") }

// indexOf returns the index of an open folder. The caller calls done.
func (s *Server) indexOf(folder, model string) (x *folderIndex, done func(), err error) {
	f, err := s.folders.get(folder)
	if err != nil {
		return nil, nil, err
	}
	c, err := s.engine.choose(model, zoo.Embed)
	if err != nil {
		return nil, nil, err
	}
	m, release, err := s.engine.use(c.Name, zoo.Embed)
	if err != nil {
		return nil, nil, err
	}
	s.indexes.mu.Lock()
	defer s.indexes.mu.Unlock()
	for _, one := range s.indexes.list {
		if one.folder == folder && one.model == c.Name {
			release()
			one.use.RLock()
			return one, one.use.RUnlock, nil
		}
	}
	opened, err := index.Open(m, f.Path, index.Options{})
	if err != nil {
		release()
		if errors.Is(err, index.ErrOtherModel) {
			err = errors.Join(err, errors.New("choose that model, or delete the file"))
		}
		return nil, nil, err
	}
	x = &folderIndex{folder: folder, model: c.Name, index: opened, clip: m, release: release}
	x.use.RLock()
	s.indexes.list = append(s.indexes.list, x)
	return x, x.use.RUnlock, nil
}

// Indexed is the result of index.
type Indexed struct {
	Pictures int      `json:"pictures"`
	Model    string   `json:"model"`
	Left     int      `json:"left"`           // pictures that could not be read
	Why      []string `json:"why,omitempty"`  // of the first ones
	Index    string   `json:"file,omitempty"` // of the index
}

// mostWhy is the number of unreadable pictures whose errors are told.
const mostWhy = 20

// index brings the index of a folder up to date. To pause it is to cancel it: the next
// one does the rest.
func (s *Server) index(ctx context.Context, t *task, q Request) (any, error) {
	t.note("opening the model")
	x, free, err := s.indexOf(q.Folder, q.Model)
	if err != nil {
		return nil, err
	}
	defer free()
	out := Indexed{Model: x.model, Index: x.index.Path()}
	t.note("looking for pictures")
	for step, err := range x.index.Update(ctx) {
		var bad *vision.InputError
		switch {
		case errors.As(err, &bad):
			out.Left++
			if len(out.Why) < mostWhy {
				out.Why = append(out.Why, line(bad))
			}
		case err != nil:
			return nil, err
		case step.Waiting:
			t.note("another program updates the index: waiting for it")
			continue
		}
		if step.Total > 0 {
			t.note("%s", filepath.Base(step.File))
			t.progress(int64(step.Done), int64(step.Total), "pictures")
		}
	}
	out.Pictures = x.index.Len()
	return out, nil
}

// Query asks for the pictures of a folder that are nearest to a text or a picture.
type Query struct {
	Folder  string `json:"folder"`
	Model   string `json:"model"`
	Text    string `json:"text"`
	Picture string `json:"picture"` // a Picture's ID, in place of Text
	Top     int    `json:"top"`     // 0 means 24
}

// Hits is the answer to a Query, the nearest first.
type Hits struct {
	Pictures int     `json:"pictures"` // in the index
	Seconds  float64 `json:"seconds"`
	Hits     []Hit   `json:"hits"`
}

// Hit is a picture of a folder.
type Hit struct {
	File   string  `json:"file"` // in the folder, with / between its parts
	Cosine float32 `json:"cosine"`
}

func (s *Server) search(w http.ResponseWriter, r *http.Request) (any, error) {
	q := Query{}
	if err := read(w, r, &q); err != nil {
		return nil, err
	}
	if q.Text = strings.TrimSpace(q.Text); q.Text == "" && q.Picture == "" {
		return nil, wrong("the query is empty")
	}
	f, err := s.folders.get(q.Folder)
	if err != nil {
		return nil, err
	}
	x, free, err := s.indexOf(q.Folder, q.Model)
	if err != nil {
		return nil, err
	}
	defer free()
	start := time.Now()
	vector, err := s.vector(r.Context(), x.clip, q)
	if err != nil {
		return nil, err
	}
	found, err := x.index.Nearest(vector, min(max(cmp.Or(q.Top, 24), 1), 500))
	if err != nil {
		return nil, err
	}
	out := Hits{x.index.Len(), time.Since(start).Seconds(), []Hit{}}
	for _, h := range found {
		name, err := filepath.Rel(f.Path, h.File)
		if err != nil {
			return nil, err
		}
		out.Hits = append(out.Hits, Hit{filepath.ToSlash(name), h.Cosine})
	}
	return out, nil
}

// vector embeds the text or the picture of a query.
func (s *Server) vector(ctx context.Context, m *vision.Model, q Query) ([]float32, error) {
	if q.Picture == "" {
		all, err := m.EmbedTexts(ctx, q.Text)
		if err != nil {
			return nil, err
		}
		return all[0], nil
	}
	p, err := s.pictures.get(q.Picture)
	if err != nil {
		return nil, err
	}
	for e, err := range m.EmbedPictures(ctx, p.input()) {
		return e.Vector, err
	}
	return nil, ctx.Err()
}
