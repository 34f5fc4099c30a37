package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// placeholders has the word that help shows for a flag's value. TestFlags checks that
// a flag means the same in all commands.
var placeholders = map[string]string{
	"activation": "NAME", "at": "X,Y", "background": "COLOR", "backend": "NAME", "batch": "N", "block": "N", "box": "LEFT,TOP,RIGHT,BOTTOM",
	"case": "FILE", "classes": "N", "clip-activation": "NAME", "clip-heads": "N[,N]", "crop-layers": "N", "cutout": "FILE", "data": "FOLDER", "depth": "N", "device": "NAME",
	"embedding": "FILE", "filter": "WORD", "head": "N", "index": "FILE", "input": "FILE", "iou": "OVERLAP", "labels": "FILE",
	"key": "NAME", "last": "NAME", "layer": "NAME", "layout": "ORDER", "logits": "FILE", "mask": "FILE", "memory": "SIZE", "min-area": "PIXELS", "model": "NAME",
	"output": "FILE", "overlay": "FILE", "point": "X,Y[,LABEL]", "points-per-batch": "N", "points-per-side": "N",
	"predicted-iou": "SCORE", "ratio": "SHARE", "runs": "N", "scale": "N", "seed": "N", "shapes": "FILE", "size": "HxW",
	"stability": "SCORE", "task": "NAME", "text": "TEXT", "threshold": "SCORE", "top": "N", "tower": "NAME", "vocab": "FILE",
	"weights": "FILE",
}

// withPlaceholder is a flag's value with a placeholder in place of its type.
type withPlaceholder struct {
	pflag.Value
	placeholder string
}

// Type returns the word that help shows.
func (s withPlaceholder) Type() string { return s.placeholder }

// placeAll gives the flags of c, and of the commands below it, their placeholders.
func placeAll(c *cobra.Command) {
	for _, flags := range []*pflag.FlagSet{c.Flags(), c.PersistentFlags()} {
		flags.VisitAll(func(f *pflag.Flag) {
			if p, ok := placeholders[f.Name]; ok {
				f.Value = withPlaceholder{f.Value, p}
				f.DefValue = strings.Trim(f.DefValue, "[]") // pflag writes lists so, even empty ones
			}
		})
	}
	for _, sub := range c.Commands() {
		placeAll(sub)
	}
}
