package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// s3 serves an empty bucket, "box", and returns its places.
func s3(t *testing.T) *Places {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("box"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	return &Places{S3: S3{Endpoint: server.URL, Region: "us-east-1"}}
}

// TestBucket does with a bucket what TestFolder does with a folder.
func TestBucket(t *testing.T) {
	p, ctx := s3(t), context.Background()
	s, err := p.Store("s3://box/out/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(ctx, "x"); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "s3://box/out/x: ") {
		t.Error(err)
	}
	broken := errors.New("broken")
	if made, err := s.Create(ctx, "x", func(io.Writer) error { return broken }); made || !errors.Is(err, broken) {
		t.Errorf("%v, %v", made, err)
	}
	// All writers see that there is no file before the first puts it.
	var group, ready sync.WaitGroup
	won := make(chan string, 8)
	ready.Add(cap(won))
	for i := range cap(won) {
		name := string(rune('a' + i))
		group.Go(func() {
			made, err := s.Create(ctx, "x", func(w io.Writer) error {
				ready.Done()
				ready.Wait()
				_, err := io.WriteString(w, name)
				return err
			})
			if err != nil {
				t.Error(err)
			}
			if made {
				won <- name
			}
		})
	}
	group.Wait()
	close(won)
	first := <-won
	if got := all(t, s, "x"); got != first || len(won) > 0 {
		t.Errorf("the file is %q, and %q was the first of %d", got, first, len(won)+1)
	}
	long := strings.Repeat("0123456789", 250_000)
	for name, content := range map[string]string{"deep/y": long, "y": "abc"} {
		if made, err := s.Create(ctx, name, text(content)); !made || err != nil || all(t, s, name) != content {
			t.Errorf("%v, %v", made, err)
		}
	}
	f, err := p.Open(ctx, "s3://box/out/deep/y")
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 25)
	if n, err := f.ReadAt(part, 2_499_985); n != 15 || !errors.Is(err, io.EOF) || string(part[:15]) != "567890123456789" {
		t.Errorf("%d, %v, %q", n, err, part)
	}
	var listed []string
	for e, err := range s.List(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, e.Path)
	}
	if !slices.Equal(listed, []string{"x", "y"}) {
		t.Errorf("%q", listed)
	}
}

// TestPlaces lists and describes files in S3.
func TestPlaces(t *testing.T) {
	p, ctx := s3(t), context.Background()
	s, err := p.Store("s3://box")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"in/a/1.png", "in/b/2.png", "in/b/3.tar", "inside"} {
		if made, err := s.Create(ctx, name, text("abc")); !made || err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		"s3://box/in": "folder", "s3://box/in/": "folder", "s3://box": "folder", "s3://box/in/b/3.tar": "file", "s3://box/i": "", "s3://none/x": "", "s3:///x": "",
	} {
		e, folder, err := p.Stat(ctx, path)
		got := ""
		switch {
		case err == nil && folder:
			got = "folder"
		case err == nil && e.Size == 3 && e.Path == path && !e.Time.IsZero():
			got = "file"
		}
		if got != want {
			t.Errorf("%s: %+v, %v, %v", path, e, folder, err)
		}
	}
	for _, c := range []struct {
		pattern bool
		path    string
		want    []string
	}{
		{false, "s3://box/in", []string{"s3://box/in/a/1.png", "s3://box/in/b/2.png", "s3://box/in/b/3.tar"}},
		{true, "s3://box/in/*/*.png", []string{"s3://box/in/a/1.png", "s3://box/in/b/2.png"}},
		{true, "s3://box/*.png", nil},
	} {
		list := p.Below
		if c.pattern {
			list = p.Match
		}
		var got []string
		for e, err := range list(ctx, c.path) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Path)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.path, got)
		}
	}
	for _, wrong := range []string{"ftp://x", "nowhere"} {
		if _, err := (&Places{S3: S3{Endpoint: wrong}}).Store("s3://box"); err == nil || !strings.Contains(err.Error(), "want a URL") {
			t.Error(err)
		}
	}
}
