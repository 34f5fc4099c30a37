package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/vertebra/vertebra/internal/files"
)

// source is a file on a server.
type source struct {
	name, url string
	size      int64 // -1 if it is unknown
	sum       checksum
}

// attempts is how often in succession a server may fail without sending a byte.
const attempts = 6

// longest is how long a server may ask to wait.
const longest = 5 * time.Minute

// unfinished is the end of the name of a file that is not whole yet. Hugging Face's
// programs use the same, and go on with what is there.
const unfinished = ".incomplete"

// validator says which bytes an unfinished file has the beginning of. It is kept beside
// the file.
type validator struct {
	URL  string `json:"url"`
	ETag string `json:"etag"` // or Last-Modified
}

// fatal is an error that another attempt cannot mend.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }

// later is an error after which the server asks to wait.
type later struct {
	error
	wait time.Duration
}

// download fetches s to dest, which exists afterwards only if it is whole and right. The
// caller holds the lock of dest.
func (h *Hub) download(ctx context.Context, s source, dest string) error {
	if err := os.MkdirAll(filepath.Dir(dest), 0o777); err != nil {
		return err
	}
	part := dest + unfinished
	resumed := sizeOf(part) > 0
	for {
		if err := h.receive(ctx, s, part); err != nil {
			return fmt.Errorf("%s: %w", s.url, err)
		}
		err := h.check(ctx, s, part)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if bad := discard(part); bad != nil {
			return bad
		}
		if !resumed {
			return fmt.Errorf("%s: %w", s.url, err)
		}
		resumed = false // the old beginning may be another file's: once more from the first byte
	}
	return errors.Join(finish(part, dest), remove(part+".json"))
}

// check compares the file at path with what is known of s.
func (h *Hub) check(ctx context.Context, s source, path string) error {
	if n := sizeOf(path); s.size >= 0 && n != s.size {
		return fmt.Errorf("%d bytes, want %d", n, s.size)
	}
	if !s.sum.known() {
		return nil
	}
	total := sizeOf(path)
	got, err := s.sum.sum(ctx, path, func(done int64) {
		h.tell(Progress{Name: s.name, Done: done, Total: total, State: Checking})
	})
	if err != nil {
		return err
	}
	return s.sum.fits(got)
}

// receive makes attempts until all bytes of s are in the file at path.
func (h *Hub) receive(ctx context.Context, s source, path string) error {
	for failed := 0; ; {
		before := sizeOf(path)
		err := h.attempt(ctx, s, path)
		var no fatal
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &no):
			return no.error
		}
		if failed++; sizeOf(path) > before {
			failed = 1
		}
		if failed >= attempts {
			return fmt.Errorf("%w; %d attempts failed, and the next call goes on at byte %d", err, failed, sizeOf(path))
		}
		wait := pause(failed, err)
		if wait > longest {
			return fmt.Errorf("%w; the server asks to come back in %v", err, wait)
		}
		h.tell(Progress{Name: s.name, Done: sizeOf(path), Total: s.size, State: Waiting, Why: err, Wait: wait})
		if err := h.sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// pause returns how long to wait after so many failures in succession.
func pause(failed int, err error) time.Duration {
	wait := time.Second << (failed - 1)
	var ask later
	if errors.As(err, &ask) {
		wait = max(wait, ask.wait)
	}
	return wait
}

// attempt asks for the bytes of s that the file at path lacks, and appends them.
func (h *Hub) attempt(ctx context.Context, s source, path string) error {
	have, tag := sizeOf(path), ""
	if have > 0 {
		if tag = validatorOf(path, s.url); tag == "" && !s.sum.known() || s.size >= 0 && have > s.size {
			if err := discard(path); err != nil {
				return fatal{err}
			}
			have = 0
		}
	}
	if have > 0 && have == s.size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := h.request(ctx, http.MethodGet, s.url)
	if err != nil {
		return fatal{err}
	}
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		if tag != "" {
			request.Header.Set("If-Range", tag)
		}
	}
	watch := time.AfterFunc(h.patience(), func() { cancel(errors.New("the server sends nothing")) })
	defer watch.Stop()
	response, err := h.client().Do(request)
	if err != nil {
		return cause(ctx, err)
	}
	defer response.Body.Close()
	have, done, err := begin(response, s, path, have, tag)
	if err != nil || done {
		return err
	}
	total := s.size
	if total < 0 && response.ContentLength >= 0 {
		total = have + response.ContentLength
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return fatal{err}
	}
	body := &reader{ctx: ctx, r: response.Body, done: have, tell: func(done int64) {
		watch.Reset(h.patience())
		h.tell(Progress{Name: s.name, Done: done, Total: total})
	}}
	var from io.Reader = body
	if total >= 0 {
		from = io.LimitReader(body, total-have+1)
	}
	into := &onDisk{f: f}
	_, err = io.Copy(into, from)
	err = errors.Join(err, f.Close())
	switch n := sizeOf(path); {
	case into.err != nil:
		return fatal{into.err}
	case err != nil:
		return cause(ctx, err)
	case total >= 0 && n > total:
		return fatal{errors.Join(fmt.Errorf("the server sends more than %d bytes", total), discard(path))}
	case total >= 0 && n < total:
		return fmt.Errorf("%d of %d bytes: %w", n, total, io.ErrUnexpectedEOF)
	case total < 0 && !s.sum.known():
		return fatal{errors.Join(errors.New("the server does not say how long the file is, and no hash is published: it cannot be checked"), discard(path))}
	}
	return nil
}

// cause returns why ctx was cancelled, if that is why err happened.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil && ctx.Err() != nil {
		return c
	}
	return err
}

// onDisk keeps the error of a write, which another attempt cannot mend.
type onDisk struct {
	f   *os.File
	err error
}

func (d *onDisk) Write(b []byte) (int, error) {
	n, err := d.f.Write(b)
	d.err = errors.Join(d.err, err)
	return n, err
}

// finish gives the file at part its name, once its bytes are on the disk.
func finish(part, dest string) error {
	f, err := os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(part, dest)
}

// discard removes an unfinished file and what is kept beside it.
func discard(part string) error { return errors.Join(remove(part), remove(part+".json")) }

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return files.Named(path, err)
	}
	return nil
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
