package vision

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vertebra/vertebra/vision/picture"
)

// encodedPicture is a PNG's file.
func encodedPicture(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestMemoryOfPictures reads pictures that take more memory together than is allowed.
// When one is read, the one before the last has been given to the receiver, whatever
// the batch.
func TestMemoryOfPictures(t *testing.T) {
	file := encodedPicture(t, 300, 200)
	need, err := picture.Need(file)
	if err != nil {
		t.Fatal(err)
	}
	need += int64(len(file))
	for _, batch := range []int{1, 4} {
		m, err := Open("lenet", Options{Device: "cpu", Batch: batch, Memory: need + need/8})
		if err != nil {
			t.Fatal(err)
		}
		var done atomic.Int32
		var in []Input
		for k := range 7 {
			in = append(in, Encoded("picture", func() ([]byte, error) {
				if got := int(done.Load()); got < k-1 {
					t.Errorf("batch %d: picture %d is read after %d", batch, k, got)
				}
				return file, nil
			}))
		}
		for _, err := range m.Classify(context.Background(), in...) {
			if err != nil {
				t.Error(err)
			}
			done.Add(1)
		}
		if done.Load() != 7 {
			t.Errorf("batch %d: %d pictures", batch, done.Load())
		}
		m.Close()
	}
}

// TestLargePicture reads a picture that needs more than is allowed, among others.
func TestLargePicture(t *testing.T) {
	small, large := encodedPicture(t, 30, 20), encodedPicture(t, 600, 400)
	need, err := picture.Need(large)
	if err != nil {
		t.Fatal(err)
	}
	named := func(name string, file []byte) Input {
		return Encoded(name, func() ([]byte, error) { return file, nil })
	}
	in := []Input{named("a", small), named("b", large), named("c", small)}
	m, err := Open("lenet", Options{Device: "cpu", Memory: need - 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var names []string
	for r, err := range m.Classify(context.Background(), in...) {
		names = append(names, r.Name)
		var large *MemoryError
		if (r.Name == "b") != errors.As(err, &large) {
			t.Errorf("%s: %v", r.Name, err)
		}
		if large != nil && (large.Limit != need-1 || large.Need < need || !strings.HasPrefix(err.Error(), "b: reading it takes ")) {
			t.Errorf("%v, %+v", err, large)
		}
	}
	if strings.Join(names, "") != "abc" {
		t.Errorf("pictures %v", names)
	}
	if _, err := in[1].Picture(context.Background(), need-1); err == nil {
		t.Error("a picture that is too large was read")
	}
	if p, err := in[0].Picture(context.Background(), 0); err != nil || p.Width != 30 {
		t.Errorf("%v, %v", p, err)
	}
	if _, err := Open("lenet", Options{Device: "cpu", Memory: -1}); err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("memory of -1: %v", err)
	}
}

// TestLargeAlone takes a picture that is larger than a budget without a limit.
func TestLargeAlone(t *testing.T) {
	b := newBudget(0)
	waited := false
	all, err := b.take(context.Background(), 1<<50, func() { waited = true })
	if err != nil || waited || all.n != usualMemory {
		t.Errorf("%v, %v, %+v", err, waited, all)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := b.take(ctx, 1, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("a picture beside it: %v", err)
	}
	all.keep(1 << 20)
	all.keep(1 << 21)
	if one, err := b.take(context.Background(), 1<<20, func() { t.Error("waits for what is free") }); err != nil || one.n != 1<<20 {
		t.Errorf("%v, %+v", err, one)
	}
}

// TestReadingEnds ends the context while a picture is read that never ends.
func TestReadingEnds(t *testing.T) {
	m, err := Open("lenet", Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	for _, in := range []Input{
		Encoded("file", func() ([]byte, error) { <-never; return nil, nil }),
		{Name: "own", Read: func() (*picture.Image, error) { <-never; return nil, nil }},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		begun := in
		if in.file != nil {
			begun.file = func() ([]byte, error) { cancel(); return in.file() }
		} else {
			begun.Read = func() (*picture.Image, error) { cancel(); return in.Read() }
		}
		n := 0
		for _, err := range m.Classify(ctx, begun, begun) {
			if n++; !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", in.Name, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d results", in.Name, n)
		}
		if _, err := begun.Picture(ctx, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", in.Name, err)
		}
	}
}
