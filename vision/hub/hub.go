// Package hub finds the published weights of models in the caches that other programs
// share, and downloads what is not there.
//
// FromEnvironment returns a Hub with the caches and the server that the environment
// names. Fetch returns the path of a file of the registry of package zoo, Repository and
// FetchRepository those of a repository on Hugging Face. Find and FindRepository look
// into the caches alone. The paths are what zoo.Options takes as Weights.
//
// A download goes on where it was cut, is compared with the published hash, and gets its
// name only when it is whole. The caches are Hugging Face's, with folders blobs,
// snapshots and refs for each repository, and torch hub's folder of checkpoints.
package hub

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Hub is the caches on this machine and the servers behind them. Goroutines and
// processes may share its folders.
type Hub struct {
	Folder      string // Hugging Face's cache, usually ~/.cache/huggingface/hub
	Checkpoints string // torch hub's, usually ~/.cache/torch/hub/checkpoints

	Endpoint string // of Hugging Face or a mirror
	Token    string // sent to the Endpoint and to no other host; may be empty
	From     string // if not empty, the address of a folder that has the registry's files

	Client *http.Client // nil means http.DefaultClient

	// Progress, if not nil, is told of each part that arrives, and of each wait.
	Progress func(Progress)

	// Patience is how long a server may send nothing. Zero means 30 seconds.
	Patience time.Duration

	wait func(context.Context, time.Duration) error // nil means to sleep
}

// Progress says how far a file is.
type Progress struct {
	Name        string // of the file
	Done, Total int64  // bytes; Total is -1 if it is unknown
	State       State
	Why         error         // of Waiting: what went wrong
	Wait        time.Duration // of Waiting: how long
}

// State is what is done with a file.
type State uint8

// The states of a file.
const (
	Receiving State = iota
	Checking        // the hash is computed
	Waiting         // before another attempt
	Locked          // another process fetches the same file
)

// FromEnvironment returns a Hub with the folders and the server that Hugging Face's and
// torch's programs use: those of HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN,
// HF_TOKEN_PATH, TORCH_HOME and XDG_CACHE_HOME, or their defaults in the home folder.
func FromEnvironment() (*Hub, error) { return fromEnvironment(os.Getenv, os.UserHomeDir) }

func fromEnvironment(env func(string) string, home func() (string, error)) (*Hub, error) {
	cache := env("XDG_CACHE_HOME")
	if cache == "" {
		dir, err := home()
		if err != nil {
			return nil, fmt.Errorf("hub: no folder for downloads: %w; set HF_HOME and TORCH_HOME", err)
		}
		cache = filepath.Join(dir, ".cache")
	}
	or := func(name, usual string) string {
		if v := env(name); v != "" {
			return expand(v, home)
		}
		return usual
	}
	face := or("HF_HOME", filepath.Join(cache, "huggingface"))
	h := &Hub{
		Folder:      or("HF_HUB_CACHE", or("HUGGINGFACE_HUB_CACHE", filepath.Join(face, "hub"))),
		Checkpoints: filepath.Join(or("TORCH_HOME", filepath.Join(cache, "torch")), "hub", "checkpoints"),
		Endpoint:    strings.TrimRight(or("HF_ENDPOINT", "https://huggingface.co"), "/"),
		Token:       env("HF_TOKEN"),
	}
	if h.Token == "" {
		if text, err := os.ReadFile(or("HF_TOKEN_PATH", filepath.Join(face, "token"))); err == nil {
			h.Token = strings.TrimSpace(string(text))
		}
	}
	if u, err := url.Parse(h.Endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("hub: HF_ENDPOINT %q is no address such as https://huggingface.co", h.Endpoint)
	}
	return h, nil
}

// expand replaces a leading ~ by the home folder, as the other programs do.
func expand(path string, home func() (string, error)) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
		if dir, err := home(); err == nil {
			return filepath.Join(dir, rest)
		}
	}
	return path
}

func (h *Hub) tell(p Progress) {
	if h.Progress != nil {
		h.Progress(p)
	}
}

// sleep waits for d or until ctx ends.
func (h *Hub) sleep(ctx context.Context, d time.Duration) error {
	if h.wait != nil {
		return h.wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
