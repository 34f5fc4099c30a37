package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
)

// aboutRows is the part of help that says which picture a row belongs to.
const aboutRows = `A picture that cannot be read is left out and named. The other pictures are written,
and the exit status is 0, or 1 with --strict. The list of the pictures that the rows
belong to is in the metadata of a .safetensors FILE and in the output of --json. If a
picture is left out, a .npy FILE gets the list beside it, in FILE.json.`

// rowList is the JSON file beside a .npy file.
type rowList struct {
	Output string   `json:"output"`
	Files  []string `json:"files"` // the pictures, in the order of rows
	Left   []string `json:"left_out"`
}

// fatal reports whether err ends a command that has read so many pictures. It does not
// if it is about pictures that were left out.
func fatal(err error, read int) bool {
	var some *leftOutError
	return err != nil && (read == 0 || !errors.As(err, &some))
}

// tellRows prints the tensors that have been written to path, with a row for each named
// picture. left is the error of the pictures without a row, or nil.
func (m *modelFlags) tellRows(on *vision.Model, path string, names []string, all []*tensor.Tensor, left error) error {
	list := rowList{path, names, []string{}}
	var some *leftOutError
	if errors.As(left, &some) {
		for _, err := range some.errs {
			list.Left = append(list.Left, withoutCall(err))
		}
	}
	if strings.ToLower(filepath.Ext(path)) == ".npy" {
		if err := m.writeList(path+".json", list); err != nil {
			return err
		}
	}
	r := writtenTensors{Output: path, Files: names, Left: list.Left}
	var wrong *vision.NotFiniteError
	if err := m.tellTensors(on, r, all); err != nil || m.strict || errors.As(left, &wrong) {
		return errors.Join(err, left)
	}
	if left != nil {
		complain(m.err, left)
	}
	return nil
}

// writeList writes the list of the pictures if some were left out, or if the list of an
// earlier run is there.
func (m *modelFlags) writeList(path string, list rowList) error {
	if _, err := os.Lstat(path); len(list.Left) == 0 && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if !m.json && !m.quiet {
		fmt.Fprintf(m.out, "%s: the pictures of the rows\n", files.Quote(path))
	}
	return m.save(path, func(w io.Writer) error { return printJSON(w, list) })
}
