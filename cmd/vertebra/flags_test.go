package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// meanings has, for each flag, words that its help has in every command: a flag
// that several commands have means the same in each.
var meanings = map[string]string{
	"accept": "commercial use", "activation": "first two convolutions", "as-listed": "without looking at SRC", "all-kernels": "every kernel that can compute", "at": "across and down",
	"backend": "vulkan", "background": "behind a transparent picture", "batch": "at once", "block": "which block", "box": "LEFT,TOP,RIGHT,BOTTOM", "case": "reference case",
	"classes": "head", "clip-activation": "quickgelu or gelu", "clip-heads": "image tower", "child": "standard input", "count": "read all rows", "credentials": "credentials", "crop-layers": "crops", "csv": "comma-separated", "cutout": "transparency", "data": "folder",
	"depth": "U-Net++", "dim": "free dimension", "device": "adapter", "dispatches": "every dispatch", "downloaded": "were downloaded", "embedding": "embedding", "everything": "all masks", "f16": "halves their memory", "f16-values": "16-bit floats",
	"file": "of the repository", "filter": "whose name contains", "folder": "relative paths", "format": "png or jpeg", "from": "address of a folder", "grace": "told to end", "grpc": "gRPC", "head": "which head", "help": "help for", "immich": "names", "index": "index file", "input": "to read",
	"iou": "overlap over which only the best box stays", "json": "JSON", "kind": "kernels", "limits": "WebGPU guarantees", "listen": "address and port", "key": "several networks", "join": "addresses", "labels": "names of the classes", "last": "last step",
	"layer": "stage", "lease": "may be silent", "layout": "order of dimensions", "logits": "later --mask", "mask": "to start from", "max-batch": "of a batch", "max-body": "of a request", "max-delay": "waits for others", "max-queue": "may wait", "model-memory": "together", "memory": "while they are read", "min-area": "in pixels",
	"model": "model", "name": "status calls", "norm-pix": "normalised patches", "normalize": "length one", "open": "in the browser", "output": "to write", "overlay": "tinted",
	"patience": "waits for", "point": "may be given again", "points-per-batch": "at once", "points-per-side": "grid", "port": "to listen on", "predicted-iou": "the model predicts",
	"profile": "time of every layer", "pull": "download the weights", "quiet": "results only", "ratio": "hidden", "repository": "folder with models", "runs": "timed runs", "scale": "how many times to enlarge",
	"seed": "same seed", "shapes": "shapes", "shard": "share K of N", "sha256": "SHA-256", "size": "height and width", "stability": "threshold", "strict": "status 1", "task": "only models for",
	"text": "text to", "threshold": "least score", "tune": "tune the models", "tls-cert": "PEM", "tls-key": "PEM", "token-file": "token", "unit": "pictures of a unit", "upstream": "not served here", "top": "how many", "tower": "of CLIP", "truncate": "too long",
	"unfused": "separate ops", "untuned": "best guesses", "until-closed": "last page", "budget": "at most this long", "again": "tuned before", "export": "to write", "import": "to read", "verbose": "the adapters", "version": "version", "vectors": "NumPy", "vocab": "vocabulary", "weights": "checkpoint", "wide": "where they are",
	"frames": "one after the other", "tile": "small tiles need less memory", "video": "ffmpeg",

	"alpha": "transparency alone", "cls": "stand on their head", "decode": "what its outputs mean", "det": "finds lines", "dict": "characters", "family": "authors", "rec": "reads a line",

	"channels": "of an ONNX file", "fit": "of an ONNX file", "input-layout": "of an ONNX file", "mean": "of an ONNX file", "range": "of an ONNX file", "std": "of an ONNX file",

	"tls-ca": "PEM", "workers": "on this computer",
}

// TestTwice gives each flag of each command twice. It is an error unless the flag is a
// switch or a list.
func TestTwice(t *testing.T) {
	lists := []string{"box", "data", "dim", "file", "layer", "point", "text"}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			name := c.CommandPath() + " --" + f.Name
			g, ok := f.Value.(*given)
			if !ok {
				t.Errorf("%s may be given twice", name)
				return
			}
			value := "1"
			if f.Value.Type() == "bool" {
				value = "true"
			}
			if f.Value.Type() == "TIME" {
				value = "1s"
			}
			once, twice := f.Value.Set(value), f.Value.Set(value)
			_, list := g.Value.(pflag.SliceValue)
			if once != nil || (twice == nil) != (list || value == "true") {
				t.Errorf("%s: %v, twice: %v", name, once, twice)
			}
			if list != slices.Contains(lists, f.Name) && !strings.HasPrefix(name, "vertebra bench") && name != "vertebra batch features --layer" {
				t.Errorf("%s is a list: %v", name, list)
			}
			if value == "true" && f.Value.Set("false") == nil {
				t.Errorf("%s may be given on and off", name)
			}
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	root := newRoot()
	nameValues(root)
	walk(root)
	const want = "vertebra: --mask \"b.png\": it is given twice and takes one value; see vertebra sam --help\n"
	if status, stdout, stderr := vertebra("sam", "x.jpg", "--mask", "a.png", "--mask", "b.png"); status != 1 || stdout != "" || stderr != want {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
}

// TestFlags walks all commands. Each flag is in the table and says what the table
// says; help shows what a value is, and no default twice; what computes, and
// what lists, has --json.
func TestFlags(t *testing.T) {
	root := newRoot()
	completed(root)
	root.InitDefaultVersionFlag()
	nameValues(root)
	used := map[string]bool{}
	types := map[string]string{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		c.InitDefaultHelpFlag()
		if strings.HasPrefix(c.CommandPath(), "vertebra completion") {
			return
		}
		each := func(f *pflag.Flag) {
			name := c.CommandPath() + " --" + f.Name
			words, known := meanings[f.Name]
			used[f.Name] = true
			value, usage := pflag.UnquoteUsage(f)
			if !known || !strings.Contains(usage, words) {
				t.Errorf("%s: %q, want %q in it", name, usage, words)
			}
			if f.Value.Type() != "bool" && (value == "" || value != strings.ToUpper(value) && f.Name != "size") {
				t.Errorf("%s: help shows the value as %q", name, value)
			}
			if strings.Count(f.Usage, "(default") > 1 || strings.Contains(usage, "(default") && f.DefValue != "" && f.DefValue != "0" && f.DefValue != "false" {
				t.Errorf("%s: its default is said twice", name)
			}
			if strings.ContainsAny(f.DefValue, "[]") {
				t.Errorf("%s: help shows the default as %s", name, f.DefValue)
			}
			if before, ok := types[f.Name]; ok && before != f.Value.Type() {
				t.Errorf("%s: a %s, elsewhere a %s", name, f.Value.Type(), before)
			}
			types[f.Name] = f.Value.Type()
			if f.Name == "output" && f.Shorthand != "o" {
				t.Errorf("%s: no -o", name)
			}
		}
		c.LocalFlags().VisitAll(each)
		if plain := map[string]bool{"help": true, "version": true, "shaders": true, "man": true}; !c.HasSubCommands() && !plain[c.Name()] && c.Flags().Lookup("json") == nil {
			t.Errorf("%s has no --json", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	for name := range meanings {
		if !used[name] {
			t.Errorf("no command has --%s", name)
		}
	}
	for name := range valueNames {
		if !used[name] {
			t.Errorf("no command has --%s, whose value has a name", name)
		}
	}
}
