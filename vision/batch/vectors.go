package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/parquet-go/parquet-go"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/batch/store"
)

// Vector is a row of a job whose task is Embed or Features.
type Vector struct {
	Path   string
	Vector []float32 // nil if there is an error
	Error  string
}

// part is an open file of a unit.
type part struct {
	*parquet.File
	file *store.File
}

func openPart(ctx context.Context, out store.Store, name string) (*part, error) {
	f, err := out.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	p, err := parquet.OpenFile(f, f.Size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, errors.Join(files.Named(name, err), f.Close())
	}
	return &part{p, f}, nil
}

// report returns what the file says of its making.
func (p *part) report() (r Report, err error) {
	text, _ := p.Lookup(keyReport)
	err = json.Unmarshal([]byte(text), &r)
	return r, err
}

// readRows reads all rows of a unit's file.
func readRows[T any](p *part, name string) ([]T, error) {
	r := parquet.NewGenericReader[T](p.File)
	defer r.Close()
	all := make([]T, p.NumRows())
	if n, err := r.Read(all); n < len(all) {
		return nil, files.Named(name, fmt.Errorf("%d of %d rows, %w", n, len(all), err))
	}
	return all, nil
}

// Vectors yields the rows of all units that have a file, in order.
func Vectors(ctx context.Context, j *Job) iter.Seq2[Vector, error] {
	return func(yield func(Vector, error) bool) {
		if t := j.Spec.Task; t != Embed && t != Features {
			yield(Vector{}, fmt.Errorf("%s: a job that does %s has no vectors", JobFile, t))
			return
		}
		missing, err := j.Missing(ctx)
		if err != nil {
			yield(Vector{}, err)
			return
		}
		skip := map[int]bool{}
		for _, n := range missing {
			skip[n] = true
		}
		for n := range j.Units() {
			if skip[n] {
				continue
			}
			rows, _, err := unitVectors(ctx, j.Out, n)
			if err != nil {
				yield(Vector{}, err)
				return
			}
			for _, r := range rows {
				if !yield(Vector{r.Path, r.Vector, r.Error}, nil) {
					return
				}
			}
		}
	}
}

// unitVectors reads the rows of a unit, and the shape of a vector.
func unitVectors(ctx context.Context, out store.Store, n int) (rows []vectorRow, shape []int, err error) {
	p, err := openPart(ctx, out, PartFile(n))
	if err != nil {
		return nil, nil, err
	}
	defer p.file.Close()
	if text, ok := p.Lookup(keyShape); ok {
		if err := json.Unmarshal([]byte(text), &shape); err != nil {
			return nil, nil, files.Named(PartFile(n), err)
		}
	}
	rows, err = readRows[vectorRow](p, PartFile(n))
	return rows, shape, err
}

// vectors makes the .npy file of a unit from its Parquet file: [rows, …]. The row of a
// picture without a result is NaN.
func (w *Worker) vectors(ctx context.Context, n int) error {
	f, err := w.Job.Out.Open(ctx, vectorFile(n))
	if err == nil {
		return f.Close()
	}
	rows, shape, err := unitVectors(ctx, w.Job.Out, n)
	if err != nil {
		return err
	}
	if shape == nil {
		shape = []int{0} // no picture has a vector
	}
	x := tensor.New(append([]int{len(rows)}, shape...)...)
	width := tensor.Shape(shape).Len()
	for i, r := range rows {
		to := x.Data[i*width:][:width]
		if r.Error == "" {
			if len(r.Vector) != width {
				return fmt.Errorf("%s: row %d has %d numbers, want %d", PartFile(n), i, len(r.Vector), width)
			}
			copy(to, r.Vector)
			continue
		}
		for k := range to {
			to[k] = float32(math.NaN())
		}
	}
	var file bytes.Buffer
	if err := x.WriteNPY(&file); err != nil {
		return err
	}
	_, err = w.create(ctx, vectorFile(n), file.Bytes())
	return err
}
