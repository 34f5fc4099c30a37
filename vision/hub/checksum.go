package hub

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
)

// checksum is what is known of a file's bytes. Empty fields are unknown.
type checksum struct {
	sha256, md5 string // in hexadecimal, or the beginning
	git         string // SHA-1 of the file as git or plain
}

func (c checksum) known() bool { return c != checksum{} }

// String says what was compared.
func (c checksum) String() string {
	switch {
	case c.sha256 != "":
		return described("SHA-256", c.sha256, 64)
	case c.md5 != "":
		return described("MD5", c.md5, 32)
	case c.git != "":
		return "SHA-1"
	}
	return "no published hash"
}

func described(name, hash string, whole int) string {
	if len(hash) < whole {
		return fmt.Sprintf("the first %d digits of its %s, which are all that is published", len(hash), name)
	}
	return name
}

// sum computes the hashes that c knows of the file at path.
func (c checksum) sum(ctx context.Context, path string, tell func(done int64)) (checksum, error) {
	f, err := os.Open(path)
	if err != nil {
		return checksum{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return checksum{}, err
	}
	s256, m5, plain, git := sha256.New(), md5.New(), sha1.New(), sha1.New()
	var to []io.Writer
	for _, k := range []struct {
		want string
		h    []hash.Hash
	}{{c.sha256, []hash.Hash{s256}}, {c.md5, []hash.Hash{m5}}, {c.git, []hash.Hash{plain, git}}} {
		if k.want == "" {
			continue
		}
		for _, h := range k.h {
			to = append(to, h)
		}
	}
	fmt.Fprintf(git, "blob %d\x00", info.Size())
	if _, err := io.Copy(io.MultiWriter(to...), &reader{ctx: ctx, r: f, tell: tell}); err != nil {
		return checksum{}, err
	}
	text := func(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
	got := checksum{sha256: text(s256), md5: text(m5), git: text(git)}
	if text(plain) == strings.ToLower(c.git) {
		got.git = text(plain)
	}
	return got, nil
}

// fits returns an error if got differs from what c knows.
func (c checksum) fits(got checksum) error {
	for _, k := range []struct{ name, want, have string }{
		{"SHA-256", c.sha256, got.sha256}, {"MD5", c.md5, got.md5}, {"SHA-1", c.git, got.git},
	} {
		if !strings.HasPrefix(k.have, strings.ToLower(k.want)) {
			return fmt.Errorf("its %s is %s, want %s: the bytes are not those that were published", k.name, k.have[:min(len(k.have), max(len(k.want), 8))], k.want)
		}
	}
	return nil
}

// reader reads until ctx ends, and tells how much it has read.
type reader struct {
	ctx  context.Context
	r    io.Reader
	done int64
	tell func(int64)
}

func (r *reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(b)
	if r.done += int64(n); r.tell != nil {
		r.tell(r.done)
	}
	return n, err
}
