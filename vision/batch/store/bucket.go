package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/vertebra/vertebra/internal/files"
)

// S3 says how buckets are reached. The credentials are found as other programs find them:
// in the environment, in ~/.aws, or from the computer's role. The zero value is Amazon's.
type S3 struct {
	Endpoint string // URL of another provider, such as http://localhost:9000
	Region   string // empty means that the provider is asked
}

// scheme begins paths in S3.
const scheme = "s3://"

// IsS3 reports whether a path leads to S3.
func IsS3(path string) bool { return strings.HasPrefix(path, scheme) }

// client connects to the provider. It sends nothing.
func (s S3) client() (*minio.Core, error) {
	at, secure := cmp.Or(s.Endpoint, "https://s3.amazonaws.com"), true
	u, err := url.Parse(at)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("S3: endpoint %q, want a URL such as https://s3.example.com", at)
	}
	secure = u.Scheme == "https"
	chain := credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{Client: &http.Client{Timeout: 10 * time.Second}},
	})
	return minio.NewCore(u.Host, &minio.Options{Creds: chain, Secure: secure, Region: s.Region})
}

// split returns the bucket and the key of a path in S3.
func split(at string) (bucket, key string, err error) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(at, scheme), "/")
	if bucket == "" {
		return "", "", fmt.Errorf("%s: no bucket, want s3://BUCKET/KEY", files.Quote(at))
	}
	return bucket, key, nil
}

// bucket is a store below a prefix in a bucket. A conditional put gives a file its name
// only if no other has it.
type bucket struct {
	client *minio.Core
	path   string // for errors: s3://name/prefix
	name   string
	prefix string // empty, or ends with a slash
}

// Create implements Store. The file is in memory until it is sent.
func (b *bucket) Create(ctx context.Context, name string, write func(io.Writer) error) (made bool, err error) {
	if _, err := b.stat(ctx, name); err == nil {
		return false, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	var file bytes.Buffer
	if err := write(&file); err != nil {
		return false, err
	}
	o := minio.PutObjectOptions{DisableMultipart: true}
	o.SetMatchETagExcept("*")
	const tries = 5
	for try := 1; ; try++ {
		_, err = b.client.Client.PutObject(ctx, b.name, b.prefix+name, bytes.NewReader(file.Bytes()), int64(file.Len()), o)
		switch minio.ToErrorResponse(err).StatusCode {
		case http.StatusPreconditionFailed:
			return false, nil
		case http.StatusConflict: // another put is under way, which may fail
			if try < tries {
				continue
			}
		}
		return err == nil, b.named(name, err)
	}
}

func (b *bucket) stat(ctx context.Context, name string) (minio.ObjectInfo, error) {
	info, err := b.client.StatObject(ctx, b.name, b.prefix+name, minio.StatObjectOptions{})
	return info, b.named(name, err)
}

// Open implements Store.
func (b *bucket) Open(ctx context.Context, name string) (*File, error) {
	info, err := b.stat(ctx, name)
	if err != nil {
		return nil, err
	}
	r := &object{bucket: b, ctx: ctx, name: name, size: info.Size, tag: info.ETag}
	return &File{r, Entry{name, info.Size, info.LastModified}, func() error { return nil }}, nil
}

// List implements Store.
func (b *bucket) List(ctx context.Context) iter.Seq2[Entry, error] {
	return b.below(ctx, b.prefix, false)
}

// below lists the files whose keys begin with a prefix. Without deep, keys with a slash
// after the store's prefix are left out.
func (b *bucket) below(ctx context.Context, prefix string, deep bool) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		for o := range b.client.Client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: prefix, Recursive: deep}) {
			if o.Err != nil {
				yield(Entry{}, b.named("", o.Err))
				return
			}
			if strings.HasSuffix(o.Key, "/") {
				continue // a folder
			}
			if !yield(Entry{strings.TrimPrefix(o.Key, b.prefix), o.Size, o.LastModified}, nil) {
				return
			}
		}
	}
}

// named adds the path to an error. A file that is not there has the error of one on the
// disk. A refusal has not: keys that have expired are refused everything.
func (b *bucket) named(name string, err error) error {
	if err == nil {
		return nil
	}
	switch r := minio.ToErrorResponse(err); {
	case r.StatusCode == http.StatusNotFound && r.Code != "NoSuchBucket":
		err = fs.ErrNotExist
	case r.StatusCode == http.StatusForbidden:
		err = fmt.Errorf("permission denied: %s", cmp.Or(r.Message, r.Code))
	}
	return files.Named(b.path+name, err)
}

// object reads a file in S3 by blocks, of which it keeps the last.
type object struct {
	*bucket
	ctx  context.Context
	name string
	size int64
	tag  string

	mu    sync.Mutex
	at    int64 // of the block
	block []byte
}

// ahead is the least that is read at once.
const ahead = 1 << 20

// ReadAt implements io.ReaderAt.
func (o *object) ReadAt(to []byte, at int64) (int, error) {
	if at < 0 || at >= o.size {
		return 0, io.EOF
	}
	want := min(int64(len(to)), o.size-at)
	o.mu.Lock()
	defer o.mu.Unlock()
	if at < o.at || at+want > o.at+int64(len(o.block)) {
		if err := o.fetch(at, min(max(want, ahead), o.size-at)); err != nil {
			return 0, err
		}
	}
	n := copy(to, o.block[at-o.at:])
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}

// fetch reads a block. It is an error if the file is not the one that was opened.
func (o *object) fetch(at, length int64) error {
	get := minio.GetObjectOptions{}
	if err := errors.Join(get.SetRange(at, at+length-1), get.SetMatchETag(o.tag)); err != nil {
		return err
	}
	r, _, _, err := o.client.GetObject(o.ctx, o.bucket.name, o.prefix+o.name, get)
	if err != nil {
		return o.named(o.name, err)
	}
	defer r.Close()
	block := make([]byte, length)
	if n, err := io.ReadFull(r, block); err != nil {
		// io.ErrUnexpectedEOF would say that the file itself ends too early.
		return o.named(o.name, fmt.Errorf("%d of %d bytes came: %v", n, length, err))
	}
	o.at, o.block = at, block
	return nil
}

// glob lists the files of S3 that match a pattern, by their paths.
func (b *bucket) glob(ctx context.Context, pattern string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if _, err := path.Match(pattern, ""); err != nil {
			yield(Entry{}, files.Named(scheme+b.name+"/"+pattern, err))
			return
		}
		for e, err := range b.below(ctx, pattern[:strings.IndexAny(pattern, "*?[")], true) {
			if ok, _ := path.Match(pattern, e.Path); err == nil && !ok {
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
