package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestIndexInterrupted cuts an index wherever a writer can be killed, and
// changes each of its bytes: it opens with the records before, or is refused if
// its head is damaged, and takes what is missing.
func TestIndexInterrupted(t *testing.T) {
	const width = 3
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	open := func() *index {
		t.Helper()
		x, err := openIndex(path, width, [32]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	names := []string{"a.png", "b/ä.png", "c"}
	ends := []int{headSize}
	write := func(names ...string) {
		t.Helper()
		x := open()
		w, err := x.write()
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range names {
			if err := w.append(n, indexed{kind: recordPicture, size: int64(i), time: 7, vector: []float32{1, float32(i), 3}}); err != nil {
				t.Fatal(err)
			}
			if info, err := w.f.Stat(); err == nil {
				ends = append(ends, int(info.Size()))
			}
		}
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
		if err := x.close(); err != nil {
			t.Fatal(err)
		}
	}
	write(names...)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before := func(length int) int {
		n := 0
		for n+1 < len(ends) && ends[n+1] <= length {
			n++
		}
		return n
	}
	ends = ends[:len(names)+1]
	all := slices.Clone(ends)
	for cut := headSize; cut <= len(whole); cut++ {
		ends = all
		if err := os.WriteFile(path, whole[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		x := open()
		n := before(cut)
		if len(x.files) != n {
			t.Fatalf("cut to %d bytes: %d records, want %d", cut, len(x.files), n)
		}
		for i := range n {
			if v := x.files[names[i]].vector; !slices.Equal(v, []float32{1, float32(i), 3}) {
				t.Fatalf("cut to %d bytes: %s is %v", cut, names[i], v)
			}
		}
		x.close()
		write(names[n:]...)
		x = open()
		if len(x.files) != len(names) || int(x.length) != len(whole) {
			t.Fatalf("cut to %d bytes and completed: %d records, %d of %d bytes", cut, len(x.files), x.length, len(whole))
		}
		x.close()
	}
	ends = all
	for at := range whole {
		damaged := slices.Clone(whole)
		damaged[at] ^= 0x55
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		x, err := openIndex(path, width, [32]byte{1})
		if (err != nil) != (at < headSize) {
			t.Fatalf("byte %d: %v", at, err)
		}
		if err == nil && len(x.files) != before(at) {
			t.Fatalf("byte %d: %d records, want %d", at, len(x.files), before(at))
		}
		x.close()
	}
}

// TestSearch follows a folder: pictures come, change and go, are unreadable, and
// the index of another model is left alone.
func TestSearch(t *testing.T) {
	w, folder := smallCLIP(t, 1), filepath.Join(t.TempDir(), "photos")
	if err := os.MkdirAll(filepath.Join(folder, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(name string, width, height int) {
		t.Helper()
		data, err := os.ReadFile(photograph(t, width, height))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found := func(args ...string) map[string]float32 {
		t.Helper()
		var r searched
		args = append([]string{"search", folder, "ab", "--weights", w, "--json"}, args...)
		if err := json.Unmarshal([]byte(ok(t, args...)), &r); err != nil {
			t.Fatal(err)
		}
		all := map[string]float32{}
		for i, f := range r.Found {
			all[f.File] = f.Cosine
			if i > 0 && f.Cosine > r.Found[i-1].Cosine {
				t.Errorf("not in order: %v", r.Found)
			}
		}
		return all
	}
	a, b, s := filepath.Join(folder, "a.png"), filepath.Join(folder, "b.png"), filepath.Join(folder, "sub", "c.png")
	put("a.png", 9, 9)
	put("b.png", 30, 9)
	put("sub/c.png", 9, 30)
	first := found("--batch", "2")
	if len(first) != 3 {
		t.Fatalf("%v", first)
	}
	var r []matched
	if err := json.Unmarshal([]byte(ok(t, "match", s, "--text", "ab", "--weights", w, "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if d := r[0].Texts[0].Cosine - float64(first[s]); d > 1e-5 || d < -1e-5 {
		t.Errorf("search says %v, match %v", first[s], r[0].Texts[0].Cosine)
	}
	index := folder + ".vertebra"
	size := func() int64 {
		info, err := os.Stat(index)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	old := size()
	if again := found("--top", "1"); len(again) != 1 || size() != old {
		t.Errorf("nothing has changed: %v, %d bytes, %d before", again, size(), old)
	}
	put("a.png", 31, 8)
	if err := os.Remove(b); err != nil {
		t.Fatal(err)
	}
	second := found()
	if len(second) != 2 || second[a] == first[a] || second[s] != first[s] {
		t.Errorf("a has changed, b has gone: %v, before %v", second, first)
	}
	whole, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	status, _, stderr := vertebra("search", folder, "ab", "--weights", smallCLIP(t, 2))
	if status != 1 || !strings.Contains(stderr, "the index was made with another model") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("another model: status %d, %s", status, stderr)
	}
	if now, err := os.ReadFile(index); err != nil || !slices.Equal(now, whole) {
		t.Errorf("another model has changed the index: %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "bad.jpg"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	status, _, stderr = vertebra("search", folder, "ab", "--weights", w)
	if status != 0 || !strings.Contains(stderr, "1 of 1 pictures were left out") {
		t.Errorf("a bad picture: status %d, %s", status, stderr)
	}
	if all := found(); len(all) != 2 {
		t.Errorf("after a bad picture: %v", all)
	}
	for i := range 12 { // more is replaced than is left: the index is written anew
		put("a.png", 10+i, 8)
		if all := found(); len(all) != 2 {
			t.Fatalf("%v", all)
		}
	}
	if size() > 3*old {
		t.Errorf("the index has grown to %d bytes, from %d", size(), old)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(folder), ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
