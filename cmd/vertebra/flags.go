package main

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// valueNames has the word that help shows for a flag's value. TestFlags checks that
// a flag means the same in all commands.
var valueNames = map[string]string{
	"activation": "NAME", "at": "X,Y", "background": "COLOR", "backend": "NAME", "batch": "N", "block": "N", "budget": "SECONDS", "box": "LEFT,TOP,RIGHT,BOTTOM",
	"case": "FILE", "classes": "N", "clip-activation": "NAME", "clip-heads": "N[,N]", "crop-layers": "N", "cutout": "FILE", "data": "FOLDER", "depth": "N", "dim": "NAME=N", "device": "NAME",
	"embedding": "FILE", "export": "FILE", "file": "NAME", "filter": "WORD", "format": "NAME", "from": "URL", "grace": "TIME", "grpc": "ADDRESS", "head": "N", "import": "FILE", "index": "FILE", "kind": "NAME", "limits": "NAME", "listen": "ADDRESS", "input": "FILE", "iou": "OVERLAP", "labels": "FILE",
	"key": "NAME", "last": "NAME", "layer": "NAME", "layout": "ORDER", "logits": "FILE", "mask": "FILE", "max-batch": "N", "max-body": "SIZE", "max-delay": "TIME", "max-queue": "N", "model-memory": "SIZE", "memory": "SIZE", "min-area": "PIXELS", "model": "NAME", "frames": "FORMAT", "tile": "PIXELS",
	"output": "FILE", "overlay": "FILE", "point": "X,Y[,LABEL]", "points-per-batch": "N", "points-per-side": "N",
	"port": "N", "predicted-iou": "SCORE", "ratio": "SHARE", "repository": "FOLDER", "runs": "N", "scale": "N", "seed": "N", "shapes": "FILE", "shard": "K/N", "size": "HxW",
	"stability": "SCORE", "task": "NAME", "text": "TEXT", "threshold": "SCORE", "tls-cert": "FILE", "tls-key": "FILE", "token-file": "FILE", "unit": "N", "upstream": "URL", "top": "N", "tower": "NAME", "vectors": "NAME", "vocab": "FILE",
	"weights": "FILE",

	"alpha": "FILE", "cls": "FILE", "decode": "NAME", "det": "FILE", "dict": "FILE", "family": "NAME", "rec": "FILE",

	"channels": "ORDER", "fit": "HOW", "input-layout": "ORDER", "mean": "NUMBERS", "range": "LOW,HIGH", "std": "NUMBERS",

	"credentials": "FILE", "folder": "FOLDER", "join": "URL", "lease": "TIME", "name": "NAME", "patience": "TIME", "tls-ca": "FILE", "workers": "N",
}

// given is the value of a flag, with its name in help and a check that it is given once.
type given struct {
	pflag.Value
	name  string // in help; empty means the type
	texts []string
}

// errTwice is in the error for a flag that is given twice and takes one value.
var errTwice = errors.New("it is given twice and takes one value")

// Type returns the word that help shows.
func (g *given) Type() string { return cmp.Or(g.name, g.Value.Type()) }

// Set sets the value. A switch may be given again with the same value, and a list any
// number of times.
func (g *given) Set(text string) error {
	_, list := g.Value.(pflag.SliceValue)
	same := g.Value.Type() == "bool" && slices.Contains(g.texts, text)
	if len(g.texts) > 0 && !list && !same {
		return errTwice
	}
	g.texts = append(g.texts, text)
	return g.Value.Set(text)
}

// nameValues names the values of the flags of c, and of the commands below it.
func nameValues(c *cobra.Command) {
	for _, flags := range []*pflag.FlagSet{c.Flags(), c.PersistentFlags()} {
		flags.VisitAll(func(f *pflag.Flag) {
			if _, done := f.Value.(*given); done {
				return
			}
			f.Value = &given{Value: f.Value, name: valueNames[f.Name]}
			f.DefValue = strings.Trim(f.DefValue, "[]") // pflag writes lists so, even empty ones
		})
	}
	for _, sub := range c.Commands() {
		nameValues(sub)
	}
}
