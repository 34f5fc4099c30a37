package index

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// clip opens a CLIP with random weights. Beside it lies a vocabulary of all bytes and
// one merge.
func clip(t *testing.T, seed uint64, batch int) *vision.Model {
	t.Helper()
	net := models.NewCLIP(models.CLIPConfig{
		Embedding: 12, Size: 8, Width: 64, Patch: 4, Layers: 1, Context: 8, Vocabulary: 515, TextWidth: 64, TextLayers: 1,
	})
	weights.Random(net, seed)
	var all []*tensor.Tensor
	weights.Walk(net, func(_ string, w *tensor.Tensor) { all = append(all, w) })
	dir := t.TempDir()
	path := filepath.Join(dir, "clip.safetensors")
	if err := weights.WriteSafetensors(path, nil, all...); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bpe_simple_vocab_16e6.txt"), []byte("#\na b</w>\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := vision.Open(path, vision.Options{Device: "cpu", Batch: batch, CLIP: zoo.CLIPOptions{Heads: 1, Activation: "quickgelu"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// put writes a picture that differs from those of other sizes.
func put(t *testing.T, path string, width, height int) {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, color.NRGBA{uint8(x * 37), uint8(y*91 + x), uint8(x * y), 255})
		}
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(f, m), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// photos makes a folder of n pictures.
func photos(t *testing.T, n int) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "photos")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		put(t, filepath.Join(folder, fmt.Sprintf("%d.png", i)), 8+i, 9)
	}
	return folder
}

func open(t *testing.T, m *vision.Model, folder string) *Index {
	t.Helper()
	x, err := Open(m, folder, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// update brings x up to date. It lists the pictures that were embedded and those that
// were left out.
func update(t *testing.T, x *Index) (embedded, left []string) {
	t.Helper()
	for s, err := range x.Update(context.Background()) {
		var bad *vision.InputError
		switch {
		case errors.As(err, &bad):
			left = append(left, bad.Name)
		case err != nil:
			t.Fatal(err)
		case !s.Waiting:
			embedded = append(embedded, filepath.Base(s.File))
		}
		if err == nil && s.Done != len(embedded)+len(left) && !s.Waiting {
			t.Errorf("%+v after %d", s, len(embedded)+len(left))
		}
	}
	return embedded, left
}

// TestUpdate follows a folder: pictures come, change and go, and are unreadable.
func TestUpdate(t *testing.T) {
	m, folder := clip(t, 1, 2), photos(t, 3)
	x := open(t, m, folder)
	if hits, err := x.Search(context.Background(), "ab", 5); err != nil || len(hits) != 0 {
		t.Errorf("before Update: %v, %v", hits, err)
	}
	check := func(what string, want ...string) {
		t.Helper()
		embedded, left := update(t, x)
		if got := append(embedded, left...); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
		files, err := filepath.Glob(filepath.Join(folder, "*.png"))
		if err != nil || x.Len() != len(files) {
			t.Errorf("%s: %d pictures, want %d; %v", what, x.Len(), len(files), err)
		}
		again, err := Open(m, folder, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if !slices.Equal(again.names, x.names) {
			t.Errorf("%s: opened again it has %v, want %v", what, again.names, x.names)
		}
	}
	check("first", "0.png", "1.png", "2.png")
	check("nothing has changed")
	put(t, filepath.Join(folder, "1.png"), 31, 8)
	if err := os.Remove(filepath.Join(folder, "0.png")); err != nil {
		t.Fatal(err)
	}
	check("one has changed, one has gone", "1.png")
	bad := filepath.Join(folder, "bad.jpg")
	if err := os.WriteFile(bad, []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	check("one is no picture", bad)
	check("it is known to be none")
	size := func() int64 {
		info, err := os.Stat(x.Path())
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	before := size()
	for i := range 12 { // most records no longer count: the index is rewritten
		put(t, filepath.Join(folder, "1.png"), 10+i, 8)
		check("it changes again", "1.png")
	}
	if size() > 2*before {
		t.Errorf("the index has grown to %d bytes, from %d", size(), before)
	}
	for _, name := range []string{"1.png", "2.png", "bad.jpg"} {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range x.Update(context.Background()) {
		if err == nil || !strings.Contains(err.Error(), "no picture in this folder") {
			t.Errorf("an empty folder: %v", err)
		}
	}
	if x.Len() != 2 {
		t.Errorf("an empty folder leaves %d pictures, want 2", x.Len())
	}
}

// TestNearest compares the order and the cosines with the embeddings.
func TestNearest(t *testing.T) {
	ctx := context.Background()
	m, folder := clip(t, 1, 1), photos(t, 7)
	x := open(t, m, folder)
	update(t, x)
	all, err := x.Search(ctx, "ab", 100)
	if err != nil || len(all) != 7 {
		t.Fatalf("%v, %v", all, err)
	}
	for i, h := range all {
		if i > 0 && h.Cosine > all[i-1].Cosine {
			t.Errorf("not in order: %v", all)
		}
		for r, err := range m.Match(ctx, []string{"ab"}, vision.File(h.File)) {
			if err != nil {
				t.Fatal(err)
			}
			if d := r.Texts[0].Cosine - float64(h.Cosine); d > 1e-5 || d < -1e-5 {
				t.Errorf("%s: search says %v, match %v", h.File, h.Cosine, r.Texts[0].Cosine)
			}
		}
	}
	picture := filepath.Join(folder, "3.png")
	for e, err := range m.EmbedPictures(ctx, vision.File(picture)) {
		if err != nil {
			t.Fatal(err)
		}
		hits, err := x.Nearest(e.Vector, 2)
		if err != nil || len(hits) != 2 || hits[0].File != picture || hits[0].Cosine < 0.9999 {
			t.Errorf("nearest to itself are %v, %v", hits, err)
		}
	}
	for _, bad := range [][]float32{nil, make([]float32, 12), {1, 2, 3}} {
		if _, err := x.Nearest(bad, 1); err == nil {
			t.Errorf("Nearest accepts %v", bad)
		}
	}
	if _, err := x.Search(ctx, "ab", 0); err == nil {
		t.Error("Search accepts a count of 0")
	}
	if _, err := x.Search(ctx, " ", 1); err == nil {
		t.Error("Search accepts an empty query")
	}
}

// TestStopped breaks an update off after each picture, and ends its context. Finished
// pictures stay in the index, and the next update does the rest.
func TestStopped(t *testing.T) {
	m, folder := clip(t, 1, 1), photos(t, 5)
	x := open(t, m, folder)
	for i := range 4 {
		for range x.Update(context.Background()) {
			break
		}
		if x.Len() != i+1 {
			t.Fatalf("%d pictures after %d steps", x.Len(), i+1)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var last error
	for _, err := range x.Update(ctx) {
		last = err
	}
	if !errors.Is(last, context.Canceled) || x.Len() != 4 {
		t.Errorf("interrupted: %v, %d pictures", last, x.Len())
	}
	if embedded, _ := update(t, x); !slices.Equal(embedded, []string{"4.png"}) {
		t.Errorf("the rest is %v", embedded)
	}
}

// TestAtOnce updates a new index from several goroutines and searches meanwhile. All
// must give the same answer, and the index must hold each picture once.
func TestAtOnce(t *testing.T) {
	m, folder := clip(t, 1, 1), photos(t, 12)
	answers := make([]string, 4)
	var all sync.WaitGroup
	for i := range answers {
		x := open(t, m, folder)
		done := make(chan struct{})
		all.Go(func() {
			defer close(done)
			update(t, x)
			hits, err := x.Search(context.Background(), "ab", 20)
			if err != nil {
				t.Error(err)
			}
			answers[i] = fmt.Sprint(x.Len(), hits)
		})
		all.Go(func() {
			for {
				if hits, err := x.Nearest([]float32{12: 0}[:12:12], 1); err == nil {
					t.Errorf("nothing is near to %v", hits)
				}
				if _, err := x.Nearest([]float32{11: 1}, 20); err != nil {
					t.Error(err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	all.Wait()
	for i, a := range answers {
		if !strings.HasPrefix(a, "12 ") || a != answers[0] {
			t.Errorf("%d says %s, 0 says %s", i, a, answers[0])
		}
	}
	whole, err := os.ReadFile(folder + ".vertebra")
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	f := &file{width: 12}
	for at := int64(headSize); at < int64(len(whole)); records++ {
		_, r, ok := f.parse(whole[at:])
		if !ok {
			t.Fatalf("after %d records: a broken one", records)
		}
		at += r.length
	}
	if records != 12 {
		t.Errorf("%d records, want 12", records)
	}
	if left, err := filepath.Glob(folder + ".vertebra?*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestWaits lets an update wait for another process, and be interrupted.
func TestWaits(t *testing.T) {
	folder := photos(t, 1)
	x := open(t, clip(t, 1, 1), folder)
	unlock, err := lockIndex(context.Background(), x.Path(), func() { t.Error("nobody has locked it") })
	if err != nil {
		t.Fatal(err)
	}
	for s, err := range x.Update(context.Background()) {
		if !s.Waiting || err != nil {
			t.Errorf("%+v, %v", s, err)
		}
		break
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	for s, err := range x.Update(ctx) {
		if s.Waiting {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("interrupted: %v", last)
	}
	var steps []Step
	for s, err := range x.Update(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if steps = append(steps, s); s.Waiting {
			// Another process has found a picture meanwhile.
			put(t, filepath.Join(folder, "new.png"), 20, 20)
			unlock()
		}
	}
	if len(steps) != 3 || !steps[0].Waiting || steps[2].Done != 2 || x.Len() != 2 {
		t.Errorf("%+v", steps)
	}
}
