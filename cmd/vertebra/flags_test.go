package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// meanings has, for each flag, words that its help has in every command: a flag
// that several commands have means the same in each.
var meanings = map[string]string{
	"activation": "first two convolutions", "all-kernels": "every kernel that can compute", "at": "across and down",
	"backend": "vulkan", "background": "behind a transparent picture", "batch": "at once", "block": "which block", "box": "LEFT,TOP,RIGHT,BOTTOM", "case": "reference case",
	"classes": "head", "clip-activation": "quickgelu or gelu", "clip-heads": "image tower", "crop-layers": "crops", "csv": "comma-separated", "cutout": "transparency", "data": "folder",
	"depth": "U-Net++", "device": "adapter", "dispatches": "every dispatch", "embedding": "embedding", "everything": "all masks",
	"filter": "whose name contains", "head": "which head", "help": "help for", "index": "index file", "input": "to read",
	"iou": "overlap over which only the best box stays", "json": "JSON", "key": "several networks", "labels": "names of the classes", "last": "last step",
	"layer": "stage", "layout": "order of dimensions", "logits": "later --mask", "mask": "to start from", "memory": "while they are read", "min-area": "in pixels",
	"model": "model", "norm-pix": "normalised patches", "normalize": "length one", "output": "to write", "overlay": "tinted",
	"point": "may be given again", "points-per-batch": "at once", "points-per-side": "grid", "predicted-iou": "the model predicts",
	"profile": "time of every layer", "quiet": "results only", "ratio": "hidden", "runs": "timed runs", "scale": "how many times to enlarge",
	"seed": "same seed", "shapes": "shapes", "size": "height and width", "stability": "threshold", "task": "only models for",
	"text": "text to", "threshold": "least score", "top": "how many", "tower": "of CLIP", "truncate": "too long",
	"unfused": "separate ops", "version": "version", "vocab": "vocabulary", "weights": "checkpoint", "wide": "where they are",
}

// TestFlags walks all commands. Each flag is in the table and says what the table
// says; help shows what a value is, and no default twice; what computes, and
// what lists, has --json.
func TestFlags(t *testing.T) {
	root := newRoot()
	completed(root)
	root.InitDefaultVersionFlag()
	placeAll(root)
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
		if plain := map[string]bool{"help": true, "version": true, "shaders": true}; !c.HasSubCommands() && !plain[c.Name()] && c.Flags().Lookup("json") == nil {
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
	for name := range placeholders {
		if !used[name] {
			t.Errorf("no command has --%s, which has a placeholder", name)
		}
	}
}
