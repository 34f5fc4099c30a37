package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/vision"
)

// byteSize is a flag's number of bytes. Zero means that it is not given.
type byteSize int64

// units are what a number of bytes may be counted in.
var units = []struct {
	name string
	size float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12},
	{"k", 1e3}, {"m", 1e6}, {"g", 1e9}, {"t", 1e12}, {"b", 1}, {"", 1},
}

// Set reads a number with a unit, such as 500MB, 1.5GiB or 1000000.
func (b *byteSize) Set(text string) error {
	low := strings.ToLower(strings.TrimSpace(text))
	for _, u := range units {
		number, ok := strings.CutSuffix(low, u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if v *= u.size; err == nil && v >= 1 && v < 1<<62 {
			*b = byteSize(v)
			return nil
		}
		break
	}
	return fmt.Errorf("want a size such as 500MB or 2GiB")
}

// String returns the number of bytes.
func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*b), 10)
}

// Type returns what a value is.
func (b *byteSize) Type() string { return "SIZE" }

// memoryFlags adds the flag for memory to the commands that read pictures.
func (s *settings) memoryFlags(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.Name() == "batch" {
			s.memoryFlags(c)
		}
		switch c.Name() {
		case "upscale", "classify", "segment", "detect", "matte", "read", "reconstruct", "attention", "features", "match", "embed", "search", "sam", "worker":
			c.Flags().Var(&s.memory, "memory", "what pictures may take together while they are read, such as 500MB (default: 2GB, and a larger picture alone)")
		}
	}
}

// withMemory adds a hint to the error of a picture that takes too much memory.
func withMemory(err error) error {
	var e *vision.MemoryError
	if errors.As(err, &e) {
		return fmt.Errorf("%w; give more with --memory", err)
	}
	return err
}
