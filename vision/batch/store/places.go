package store

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"

	"github.com/vertebra/vertebra/internal/files"
)

// Places are where paths lead: to the disk, or to S3 if they begin with s3://. The zero
// value is ready. Goroutines may share it.
type Places struct {
	S3 S3

	once   sync.Once
	client *minio.Core
	fault  error
}

// bucket returns the bucket of a path in S3, and the key.
func (p *Places) bucket(at string) (b *bucket, key string, err error) {
	name, key, err := split(at)
	if err != nil {
		return nil, "", err
	}
	p.once.Do(func() { p.client, p.fault = p.S3.client() })
	if p.fault != nil {
		return nil, "", p.fault
	}
	return &bucket{client: p.client, path: scheme + name + "/", name: name}, key, nil
}

// Store returns the store at a path.
func (p *Places) Store(path string) (Store, error) {
	switch {
	case path == "":
		return nil, errors.New("the path of a store is empty")
	case !IsS3(path):
		return Folder(path), nil
	}
	b, key, err := p.bucket(path)
	if err != nil {
		return nil, err
	}
	if key = strings.Trim(key, "/"); key != "" {
		b.prefix = key + "/"
		b.path += b.prefix
	}
	return b, nil
}

// Open opens a file. The caller closes it.
func (p *Places) Open(ctx context.Context, path string) (*File, error) {
	if !IsS3(path) {
		return open(path)
	}
	b, key, err := p.bucket(path)
	if err != nil {
		return nil, err
	}
	return b.Open(ctx, key)
}

// Stat describes a file or a folder.
func (p *Places) Stat(ctx context.Context, path string) (e Entry, folder bool, err error) {
	if !IsS3(path) {
		info, err := os.Stat(path)
		if err != nil {
			return e, false, files.Named(path, err)
		}
		return Entry{path, info.Size(), info.ModTime()}, info.IsDir(), nil
	}
	b, key, err := p.bucket(path)
	if err != nil {
		return e, false, err
	}
	if key != "" && !strings.HasSuffix(key, "/") {
		info, err := b.stat(ctx, key)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return Entry{path, info.Size, info.LastModified}, false, err
		}
		key += "/"
	}
	for _, err := range b.below(ctx, key, true) {
		return Entry{Path: path}, true, err
	}
	return e, false, files.Named(path, fs.ErrNotExist)
}

// Below yields the files of S3 below a folder, by their paths.
func (p *Places) Below(ctx context.Context, folder string) iter.Seq2[Entry, error] {
	return p.remote(folder, func(b *bucket, key string) iter.Seq2[Entry, error] {
		if key != "" && !strings.HasSuffix(key, "/") {
			key += "/"
		}
		return b.below(ctx, key, true)
	})
}

// Match yields the files that match a pattern, and folders of the disk.
func (p *Places) Match(ctx context.Context, pattern string) iter.Seq2[Entry, error] {
	if IsS3(pattern) {
		return p.remote(pattern, func(b *bucket, key string) iter.Seq2[Entry, error] { return b.glob(ctx, key) })
	}
	return func(yield func(Entry, error) bool) {
		found, err := filepath.Glob(pattern)
		if err != nil {
			yield(Entry{}, files.Named(pattern, err))
			return
		}
		for _, f := range found {
			if !yield(Entry{Path: f}, nil) {
				return
			}
		}
	}
}

// remote yields what lists in a bucket, with whole paths.
func (p *Places) remote(path string, list func(*bucket, string) iter.Seq2[Entry, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		b, key, err := p.bucket(path)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for e, err := range list(b, key) {
			e.Path = b.path + e.Path
			if !yield(e, err) {
				return
			}
		}
	}
}
