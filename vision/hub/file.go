package hub

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/zoo"
)

// Found is a file in a cache.
type Found struct {
	Path    string
	Bytes   int64
	Checked string // what of its bytes was compared, such as "SHA-256"
	Fetched bool   // it was not there before
}

// Find returns the path of a file of the registry if a cache has it. It compares the
// size, not the hash.
func (h *Hub) Find(f zoo.File) (string, bool) {
	if repository, revision, name, ok := onFace(f.URL); ok {
		folder, found := h.snapshot(repository, revision)
		path := filepath.Join(folder, filepath.FromSlash(name))
		return path, found && whole(path, f)
	}
	path := filepath.Join(h.Checkpoints, f.Name())
	return path, whole(path, f)
}

// whole reports whether path is a file with the size of f.
func whole(path string, f zoo.File) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() > 0 && (f.Bytes == 0 || info.Size() == f.Bytes)
}

// Fetch returns a file of the registry. It downloads the file if no cache has it or if
// its hash is wrong; a file with a wrong hash that another program left is replaced. With
// From, a file comes from there. A file on Hugging Face comes with the configs beside it.
func (h *Hub) Fetch(ctx context.Context, f zoo.File) (Found, error) {
	if repository, revision, name, ok := onFace(f.URL); ok && h.From == "" {
		r, err := h.Repository(ctx, repository, revision)
		if err != nil {
			return Found{}, err
		}
		all, err := h.FetchRepository(ctx, r, name)
		if err != nil {
			return Found{}, err
		}
		return all[0], nil
	}
	if _, _, _, ok := onFace(f.URL); ok {
		return Found{}, fmt.Errorf("hub: %s is on Hugging Face: a mirror of that is HF_ENDPOINT, not the address of a folder", f.URL)
	}
	s := source{name: f.Name(), url: f.URL, size: -1, sum: checksum{sha256: f.SHA256, md5: f.MD5}}
	if f.Bytes > 0 {
		s.size = f.Bytes
	}
	if h.From != "" {
		base, err := url.Parse(h.From)
		if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
			return Found{}, fmt.Errorf("hub: %q is no address such as https://host/folder", h.From)
		}
		s.url = base.JoinPath(s.name).String()
	}
	path := filepath.Join(h.Checkpoints, s.name)
	unlock, err := h.lock(ctx, filepath.Join("checkpoints", s.name), s.name)
	if err != nil {
		return Found{}, err
	}
	defer unlock()
	return h.fetch(ctx, s, path)
}

// fetch downloads s to path unless the file there is right.
func (h *Hub) fetch(ctx context.Context, s source, path string) (Found, error) {
	found := Found{Path: path, Checked: s.sum.String()}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.Mode().IsRegular() && (s.size < 0 || info.Size() == s.size):
		if found.Bytes = info.Size(); h.check(ctx, s, path) == nil {
			return found, nil
		}
		if ctx.Err() != nil {
			return found, ctx.Err()
		}
	case err == nil && !info.Mode().IsRegular():
		return found, files.Named(path, files.Regular(info))
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return found, files.Named(path, err)
	}
	if err := h.download(ctx, s, path); err != nil {
		return found, err
	}
	found.Bytes, found.Fetched = sizeOf(path), true
	return found, nil
}

// onFace splits the address of a file on Hugging Face.
func onFace(address string) (repository, revision, name string, ok bool) {
	rest, ok := strings.CutPrefix(address, "https://huggingface.co/")
	if !ok {
		return "", "", "", false
	}
	repository, rest, ok = strings.Cut(rest, "/resolve/")
	if !ok {
		return "", "", "", false
	}
	revision, name, ok = strings.Cut(rest, "/")
	if r, err := url.PathUnescape(revision); err == nil {
		revision = r
	}
	return repository, revision, name, ok
}
