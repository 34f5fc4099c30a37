package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/zoo"
)

// Cached is a repository of Hugging Face's cache.
type Cached struct {
	Name      string // "OWNER/NAME"
	Bytes     int64  // of its files, each counted once
	Revisions []string
}

// repositoryFolder returns the folder of a repository in the cache.
func (h *Hub) repositoryFolder(name string) string {
	return filepath.Join(h.Folder, "models--"+strings.ReplaceAll(name, "/", "--"))
}

// snapshot returns the folder with the files of a repository at a revision.
func (h *Hub) snapshot(name, revision string) (string, bool) {
	folder := h.repositoryFolder(name)
	commit := revision
	if text, err := os.ReadFile(filepath.Join(folder, "refs", filepath.FromSlash(revision))); err == nil {
		commit = strings.TrimSpace(string(text))
	}
	if !digits(commit) {
		return "", false
	}
	path := filepath.Join(folder, "snapshots", commit)
	info, err := os.Stat(path)
	return path, err == nil && info.IsDir()
}

// FindRepository returns the folder of a repository at a revision if the cache has
// weights of it.
func (h *Hub) FindRepository(name, revision string) (string, bool) {
	folder, ok := h.snapshot(name, revision)
	if !ok {
		return "", false
	}
	for _, n := range weightsNames {
		if info, err := os.Stat(filepath.Join(folder, n)); err == nil && info.Mode().IsRegular() {
			return folder, true
		}
	}
	return folder, false
}

// Repositories lists the repositories of models in Hugging Face's cache.
func (h *Hub) Repositories() ([]Cached, error) {
	entries, err := os.ReadDir(h.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, files.Named(h.Folder, err)
	}
	var all []Cached
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), "models--")
		if !ok || !e.IsDir() {
			continue
		}
		c := Cached{Name: strings.Replace(name, "--", "/", 1)}
		folder := filepath.Join(h.Folder, e.Name())
		filepath.WalkDir(filepath.Join(folder, "blobs"), func(_ string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				if info, err := e.Info(); err == nil {
					c.Bytes += info.Size()
				}
			}
			return nil
		})
		refs := filepath.Join(folder, "refs")
		filepath.WalkDir(refs, func(path string, e fs.DirEntry, err error) error {
			if rel, bad := filepath.Rel(refs, path); err == nil && bad == nil && e.Type().IsRegular() {
				c.Revisions = append(c.Revisions, filepath.ToSlash(rel))
			}
			return nil
		})
		slices.Sort(c.Revisions)
		all = append(all, c)
	}
	return all, nil
}

// RemoveRepository removes a repository from the cache and returns the bytes that this
// frees.
func (h *Hub) RemoveRepository(name string) (int64, error) {
	if _, _, err := ParseReference(name); err != nil {
		return 0, err
	}
	all, err := h.Repositories()
	if err != nil {
		return 0, err
	}
	for _, c := range all {
		if c.Name == name {
			folder := h.repositoryFolder(name)
			return c.Bytes, errors.Join(os.RemoveAll(folder), os.RemoveAll(filepath.Join(h.Folder, ".locks", filepath.Base(folder))))
		}
	}
	return 0, fmt.Errorf("hub: the cache has no %s", name)
}

// Remove removes a file of the registry from its cache and returns its bytes. Of a file
// on Hugging Face it removes the repository. The error wraps fs.ErrNotExist if there is
// no such file.
func (h *Hub) Remove(f zoo.File) (int64, error) {
	if repository, _, _, ok := onFace(f.URL); ok {
		if _, found := h.Find(f); !found {
			return 0, fs.ErrNotExist
		}
		return h.RemoveRepository(repository)
	}
	path := filepath.Join(h.Checkpoints, f.Name())
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), os.Remove(path)
}
