package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
)

// Worker does units of a job. Goroutines do not share it.
type Worker struct {
	Job    *Job
	Model  *vision.Model
	Name   string // in the files' metadata, such as the computer's
	Folder string // where relative paths of pictures begin; empty means the job's
}

// Report says what a worker has done.
type Report struct {
	Unit     int     `json:"unit"`
	Worker   string  `json:"worker"`
	Device   string  `json:"device"`
	Pictures int     `json:"pictures"`
	Errors   int     `json:"errors"` // pictures without a result
	Seconds  float64 `json:"seconds"`

	// First says that this worker made the file. If another was first, the other counts
	// are zero.
	First bool `json:"-"`
}

// OutError is the error of the store of results. It is no fault of a unit.
type OutError struct{ Err error }

func (e *OutError) Error() string { return e.Err.Error() }

// Unwrap returns e.Err.
func (e *OutError) Unwrap() error { return e.Err }

// The keys in the metadata of a unit's file. keyReport has a Report, keySpec the Spec, the
// others are for readers without a parser of JSON.
const (
	keyReport  = "vertebra.report"
	keySpec    = "vertebra.spec"
	keyModel   = "model"
	keyWeights = "weights"
	keyShape   = "shape" // of a vector
)

// Do makes the files of unit n, unless they are there. A picture that cannot be read
// becomes a row with its error. Do stops at any other error, and no file is made then. If
// no picture of the unit is there, the error is a PlaceError.
func (w *Worker) Do(ctx context.Context, n int) (Report, error) {
	report := Report{Unit: n, Worker: w.Name}
	f, err := w.Job.Out.Open(ctx, PartFile(n))
	switch {
	case err == nil:
		err = f.Close()
	case errors.Is(err, fs.ErrNotExist):
		report, err = w.compute(ctx, n)
	default:
		err = &OutError{err}
	}
	if err == nil && w.Job.Spec.NPY {
		err = w.vectors(ctx, n)
	}
	if err != nil {
		return Report{Unit: n, Worker: w.Name}, fmt.Errorf("unit %d: %w", n, err)
	}
	return report, nil
}

// compute makes the Parquet file of a unit.
func (w *Worker) compute(ctx context.Context, n int) (Report, error) {
	start := time.Now()
	items, err := w.Job.Items(n)
	if err != nil {
		return Report{}, err
	}
	u := &unit{Worker: w, number: n, items: items, sums: make([]string, len(items))}
	for i, item := range items {
		var sum *string
		if w.Job.Spec.SHA256 {
			sum = &u.sums[i]
		}
		u.in = append(u.in, input(ctx, w.Job.Places, w.folder(), item, sum))
	}
	rows, err := u.run(ctx)
	if err != nil {
		return Report{}, err
	}
	report := Report{Unit: n, Worker: w.Name, Pictures: len(items), Errors: u.errors}
	if d := w.Model.Device(); d != nil {
		report.Device = d.String()
	}
	report.Seconds = time.Since(start).Seconds()
	var file bytes.Buffer
	if err := rows(&file, u.metadata(report)...); err != nil {
		return Report{}, err
	}
	report.First, err = w.create(ctx, PartFile(n), file.Bytes())
	if !report.First {
		report.Pictures, report.Errors = 0, 0
	}
	return report, err
}

// create makes a file of the unit, unless it is there.
func (w *Worker) create(ctx context.Context, name string, content []byte) (made bool, err error) {
	made, err = w.Job.Out.Create(ctx, name, func(to io.Writer) error {
		_, err := to.Write(content)
		return err
	})
	if err != nil {
		err = &OutError{err}
	}
	return made, err
}

func (w *Worker) folder() string {
	if w.Folder != "" {
		return w.Folder
	}
	return w.Job.Folder
}

// unit is a unit that is being computed.
type unit struct {
	*Worker
	number int
	items  []Item
	in     []vision.Input
	sums   []string // of the files, if they are wanted
	shape  []int    // of a vector
	errors int
	unseen int // of the errors, pictures that are not there or may not be read
}

// writer writes rows of some type with metadata.
type writer func(to io.Writer, metadata ...parquet.WriterOption) error

// written returns the writer of rows.
func written[T any](rows []T) writer {
	return func(to io.Writer, metadata ...parquet.WriterOption) error {
		w := parquet.NewGenericWriter[T](to, append(metadata, parquet.Compression(&parquet.Zstd))...)
		if _, err := w.Write(rows); err != nil {
			return err
		}
		return w.Close()
	}
}

// next returns the row of picture i, whose result has the error err. An error that is not
// the picture's is returned: so is that of a unit of which this computer sees no picture.
func (u *unit) next(i int, err error) (row, error) {
	if err == nil {
		return u.items[i].row(u.sums[i], nil), nil
	}
	var place *PlaceError
	if errors.As(err, &place) {
		return row{}, files.Named(u.items[i].Path, place.Err)
	}
	var own *vision.InputError
	if !errors.As(err, &own) {
		return row{}, err
	}
	u.errors++
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		if u.unseen++; u.unseen == len(u.items) {
			return row{}, &PlaceError{fmt.Errorf("none of the pictures is there for this computer, the first is %w", files.Named(u.items[0].Path, own.Err))}
		}
	}
	return u.items[i].row(u.sums[i], own.Err), nil
}

// metadata returns the metadata of the unit's file.
func (u *unit) metadata(r Report) []parquet.WriterOption {
	s := u.Job.Spec
	all := []parquet.WriterOption{
		parquet.KeyValueMetadata(keyReport, text(r)),
		parquet.KeyValueMetadata(keySpec, text(s)),
		parquet.KeyValueMetadata(keyModel, s.Model),
		parquet.KeyValueMetadata(keyWeights, s.Fingerprint),
		parquet.KeyValueMetadata("unit", strconv.Itoa(r.Unit)),
	}
	if len(u.shape) > 0 {
		all = append(all, parquet.KeyValueMetadata(keyShape, text(u.shape)))
	}
	return all
}
