package ui

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/picture"
)

// Folder is a folder of pictures that the user has opened.
type Folder struct {
	ID   string `json:"id"`
	Path string `json:"path"`

	root *os.Root
}

// folders are the open folders. Nothing outside them is read.
type folders struct {
	mu   sync.Mutex
	list []Folder
	next int
}

// open opens a folder. One that is open keeps its ID.
func (f *folders) open(path string) (Folder, error) {
	path = files.Unquote(path)
	if path == "" {
		return Folder{}, wrong("no folder is given")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return Folder{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		if one.Path == path {
			return one, nil
		}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return Folder{}, files.Named(path, err)
	}
	f.next++
	one := Folder{fmt.Sprint(f.next), path, root}
	f.list = append(f.list, one)
	return one, nil
}

// get returns an open folder.
func (f *folders) get(id string) (Folder, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		if one.ID == id {
			return one, nil
		}
	}
	return Folder{}, missing("this folder is not open")
}

// all returns the open folders.
func (f *folders) all() []Folder {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Folder{}, f.list...)
}

// drop closes a folder.
func (f *folders) drop(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.list, func(one Folder) bool { return one.ID == id })
	if i < 0 {
		return missing("this folder is not open")
	}
	one := f.list[i]
	f.list = slices.Delete(f.list, i, i+1)
	return one.root.Close()
}

func (f *folders) close() error {
	var errs []error
	for _, one := range f.all() {
		errs = append(errs, f.drop(one.ID))
	}
	return errors.Join(errs...)
}

// read reads a file in an open folder, of at most limit bytes. file is its path in the
// folder. Links that lead out of the folder are errors.
func (f *folders) read(id, file string, limit int64) ([]byte, error) {
	one, err := f.get(id)
	if err != nil {
		return nil, err
	}
	if !filepath.IsLocal(filepath.FromSlash(file)) {
		return nil, &statusError{http.StatusForbidden, "the file is not in the folder"}
	}
	name := filepath.FromSlash(file)
	info, err := one.root.Stat(name) // before it is opened, because to open a pipe waits
	if err != nil {
		return nil, files.Named(file, err)
	}
	if err := files.Regular(info); err != nil {
		return nil, files.Named(file, err)
	}
	if info.Size() > limit {
		return nil, files.Named(file, fmt.Errorf("the file is larger than %d MB", limit>>20))
	}
	r, err := one.root.Open(name)
	if err != nil {
		return nil, files.Named(file, err)
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, limit))
}

func (s *Server) listFolders(http.ResponseWriter, *http.Request) (any, error) {
	return s.folders.all(), nil
}

func (s *Server) openFolder(w http.ResponseWriter, r *http.Request) (any, error) {
	var q struct{ Path string }
	if err := read(w, r, &q); err != nil {
		return nil, err
	}
	return s.folders.open(q.Path)
}

func (s *Server) closeFolder(_ http.ResponseWriter, r *http.Request) (any, error) {
	id := r.PathValue("id")
	if err := s.indexes.drop(id); err != nil {
		return nil, err
	}
	return struct{}{}, s.folders.drop(id)
}

// Listing is the folders in a folder.
type Listing struct {
	Path     string   `json:"path"`
	Parent   string   `json:"parent,omitempty"`
	Folders  []string `json:"folders"`  // names
	Pictures int      `json:"pictures"` // files whose names end as those of pictures
}

// browse lists the folders in a folder, or in the user's home folder. Hidden ones are
// left out. It reads no file.
func (s *Server) browse(_ http.ResponseWriter, r *http.Request) (any, error) {
	path := r.URL.Query().Get("path")
	if path == "" {
		var err error
		if path, err = os.UserHomeDir(); err != nil {
			return nil, err
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	l := Listing{Path: path, Folders: []string{}}
	if parent := filepath.Dir(path); parent != path {
		l.Parent = parent
	}
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir() || e.Type()&fs.ModeSymlink != 0 && isFolder(filepath.Join(path, e.Name())):
			l.Folders = append(l.Folders, e.Name())
		case slices.Contains(endings, strings.ToLower(filepath.Ext(e.Name()))):
			l.Pictures++
		}
	}
	return l, nil
}

// endings are how names of pictures usually end.
var endings = []string{".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic", ".heif", ".avif"}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// thumbSide is the longest side of a small picture.
const thumbSide = 256

// thumbnail sends a small picture of an open folder.
func (s *Server) thumbnail(w http.ResponseWriter, r *http.Request) (any, error) {
	file, err := s.folders.read(r.PathValue("id"), r.URL.Query().Get("file"), s.options.Upload)
	if err != nil {
		return nil, err
	}
	photo, err := picture.DecodePhoto(r.Context(), file)
	if err != nil {
		return nil, err
	}
	w.Header().Set("Cache-Control", "private, max-age=3600")
	return sent{}, show(w, photo, thumbSide)
}
