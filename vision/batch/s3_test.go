package batch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/vertebra/vertebra/vision/batch/store"
)

// TestS3 runs a job whose pictures and results are in S3.
func TestS3(t *testing.T) {
	backend := s3mem.New()
	if err := backend.CreateBucket("box"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	places := &store.Places{S3: store.S3{Endpoint: server.URL, Region: "us-east-1"}}
	in, err := places.Store("s3://box/in")
	if err != nil {
		t.Fatal(err)
	}
	ctx, dir, m := context.Background(), sources(t), open(t, "lenet")
	for _, name := range []string{"photos/a/0.png", "photos/a/broken.jpg", "photos/b/1.png", "shard.tar", "shard.zip"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Create(ctx, name, func(w io.Writer) error {
			_, err := w.Write(b)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := places.Store("s3://box/out")
	if err != nil {
		t.Fatal(err)
	}
	j := begin(t, m, Options{Out: out, Places: places, Sources: []string{"s3://box/in/photos", "s3://box/in/shard.*"}, Unit: 4, Spec: Spec{Task: Classify, Top: 1}}, 0, 1, 2)
	if missing, err := j.Missing(ctx); err != nil || len(missing) > 0 {
		t.Errorf("%v are missing, %v", missing, err)
	}
	var bad, got []string
	for n := range 3 {
		for _, r := range rowsOf[classRow](t, j, n) {
			if got = append(got, r.Path); r.Error != "" {
				bad = append(bad, r.Path)
			}
		}
	}
	if len(got) != 9 || got[3] != "s3://box/in/shard.tar/000006.png" || !slices.Equal(bad, []string{"s3://box/in/photos/a/broken.jpg"}) {
		t.Errorf("%q, %q without a result", got, bad)
	}
}

// TestS3Fails reads pictures from a provider that refuses, fails or breaks off. None of it
// is the picture's fault.
func TestS3Fails(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for _, path := range []string{"refused", "half", "cut"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			head := r.Method == http.MethodHead
			if path == "refused" || path == "half" && !head {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			w.Header().Set("Content-Length", "1000")
			w.Header().Set("ETag", `"tag"`)
			w.Header().Set("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
			if !head {
				w.Write(make([]byte, 10))
			}
		}))
		places := &store.Places{S3: store.S3{Endpoint: server.URL, Region: "us-east-1"}}
		_, err := content(context.Background(), places, "", Item{Path: "s3://box/" + path, Size: 1000})
		var place *PlaceError
		if !errors.As(err, &place) || !strings.HasPrefix(err.Error(), "s3://box/"+path+": ") {
			t.Errorf("%s: %v", path, err)
		}
		server.Close()
	}
}
