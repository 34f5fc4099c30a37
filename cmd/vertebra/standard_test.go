package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
)

// piped runs a command line with the bytes of a file on standard input.
func piped(t *testing.T, path string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out, errs bytes.Buffer
	status = runWith(context.Background(), args, f, &out, &errs)
	return status, out.String(), errs.String()
}

// TestStandard reads a picture from standard input and writes one to standard output.
// What is told goes to standard error then.
func TestStandard(t *testing.T) {
	in := photograph(t, 40, 30)
	unet := checkpoint(t, models.NewUNetPP(models.UNetPPConfig{DeepSupervision: true}))
	for _, c := range []struct {
		args []string
		size image.Point
	}{
		{[]string{"upscale", "-", "-o", "-", "--scale", "2"}, image.Pt(80, 60)},
		{[]string{"segment", "unetpp_deepsup", "-", "-o", "-", "--weights", unet, "--json", "--depth", "1", "--size", "16x16"}, image.Pt(40, 30)},
		{[]string{"sam", "-", "-o", "-", "--point", "5,5", "--weights", smallSAM(t)}, image.Pt(40, 30)},
		{[]string{"sam", "-", "-o", filepath.Join(t.TempDir(), "m.png"), "--cutout", "-", "--point", "5,5", "--weights", smallSAM(t)}, image.Pt(40, 30)},
	} {
		status, stdout, stderr := piped(t, in, c.args...)
		m, err := png.Decode(strings.NewReader(stdout))
		if status != 0 || err != nil || m.Bounds().Size() != c.size || !strings.Contains(stderr, "40") {
			t.Errorf("%v: status %d, %v, %s", c.args, status, err, stderr)
		}
	}
	status, stdout, stderr := piped(t, in, "classify", "lenet", "-", "--json")
	var r []classified
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || status != 0 || len(r) != 1 || r[0].File != "-" {
		t.Errorf("status %d, %v, %s, %s", status, err, stdout, stderr)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"-: not an image", []string{"classify", "lenet", "-"}},
		{"--output -: features writes no picture", []string{"features", "lenet", in, "-o", "-"}},
		{"--logits -: sam writes no picture", []string{"sam", in, "-o", "a.png", "--logits", "-"}},
		{"are both -", []string{"segment", "unet", in, "-o", "-", "--overlay", "-"}},
	} {
		if status, stdout, stderr := piped(t, unet, c.args...); status != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: status %d, %q, %q, want %q", c.args, status, stdout, stderr, c.want)
		}
	}
}

// stuckReader ends a context at the first read, and then the read until the test ends.
type stuckReader struct {
	reading context.CancelFunc
	end     chan struct{}
}

func (r stuckReader) Read([]byte) (int, error) {
	r.reading()
	<-r.end
	return 0, io.EOF
}

// TestStuck interrupts commands that wait for standard input. Each ends, and leaves no
// file.
func TestStuck(t *testing.T) {
	w, folder := smallCLIP(t, 1), photos(t, 1)
	ok(t, "search", folder, "--weights", w)
	for _, args := range [][]string{
		{"classify", "lenet", "-"}, {"upscale", "-", "-o", "OUT.png"}, {"features", "lenet", "-", "-o", "OUT.npy"},
		{"embed", "-", "--weights", w, "-o", "OUT.npy"}, {"search", folder, "-", "--weights", w},
		{"sam", "-", "--weights", smallSAM(t), "--point", "1,1", "-o", "OUT.png"},
	} {
		dir := t.TempDir()
		for i, a := range args {
			if strings.HasPrefix(a, "OUT") {
				args[i] = filepath.Join(dir, a)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		stuck := stuckReader{cancel, make(chan struct{})}
		t.Cleanup(func() { close(stuck.end) })
		var out, errs bytes.Buffer
		if status := runWith(ctx, args, stuck, &out, &errs); status != interrupted || errs.String() != "vertebra: interrupted\n" {
			t.Errorf("%v: status %d, %s", args, status, &errs)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%v: left behind %v", args, left)
		}
	}
}

// TestStandardTwice expects an error that says why, before a picture is read.
func TestStandardTwice(t *testing.T) {
	if _, _, stderr := vertebra("classify", "lenet", "-", "-"); stderr != "vertebra: - is given twice, but standard input holds one picture\n" {
		t.Errorf("%q", stderr)
	}
}
