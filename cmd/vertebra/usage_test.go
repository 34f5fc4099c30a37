package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUsage expects status 1 and one line that says how a command is used.
func TestUsage(t *testing.T) {
	in, labels := photograph(t, 8, 8), file(t, "labels.txt", []byte("a\n"))
	dir := t.TempDir()
	copied := filepath.Join(dir, "link.png")
	if err := os.Link(in, copied); err != nil {
		t.Fatal(err)
	}
	w := smallSAM(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"upscale"}, "wrong number of arguments, 0: the usage is vertebra upscale IN -o OUT [flags]; see vertebra upscale --help"},
		{[]string{"embed", in}, "vertebra: embed needs --output FILE; see vertebra embed --help"},
		{[]string{"run", "lenet"}, "vertebra: run needs --input FILE and --output FILE; see vertebra run --help"},
		{[]string{"classify", "lenet", in, "--csv", "--json"}, "vertebra: --csv and --json exclude each other; see vertebra classify --help"},
		{[]string{"sam", in, "-o", "m.png", "--everything", "--point", "1,1"}, "vertebra: --everything and --point exclude each other; see vertebra sam --help"},
		{[]string{"demo", "x"}, "wrong number of arguments, 1: the usage is vertebra demo [flags]; see"},
		{[]string{"classify", "lenet"}, "wrong number of arguments, 1: the usage is vertebra classify MODEL IMAGE... [flags]; see"},
		{[]string{"clasify"}, `unknown command "clasify" for "vertebra", is it classify?; see vertebra --help`},
		{[]string{"bench", "foo"}, `unknown command "foo" for "vertebra bench"; see vertebra bench --help`},
		{[]string{"help", "foo"}, `no command "foo"; see vertebra --help`},
		{[]string{"completion", "tcsh"}, `unknown command "tcsh" for "vertebra completion"; see`},
		{[]string{"upscale", in, "-o", "x.png", "--scale", `a"b`}, `invalid argument "a\"b" for "--scale" flag: invalid syntax; see vertebra upscale --help`},
		{[]string{"upscale", in, "-o", in}, "would take the place of " + in + ", which is read"},
		{[]string{"upscale", in, "-o", copied}, "would take the place of " + in + ", which is read"},
		{[]string{"sam", in, "--point", "1,1", "--weights", w, "-o", filepath.Join(dir, "m.png"), "--overlay", filepath.Join(dir, ".", "m.png")}, "--output and --overlay are both"},
		{[]string{"sam", in, "--point", "1,1", "--weights", w, "-o", filepath.Join(dir, "none", "m.png")}, filepath.Join("none", "m.png") + ": no such file"},
		{[]string{"embed", in, "--weights", "none", "-o", filepath.Join(in, "e.npy")}, "e.npy: not a directory"},
		{[]string{"features", "lenet", in, "-o", dir}, " is a folder"},
		{[]string{"run", "lenet", "--input", w, "--output", w}, "would take the place of"},
		{[]string{"classify", "lenet", in, "--labels", ""}, `--labels "" names no file`},
		{[]string{"classify", "lenet", in, "--size", "100000x90000"}, "--size 100000x90000: over 200 million pixels"},
		{[]string{"classify", "lenet", in, "--top", "0"}, "--top 0, want 1 or more"},
		{[]string{"classify", "lenet", in, "--batch", "-1"}, "--batch -1, want 1 to 65536"},
		{[]string{"classify", "lenet", in, "--labels", labels}, "the head has 10 classes"},
		{[]string{"classify", "lenet", in, "--labels", filepath.Dir(labels)}, filepath.Dir(labels) + ": a folder, want a regular file"},
		{[]string{"run", "lenet", "--input", "none", "--output", "y"}, "vertebra: none: no such file"},
		{[]string{"run", "lenet", "--input", labels, "--output", "y"}, "labels.txt: not a safetensors file"},
		{[]string{"bench", "model", "lenet", "--scale", "2"}, "--scale is only for a name without a scale, such as espcn; lenet is a complete name"},
		{[]string{"bench", "model", "lenet", "--runs", "-1"}, "--runs -1, want 0 or more"},
		{[]string{"bench", "model", "lenet", "--size", "-1"}, `--size "-1", want HEIGHTxWIDTH in pixels`},
		{[]string{"bench", "model", "lenet", "--weights", "../../vision/zoo/espcn_x2.safetensors"}, "is a checkpoint of espcn_x2, not of lenet"},
		{[]string{"upscale", in, "-o", "x.png", "--weights", "../../vision/zoo/lenet.safetensors"}, "is a checkpoint of lenet, not of espcn"},
		{[]string{"sam", in, "--point", "1,1", "--weights", w, "-o", "m.png", "--points-per-side", "4"}, "--points-per-side needs --everything"},
		{[]string{"sam", in, "--everything", "--weights", w, "-o", "m.png", "--predicted-iou", "7"}, "--predicted-iou 7, want 0 to 1, or -1 for any"},
		{[]string{"sam", in, "--everything", "--weights", w, "-o", "m.png", "--stability", "NaN"}, "--stability NaN, want"},
		{[]string{"sam", in, "--everything", "--weights", w, "-o", "m.png", "--crop-layers", "9"}, "--crop-layers 9, want 0 to 8"},
		{[]string{"sam", in, "--everything", "--weights", w, "-o", "m.png", "--min-area", "-1"}, "--min-area -1, want 0 or more"},
	} {
		status, _, stderr := vertebra(c.args...)
		if status != 1 || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("vertebra %q: status %d, %q, want %q", c.args, status, stderr, c.want)
		}
	}
	if text := ok(t, "completion"); !strings.Contains(text, "bash") {
		t.Errorf("completion: %s", text)
	}
	if text := ok(t, "help", "bench", "ops"); !strings.Contains(text, "--filter") {
		t.Errorf("help bench ops: %s", text)
	}
}

// TestNoDevice expects an error for a device given to a command that uses none. The
// help of such a command does not show the flags.
func TestNoDevice(t *testing.T) {
	in := photograph(t, 8, 8)
	for _, args := range [][]string{
		{"summary", "lenet"}, {"models"}, {"inspect", in}, {"shaders", "-o", t.TempDir()}, {"version"}, {"bench", "compare", in, in}, {"completion", "bash"}, {"completion"},
	} {
		for _, flag := range ofDevices {
			status, stdout, stderr := vertebra(append(args, "--"+flag+"=true")...)
			if status != 1 || stdout != "" || !strings.HasPrefix(stderr, "vertebra: --"+flag+": vertebra "+args[0]) || !strings.HasSuffix(stderr, " uses no device\n") {
				t.Errorf("%v: status %d, %q", args, status, stderr)
			}
		}
		help := []string{args[0], "--help"}
		if args[0] == "bench" {
			help = []string{"bench", "compare", "--help"}
		}
		text := ok(t, help...)
		for _, flag := range ofDevices {
			if strings.Contains(text, "--"+flag) {
				t.Errorf("%s", text)
			}
		}
	}
	for _, args := range [][]string{{"--help"}, {"classify", "--help"}, {"bench", "peak", "--help"}, {"devices", "--help"}} {
		text := ok(t, args...)
		for _, flag := range ofDevices {
			if !strings.Contains(text, "--"+flag) {
				t.Errorf("%v: %s", args, text)
			}
		}
	}
}

// TestUnreadableFolder expects one line about a folder in which nothing is a
// picture.
func TestUnreadableFolder(t *testing.T) {
	w := smallCLIP(t, 1)
	bad := filepath.Dir(file(t, "bad.png", []byte("no picture")))
	index := filepath.Join(t.TempDir(), "x")
	for _, want := range []string{"no picture in this folder can be read: left out 1 of 1 pictures: ", "no picture in this folder can be read\n"} {
		status, _, stderr := vertebra("search", bad, "ab", "--weights", w, "--index", index)
		if status != 1 || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("status %d, %q, want %q", status, stderr, want)
		}
	}
}

// full takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestOutputFull expects an error if the output cannot be written.
func TestOutputFull(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"models"}, {"models", "--json"}, {"summary", "lenet"}, {"--help"}} {
		var stderr bytes.Buffer
		if status := run(context.Background(), args, full{}, &stderr); status != 1 || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%q: status %d, %q", args, status, stderr.String())
		}
	}
}
