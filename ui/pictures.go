package ui

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
)

// Picture is a picture that the server keeps until it ends.
type Picture struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Bytes  int    `json:"bytes"` // of the file

	path string // of the file
	view string // of what a browser is shown
}

// input is the picture for a model.
func (p Picture) input() vision.Input {
	in := vision.File(p.path)
	in.Name = p.Name
	return in
}

// stem is the name without its extension.
func (p Picture) stem() string {
	return strings.TrimSuffix(p.Name, filepath.Ext(p.Name))
}

const (
	mostPictures = 64   // that are kept
	viewSide     = 1600 // the longest side of what a browser is shown
)

// pictures are the pictures that a server keeps, in a folder.
type pictures struct {
	temp string

	mu   sync.Mutex
	list []Picture // the latest last
}

// get returns a picture.
func (p *pictures) get(id string) (Picture, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.list, func(one Picture) bool { return one.ID == id })
	if i < 0 {
		return Picture{}, missing("the picture is no longer here: choose it again")
	}
	one := p.list[i]
	p.list = append(slices.Delete(p.list, i, i+1), one)
	return one, nil
}

// add decodes a file and keeps it. The same file is kept once.
func (p *pictures) add(ctx context.Context, name string, file []byte) (Picture, error) {
	sum := sha256.Sum256(file)
	id := hex.EncodeToString(sum[:12])
	name = cleanName(name)
	if have, err := p.get(id); err == nil && have.Name == name {
		return have, nil
	}
	photo, err := picture.DecodePhoto(ctx, file)
	if err != nil {
		return Picture{}, files.Named(name, err)
	}
	one := Picture{
		ID: id, Name: name, Width: photo.Image.Width, Height: photo.Image.Height, Bytes: len(file),
		path: filepath.Join(p.temp, "picture-"+id), view: filepath.Join(p.temp, "view-"+id),
	}
	if err := files.Write(one.path, func(w io.Writer) error { _, err := w.Write(file); return err }); err != nil {
		return Picture{}, err
	}
	if err := files.Write(one.view, func(w io.Writer) error { return show(w, photo, viewSide) }); err != nil {
		return Picture{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(slices.DeleteFunc(p.list, func(old Picture) bool { return old.ID == id }), one)
	if len(p.list) > mostPictures {
		os.Remove(p.list[0].path)
		os.Remove(p.list[0].view)
		p.list = p.list[1:]
	}
	return one, nil
}

// cleanName is the last part of a name, as a file may be called.
func cleanName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`<>:"|?*`, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	if name = strings.Trim(name, ". "); name == "" {
		return "picture"
	}
	return name
}

// show writes a picture for a browser, with sides of at most side pixels: a PNG if it is
// small or has transparency, else a JPEG.
func show(w io.Writer, photo *picture.Photo, side int) error {
	alpha := photo.Alpha
	m := photo.SRGB()
	small := m.Width*m.Height <= 128*128
	if max(m.Width, m.Height) > side {
		width, height := picture.LongestSide(m.Width, m.Height, side)
		width, height = max(width, 1), max(height, 1)
		m = m.Resize(width, height, picture.Bilinear)
		if alpha != nil {
			alpha = alpha.Resize(width, height, picture.Bilinear)
		}
	}
	switch {
	case alpha != nil:
		return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, withAlpha(m, alpha))
	case small:
		return png.Encode(w, m.Image())
	}
	return jpeg.Encode(w, m.Image(), &jpeg.Options{Quality: 88})
}

// takePicture keeps the picture in the body of a request.
func (s *Server) takePicture(w http.ResponseWriter, r *http.Request) (any, error) {
	file, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.options.Upload))
	if err != nil {
		return nil, err
	}
	return s.pictures.add(r.Context(), r.URL.Query().Get("name"), file)
}

// openPicture keeps a picture of an open folder.
func (s *Server) openPicture(w http.ResponseWriter, r *http.Request) (any, error) {
	var q struct{ Folder, File string }
	if err := read(w, r, &q); err != nil {
		return nil, err
	}
	file, err := s.folders.read(q.Folder, q.File, s.options.Upload)
	if err != nil {
		return nil, err
	}
	return s.pictures.add(r.Context(), q.File, file)
}

// viewPicture sends a picture for a browser, with all its pixels if that is asked for.
func (s *Server) viewPicture(w http.ResponseWriter, r *http.Request) (any, error) {
	one, err := s.pictures.get(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	w.Header().Set("Cache-Control", "private, max-age=3600")
	if side := max(one.Width, one.Height); side > viewSide && r.URL.Query().Has("full") {
		file, err := files.ReadFile(one.path)
		if err != nil {
			return nil, err
		}
		photo, err := picture.DecodePhoto(r.Context(), file)
		if err != nil {
			return nil, err
		}
		return sent{}, show(w, photo, side)
	}
	http.ServeFile(w, r, one.view)
	return sent{}, nil
}
