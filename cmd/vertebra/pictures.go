package main

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
)

// aboutPictures is the part of help that says what an argument IMAGE may be.
const aboutPictures = `IMAGE is a file, a pattern, a folder, which stands for all pictures below it, or -
for standard input.`

// standard is the argument that stands for standard input, and the name of an output that
// stands for standard output.
const standard = "-"

// pictures are the pictures that a command line names.
type pictures struct {
	in   []vision.Input
	left leftOut // what the arguments name and cannot be read
}

// findPictures looks for the pictures that arguments name. It is an error if there are
// none.
func findPictures(c *cobra.Command, args []string) (*pictures, error) {
	p := &pictures{}
	for i, arg := range args {
		if arg == standard {
			if slices.Contains(args[:i], standard) {
				return nil, errors.New("- is given twice, but standard input holds one picture")
			}
			p.in = append(p.in, input(c, arg))
			continue
		}
		paths, err := vision.Paths(files.Unquote(arg))
		p.in = append(p.in, vision.Files(paths...)...)
		var some *vision.LeftOutError
		switch {
		case errors.As(err, &some):
			p.left.errs = append(p.left.errs, some.Unwrap()...)
		case err != nil:
			return nil, err
		}
	}
	if p.left.of = len(p.in) + len(p.left.errs); len(p.in) == 0 {
		return p, p.left.err()
	}
	return p, nil
}

// input is the picture that an argument names.
func input(c *cobra.Command, arg string) vision.Input {
	if arg == standard {
		return vision.Reader(standard, c.InOrStdin())
	}
	return vision.File(files.Unquote(arg))
}

// leftOut collects the errors of pictures that cannot be read.
type leftOut struct {
	of   int
	errs []error
}

// note reports whether err is the error of one picture, and collects it.
func (l *leftOut) note(err error) bool {
	var one *vision.InputError
	if !errors.As(err, &one) {
		return false
	}
	l.errs = append(l.errs, err)
	return true
}

// err returns one error for all pictures that were left out, or nil.
func (l *leftOut) err() error {
	switch {
	case len(l.errs) == 0:
		return nil
	case l.of == 1:
		return l.errs[0]
	}
	return l.all()
}

// all is err, and says how many pictures there were even if there was only one.
func (l *leftOut) all() error {
	if len(l.errs) == 0 {
		return nil
	}
	return &leftOutError{fmt.Sprintf("left out %d of %d pictures", len(l.errs), l.of), l.errs}
}

// leftOutError is the error for several pictures. complain prints each on a line.
type leftOutError struct {
	text string
	errs []error
}

func (e *leftOutError) Error() string {
	var all []string
	for _, err := range e.errs {
		all = append(all, strings.Join(strings.Fields(withoutCall(err)), " "))
	}
	return e.text + ": " + strings.Join(all, "\n")
}

func (e *leftOutError) Unwrap() []error { return e.errs }

// with returns an error for what e has left out and for err. Both may be nil.
func (e *leftOutError) with(err error) error {
	var more *leftOutError
	switch {
	case e == nil:
		return err
	case err == nil:
		return e
	case errors.As(err, &more):
		return &leftOutError{e.text + " and " + strings.TrimPrefix(more.text, "left out "), append(e.errs[:len(e.errs):len(e.errs)], more.errs...)}
	}
	return errors.Join(e, err)
}

// each calls use for the results of a task, in order, and shows the progress. It leaves
// out pictures that cannot be read. The error at the end is a *leftOutError if there are
// some, and other results are good.
func each[T any](m *modelFlags, p *pictures, results iter.Seq2[T, error], use func(T) error) error {
	bar := m.bar(m.err, "pictures", len(p.in))
	defer bar.Clear()
	for r, err := range results {
		bar.Clear()
		switch {
		case err == nil:
			err = use(r)
		case p.left.note(err):
			err = nil
		}
		if err != nil {
			return err
		}
		bar.Add(1)
	}
	return p.left.err()
}

// one returns the only result of a task.
func one[T any](results iter.Seq2[T, error]) (result T, err error) {
	for result, err = range results {
		return result, err
	}
	return result, err
}
