package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
)

// Repository is a repository of a model on Hugging Face, at one commit.
type Repository struct {
	Name     string // "OWNER/NAME"
	Revision string // as asked for
	Commit   string
	Licence  string // such as "apache-2.0"; empty if the repository does not say
	Files    []RepositoryFile
}

// RepositoryFile is a file of a repository.
type RepositoryFile struct {
	Name  string // with the folders in the repository, separated by /
	Bytes int64  // -1 if the server does not say

	blob string // its name in the cache; empty if the server has to be asked
	sum  checksum
}

// NonCommercial reports whether the licence's name says that commercial use is forbidden.
func (r *Repository) NonCommercial() bool {
	words := strings.FieldsFunc(strings.ToLower(r.Licence), func(c rune) bool { return c == '-' || c == ' ' || c == '_' })
	return slices.Contains(words, "nc") || slices.Contains(words, "noncommercial") || strings.Contains(strings.Join(words, " "), "non commercial")
}

var repositoryName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$`)

// ParseReference splits "OWNER/NAME" or "OWNER/NAME@REVISION". The revision is a branch, a
// tag, a commit or a reference such as refs/pr/15; without one it is main.
func ParseReference(text string) (name, revision string, err error) {
	name, revision, given := strings.Cut(text, "@")
	if !repositoryName.MatchString(name) || strings.Contains(name, "..") || strings.Contains(name, "--") {
		return "", "", fmt.Errorf("hub: %q is no repository such as OWNER/NAME", name)
	}
	if !given {
		return name, "main", nil
	}
	if !local(revision) {
		return "", "", fmt.Errorf("hub: %q is no revision", revision)
	}
	return name, revision, nil
}

// local reports whether name, separated by /, stays in a folder on every system.
func local(name string) bool {
	return name != "" && path.Clean(name) == name && !strings.ContainsAny(name, "\\:\x00") && filepath.IsLocal(filepath.FromSlash(name))
}

// Repository asks for the files of a repository.
func (h *Hub) Repository(ctx context.Context, name, revision string) (*Repository, error) {
	if _, _, err := ParseReference(name + "@" + revision); err != nil {
		return nil, err
	}
	address := h.Endpoint + "/api/models/" + name + "/revision/" + url.PathEscape(revision) + "?blobs=true"
	text, err := h.get(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var info struct {
		SHA      string   `json:"sha"`
		Tags     []string `json:"tags"`
		CardData struct {
			License     any    `json:"license"` // a name or several
			LicenseName string `json:"license_name"`
		} `json:"cardData"`
		Siblings []struct {
			Name   string `json:"rfilename"`
			Size   *int64 `json:"size"`
			BlobID string `json:"blobId"`
			LFS    *struct {
				SHA256 string `json:"sha256"`
				Size   int64  `json:"size"`
			} `json:"lfs"`
		} `json:"siblings"`
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return nil, fmt.Errorf("%s: %s sends no description of a repository: %w", name, h.Endpoint, err)
	}
	r := &Repository{Name: name, Revision: revision, Commit: info.SHA}
	if !digits(r.Commit) {
		return nil, fmt.Errorf("%s: %q is no commit", name, r.Commit)
	}
	if text, ok := info.CardData.License.(string); ok {
		r.Licence = text
	}
	for _, tag := range info.Tags {
		if licence, ok := strings.CutPrefix(tag, "license:"); ok {
			r.Licence = cmp.Or(r.Licence, licence)
		}
	}
	if r.Licence == "other" {
		r.Licence = cmp.Or(info.CardData.LicenseName, r.Licence)
	}
	for _, s := range info.Siblings {
		if !local(s.Name) {
			continue // no file that a download may make
		}
		f := RepositoryFile{Name: s.Name, Bytes: -1}
		if s.Size != nil {
			f.Bytes = *s.Size
		}
		switch {
		case s.LFS != nil && hexadecimal(s.LFS.SHA256, 64):
			f.Bytes, f.blob, f.sum = s.LFS.Size, s.LFS.SHA256, checksum{sha256: s.LFS.SHA256}
		case hexadecimal(s.BlobID, 40):
			f.blob, f.sum = s.BlobID, checksum{git: s.BlobID}
		}
		r.Files = append(r.Files, f)
	}
	return r, nil
}

// digits reports whether s is the name of a commit or a blob: letters and digits only,
// so that it is safe in a path.
func digits(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsFunc(s, func(c rune) bool {
		return !('0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '_')
	})
}

// hexadecimal reports whether s has n digits in hexadecimal.
func hexadecimal(s string, n int) bool {
	return len(s) == n && !strings.ContainsFunc(s, func(c rune) bool { return !strings.ContainsRune("0123456789abcdef", c) })
}

// weightsNames are the names of weights that package weights reads in a folder, the best
// first.
var weightsNames = []string{
	"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
	"open_clip_model.safetensors", "open_clip_pytorch_model.bin",
}

// Weights returns the names of the files that make up the model: its weights in the best
// format that there is, and the configs and vocabularies at the top of the repository.
func (r *Repository) Weights() ([]string, error) {
	var names []string
	top := map[string]bool{}
	for _, f := range r.Files {
		top[f.Name] = !strings.Contains(f.Name, "/")
	}
	for _, name := range weightsNames {
		if !top[name] {
			continue
		}
		names = append(names, name)
		if stem, ok := strings.CutSuffix(name, ".index.json"); ok {
			ext := path.Ext(stem)
			shard := regexp.MustCompile("^" + regexp.QuoteMeta(strings.TrimSuffix(stem, ext)) + `-\d+-of-\d+` + regexp.QuoteMeta(ext) + "$")
			for _, f := range r.Files {
				if shard.MatchString(f.Name) {
					names = append(names, f.Name)
				}
			}
		}
		break
	}
	if names == nil {
		return nil, fmt.Errorf("%s has none of %s; name the file that you want", r.Name, strings.Join(weightsNames, ", "))
	}
	for _, f := range r.Files {
		ext := path.Ext(f.Name)
		if top[f.Name] && (ext == ".json" || ext == ".txt") && !strings.HasSuffix(f.Name, ".index.json") {
			names = append(names, f.Name)
		}
	}
	return names, nil
}

// Select returns the files of r with these names, or all of the model if there are none.
func (r *Repository) Select(names ...string) ([]RepositoryFile, error) {
	if len(names) == 0 {
		var err error
		if names, err = r.Weights(); err != nil {
			return nil, err
		}
	}
	var chosen []RepositoryFile
	for _, name := range names {
		i := slices.IndexFunc(r.Files, func(f RepositoryFile) bool { return f.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%s has no file %s at %s", r.Name, files.Quote(name), r.Revision)
		}
		chosen = append(chosen, r.Files[i])
	}
	return chosen, nil
}

// FetchRepository returns the files of r with these names, or those of Weights if there
// are none, in this order. It downloads what the cache lacks. The configs of the model
// come with any file.
func (h *Hub) FetchRepository(ctx context.Context, r *Repository, names ...string) ([]Found, error) {
	chosen, err := r.Select(names...)
	if err != nil {
		return nil, err
	}
	if all, err := r.Select(); err == nil && len(names) > 0 {
		for _, f := range all {
			if ext := path.Ext(f.Name); (ext == ".json" || ext == ".txt") && !slices.Contains(names, f.Name) {
				chosen = append(chosen, f)
			}
		}
	}
	var found []Found
	for _, f := range chosen {
		one, err := h.fetchBlob(ctx, r, f)
		if err != nil {
			return found, fmt.Errorf("%s: %w", r.Name, err)
		}
		found = append(found, one)
	}
	ref := filepath.Join(h.repositoryFolder(r.Name), "refs", filepath.FromSlash(r.Revision))
	if r.Revision != r.Commit {
		if err := os.MkdirAll(filepath.Dir(ref), 0o777); err != nil {
			return found, err
		}
		err = files.Write(ref, func(w io.Writer) error { _, err := io.WriteString(w, r.Commit); return err })
	}
	return found, err
}

// fetchBlob downloads a file of r into blobs and links it into the snapshot.
func (h *Hub) fetchBlob(ctx context.Context, r *Repository, f RepositoryFile) (Found, error) {
	address := h.Endpoint + "/" + r.Name + "/resolve/" + url.PathEscape(r.Commit) + "/" + (&url.URL{Path: f.Name}).EscapedPath()
	if f.blob == "" {
		if err := h.head(ctx, address, &f); err != nil {
			return Found{}, err
		}
	}
	folder := h.repositoryFolder(r.Name)
	unlock, err := h.lock(ctx, filepath.Join(filepath.Base(folder), f.blob), f.Name)
	if err != nil {
		return Found{}, err
	}
	defer unlock()
	link := filepath.Join(folder, "snapshots", r.Commit, filepath.FromSlash(f.Name))
	s := source{name: f.Name, url: address, size: f.Bytes, sum: f.sum}
	blob := filepath.Join(folder, "blobs", f.blob)
	if info, err := os.Lstat(link); err == nil && info.Mode().IsRegular() {
		blob = link // a system without links has the bytes here
	}
	found, err := h.fetch(ctx, s, blob)
	if err != nil || blob == link {
		return found, err
	}
	found.Path = link
	return found, place(blob, link)
}

// place makes link a symbolic link to blob, or a copy if the system has no links.
func place(blob, link string) error {
	if err := os.MkdirAll(filepath.Dir(link), 0o777); err != nil {
		return err
	}
	to, err := filepath.Rel(filepath.Dir(link), blob)
	if err != nil {
		return err
	}
	if old, err := os.Readlink(link); err == nil && old == to {
		return nil
	}
	if err := remove(link); err != nil {
		return err
	}
	if os.Symlink(to, link) == nil {
		return nil
	}
	return files.Write(link, func(w io.Writer) error {
		f, err := os.Open(blob)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
}

// head asks the server what the description of a repository leaves out.
func (h *Hub) head(ctx context.Context, address string, f *RepositoryFile) error {
	ctx, cancel := context.WithTimeout(ctx, h.patience())
	defer cancel()
	request, err := h.request(ctx, http.MethodHead, address)
	if err != nil {
		return err
	}
	client := h.client()
	far := client.CheckRedirect
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if !h.ours(r.URL) { // the server of the bytes knows less
			return http.ErrUseLastResponse
		}
		return far(r, via)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode >= 400 {
		return fmt.Errorf("%s: %w", f.Name, refusal(response))
	}
	tag := cmp.Or(response.Header.Get("X-Linked-Etag"), response.Header.Get("ETag"))
	tag = strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)
	if !digits(tag) {
		return fmt.Errorf("%s: the server does not say which version it has", f.Name)
	}
	f.blob = tag
	switch {
	case hexadecimal(tag, 64):
		f.sum.sha256 = tag
	case hexadecimal(tag, 40):
		f.sum.git = tag
	}
	size := response.Header.Get("X-Linked-Size")
	if size == "" && response.StatusCode == http.StatusOK {
		size = response.Header.Get("Content-Length")
	}
	fmt.Sscan(size, &f.Bytes)
	return nil
}

// get returns a small answer, after as many attempts as a download has.
func (h *Hub) get(ctx context.Context, address string) ([]byte, error) {
	for failed := 1; ; failed++ {
		text, err := h.getOnce(ctx, address)
		var no fatal
		switch {
		case err == nil:
			return text, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &no):
			return nil, no.error
		case failed >= attempts || pause(failed, err) > longest:
			return nil, err
		}
		if err := h.sleep(ctx, pause(failed, err)); err != nil {
			return nil, err
		}
	}
}

func (h *Hub) getOnce(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, h.patience())
	defer cancel()
	request, err := h.request(ctx, http.MethodGet, address)
	if err != nil {
		return nil, fatal{err}
	}
	response, err := h.client().Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, refusal(response)
	}
	const most = 32 << 20
	text, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err == nil && len(text) > most {
		err = fatal{fmt.Errorf("the answer has more than %d bytes", most)}
	}
	return text, err
}
