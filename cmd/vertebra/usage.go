package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vertebra/vertebra/internal/files"
)

// demand adds the usage to errors in the arguments of c and the commands below it.
func demand(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			switch {
			case err == nil:
				return nil
			case !c.HasSubCommands():
				err = fmt.Errorf("wrong number of arguments, %d: the usage is %s", len(args), c.UseLine())
			case len(c.SuggestionsFor(args[0])) > 0:
				err = fmt.Errorf("%w, is it %s?", err, strings.Join(c.SuggestionsFor(args[0]), " or "))
			}
			return fmt.Errorf("%w; see %s --help", err, c.CommandPath())
		}
	}
	for _, sub := range c.Commands() {
		demand(sub)
	}
}

// completed adds cobra's commands help and completion. They return an error for
// unknown arguments.
func completed(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "completion":
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		case "help":
			c.Run = nil
			c.RunE = func(c *cobra.Command, args []string) error {
				about, rest, err := c.Root().Find(args)
				if err != nil || len(rest) > 0 {
					return fmt.Errorf("no command %q; see vertebra --help", strings.Join(args, " "))
				}
				about.InitDefaultHelpFlag()
				return about.Help()
			}
		}
	}
}

// parsing matches the start of strconv's errors, which repeats the argument.
var parsing = regexp.MustCompile(`strconv\.\w+: parsing "(\\.|[^"\\])*": `)

// flagError returns the error for a wrong flag.
func flagError(c *cobra.Command, err error) error {
	var wrong *pflag.InvalidValueError
	if errors.As(err, &wrong) && errors.Is(err, errTwice) {
		return fmt.Errorf("--%s %q: %w; see %s --help", wrong.GetFlag().Name, wrong.GetValue(), errTwice, c.CommandPath())
	}
	return fmt.Errorf("%s; see %s --help", parsing.ReplaceAllString(err.Error(), ""), c.CommandPath())
}

// computes reports whether a command uses a device. Commands that only look things up
// do not, nor do the commands below them.
func computes(c *cobra.Command) bool {
	for ; c.HasParent(); c = c.Parent() {
		switch c.Name() {
		case "compare", "completion", "inspect", "man", "models", "pull", "shaders", "status", "summary", "version":
			return false
		}
	}
	return true
}

// ofDevices names the flags that say which device is opened, and how.
var ofDevices = []string{"device", "backend", "limits", "kind", "f16", "f16-values", "untuned"}

// checkDevice returns an error if a command that uses no device is given one.
func checkDevice(c *cobra.Command) error {
	for _, name := range ofDevices {
		if c.Flags().Changed(name) && !computes(c) {
			return fmt.Errorf("--%s: %s uses no device", name, c.CommandPath())
		}
	}
	return nil
}

// together matches the names of the given flags in cobra's error about flags that
// exclude each other.
var together = regexp.MustCompile(`\[([^\]]+)\] were all set$`)

// checkGiven returns an error if a required flag is missing or if two flags exclude
// each other.
func checkGiven(c *cobra.Command) error {
	var missing []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if need := f.Annotations[cobra.BashCompOneRequiredFlag]; len(need) > 0 && need[0] == "true" && !f.Changed {
			missing = append(missing, fmt.Sprintf("--%s %s", f.Name, f.Value.Type()))
		}
	})
	if len(missing) > 0 {
		return fmt.Errorf("%s needs %s; see %s --help", c.Name(), strings.Join(missing, " and "), c.CommandPath())
	}
	err := c.ValidateFlagGroups()
	if err == nil {
		return nil
	}
	if m := together.FindStringSubmatch(err.Error()); m != nil {
		err = fmt.Errorf("--%s exclude each other", strings.Join(strings.Fields(m[1]), " and --"))
	}
	return fmt.Errorf("%w; see %s --help", err, c.CommandPath())
}

// The flags that name files to write and files to read.
var (
	written = []string{"output", "overlay", "cutout", "alpha", "logits"}
	read    = []string{"case", "cls", "det", "dict", "input", "labels", "rec", "shapes", "vocab", "weights"}
	drawn   = []string{"output", "overlay", "cutout", "alpha"} // the written ones that may be pictures
)

// draws has the commands that write pictures, which may go to standard output.
var draws = map[string]bool{"attention": true, "detect": true, "matte": true, "read": true, "reconstruct": true, "sam": true, "segment": true, "upscale": true}

// unquote replaces the names of files that are given as files.Quote shows them.
func unquote(c *cobra.Command, values map[string]string) error {
	for _, flags := range [][]string{written, read, {"embedding", "index", "mask"}} {
		for _, name := range flags {
			f := c.Flags().Lookup(name)
			if f == nil || files.Unquote(values[name]) == values[name] {
				continue
			}
			values[name] = files.Unquote(values[name])
			value := f.Value
			if g, ok := value.(*given); ok {
				value = g.Value
			}
			if err := value.Set(values[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkFiles returns an error if the name of a file is empty, as from an unset shell
// variable; if two outputs are the same file; if an output would overwrite an input;
// or if an output cannot be written. It runs before the work starts.
func checkFiles(c *cobra.Command, args []string) error {
	given := map[string]string{}
	c.Flags().Visit(func(f *pflag.Flag) { given[f.Name] = f.Value.String() })
	if err := unquote(c, given); err != nil {
		return err
	}
	for _, flags := range [][]string{written, read, {"embedding", "index", "mask"}} {
		for _, name := range flags {
			if path, ok := given[name]; ok && path == "" {
				return fmt.Errorf("--%s \"\" names no file", name)
			}
		}
	}
	sources := []string{}
	for _, arg := range args {
		sources = append(sources, files.Unquote(arg))
	}
	for _, name := range read {
		sources = append(sources, given[name])
	}
	for i, name := range written {
		path := given[name]
		if path == "" {
			continue
		}
		if path == standard && !inBatch(c) && (!slices.Contains(drawn, name) || !draws[c.Name()]) {
			return fmt.Errorf("--%s -: %s writes no picture to standard output; for a file of that name give ./-", name, c.Name())
		}
		for _, other := range written[:i] {
			if given[other] != "" && filepath.Clean(given[other]) == filepath.Clean(path) {
				return fmt.Errorf("--%s and --%s are both %s", other, name, files.Quote(path))
			}
		}
		for _, source := range sources {
			if sameFile(path, source) {
				return fmt.Errorf("--%s %s would take the place of %s, which is read", name, files.Quote(path), files.Quote(source))
			}
		}
	}
	switch c.Name() {
	case "demo", "man", "shaders": // they make folders
		return nil
	case "upscale":
		if folder, err := isFolder(args[0]); err != nil || folder {
			return err
		}
	}
	if inBatch(c) || c.Name() == "worker" {
		return nil
	}
	for _, name := range written {
		if path := given[name]; path != "" && path != standard {
			if err := files.Writable(path); err != nil {
				return err
			}
		}
	}
	if path := given["embedding"]; path != "" {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return files.Writable(path)
		}
	}
	return nil
}

// inBatch reports whether the output of a command is a folder of results.
func inBatch(c *cobra.Command) bool { return c.HasParent() && c.Parent().Name() == "batch" }

// sameFile reports whether two paths name the same existing file.
func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil || !one.Mode().IsRegular() {
		return false
	}
	two, err := os.Stat(b)
	return err == nil && os.SameFile(one, two)
}

// withoutCall returns the text of an error. If it is about a file, it drops the name
// of the system call before the path.
func withoutCall(err error) string {
	text := err.Error()
	var p *fs.PathError
	if errors.As(err, &p) {
		return strings.Replace(text, p.Op+" "+p.Path+": ", p.Path+": ", 1)
	}
	return text
}

// checked is a writer that keeps its first error, for callers that do not check. It
// writes nothing after close.
type checked struct {
	mu     sync.Mutex
	w      io.Writer
	err    error
	closed atomic.Bool
}

func (c *checked) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Load() {
		return 0, fs.ErrClosed
	}
	n, err := c.w.Write(b)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// close ends the writing and returns the first error. It does not wait for a write that
// hangs.
func (c *checked) close() error {
	c.closed.Store(true)
	if !c.mu.TryLock() {
		return nil
	}
	defer c.mu.Unlock()
	return c.err
}
