package batch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/batch/store"
)

// JobFile is the list of a job's pictures in the store of results. A row group is a unit.
// Its name begins with a line, so that readers of a folder of Parquet files pass it over.
const JobFile = "_job.parquet"

// Options say what a job is.
type Options struct {
	Out     store.Store
	Places  *store.Places // of the sources; nil means the disk
	Sources []string      // folders, pictures, patterns, archives and lists; see Item
	Folder  string        // where relative paths begin; empty means the current folder
	Unit    int           // pictures of a unit; 0 means 256
	Spec    Spec

	// AsListed goes on with a job whose sources may have changed: they are listed only if
	// the job is new.
	AsListed bool
}

// Job is a job with its list of pictures. Goroutines may share it.
type Job struct {
	About
	Out    store.Store
	Places *store.Places

	list *store.File
	file *parquet.File
}

// About is what a JobFile says of its job.
type About struct {
	ID      string   `json:"id"`
	Spec    Spec     `json:"spec"`
	Sources []string `json:"sources"`
	Folder  string   `json:"folder"`
	Unit    int      `json:"unit"`
}

// jobKey is the key of an About in the metadata of a JobFile.
const jobKey = "vertebra.job"

// Open opens the job in o.Out, or begins it there. It is an error if the job that is there
// does something else, or has other pictures. The caller closes the job.
func Open(ctx context.Context, o Options) (*Job, error) {
	if o.Unit = cmp.Or(o.Unit, 256); o.Unit < 1 || o.Unit > 1<<16 {
		return nil, fmt.Errorf("units of %d pictures, want 1 to %d", o.Unit, 1<<16)
	}
	if o.Places == nil {
		o.Places = &store.Places{}
	}
	j, err := Attach(ctx, o.Out, o.Places)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err = o.Out.Create(ctx, JobFile, func(w io.Writer) error { return o.write(ctx, w) }); err != nil {
			return nil, err
		}
		// Another process may have been first, so that its list counts.
		j, err = Attach(ctx, o.Out, o.Places)
	}
	if err != nil {
		return nil, err
	}
	if err := j.same(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", JobFile, err), j.Close())
	}
	return j, nil
}

// write lists the pictures into a new JobFile.
func (o Options) write(ctx context.Context, to io.Writer) error {
	about, err := json.Marshal(About{fmt.Sprintf("%016x", rand.Uint64()), o.Spec, o.Sources, o.Folder, o.Unit})
	if err != nil {
		return err
	}
	w := parquet.NewGenericWriter[Item](to, parquet.Compression(&parquet.Zstd), parquet.KeyValueMetadata(jobKey, string(about)))
	var unit []Item
	flush := func() error {
		if _, err := w.Write(unit); err != nil {
			return err
		}
		unit = unit[:0]
		return w.Flush()
	}
	for i, err := range list(ctx, o.Places, o.Folder, o.Sources) {
		if err != nil {
			return err
		}
		if unit = append(unit, i); len(unit) == o.Unit {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(unit) > 0 {
		if err := flush(); err != nil {
			return err
		}
	}
	return w.Close()
}

// Attach opens the job in a store. If there is none, the error is fs.ErrNotExist.
func Attach(ctx context.Context, out store.Store, places *store.Places) (*Job, error) {
	f, err := out.Open(ctx, JobFile)
	if err != nil {
		return nil, err
	}
	j := &Job{Out: out, Places: places, list: f}
	if j.file, err = parquet.OpenFile(f, f.Size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true)); err == nil {
		text, _ := j.file.Lookup(jobKey)
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields() // a later version's job
		err = d.Decode(&j.About)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: not the list of a job: %w", JobFile, err), f.Close())
	}
	return j, nil
}

// Close closes the list. It is idempotent.
func (j *Job) Close() error {
	f := j.list
	if j.list = nil; f == nil {
		return nil
	}
	return f.Close()
}

// Units returns the number of units.
func (j *Job) Units() int { return len(j.file.RowGroups()) }

// Pictures returns the number of pictures.
func (j *Job) Pictures() int { return int(j.file.NumRows()) }

// Items returns the pictures of unit n.
func (j *Job) Items(n int) ([]Item, error) {
	groups := j.file.RowGroups()
	if n < 0 || n >= len(groups) {
		return nil, fmt.Errorf("no unit %d, the job has %d", n, len(groups))
	}
	all := make([]Item, groups[n].NumRows())
	r := parquet.NewGenericRowGroupReader[Item](groups[n])
	defer r.Close()
	if got, err := r.Read(all); got < len(all) {
		return nil, fmt.Errorf("%s: unit %d: %d of %d pictures, %w", JobFile, n, got, len(all), err)
	}
	return all, nil
}

// items yields all pictures.
func (j *Job) items() iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for n := range j.Units() {
			all, err := j.Items(n)
			if err != nil {
				yield(Item{}, err)
				return
			}
			for _, i := range all {
				if !yield(i, nil) {
					return
				}
			}
		}
	}
}

// same returns an error if the job is not what o says.
func (j *Job) same(ctx context.Context, o Options) error {
	if d := j.Spec.differs(o.Spec); d != "" {
		return fmt.Errorf("the job is another: %s", d)
	}
	if o.Unit != j.Unit {
		return fmt.Errorf("the job has units of %d pictures, not %d", j.Unit, o.Unit)
	}
	if o.AsListed {
		return nil
	}
	next, stop := iter.Pull2(list(ctx, o.Places, o.Folder, o.Sources))
	defer stop()
	for old, err := range j.items() {
		if err != nil {
			return err
		}
		now, err, more := next()
		switch {
		case err != nil:
			return err
		case !more:
			return &ChangedError{old.Path, "is gone"}
		case now.Path < old.Path:
			return &ChangedError{now.Path, "is new"}
		case now.Path > old.Path:
			return &ChangedError{old.Path, "is gone"}
		case now != old:
			return &ChangedError{old.Path, "has changed"}
		}
	}
	now, err, more := next()
	if err == nil && more {
		err = &ChangedError{now.Path, "is new"}
	}
	return err
}

// ChangedError says that the sources have changed since a job began.
type ChangedError struct {
	Path string // of the first picture that is not as it was
	What string
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s %s since the job began", files.Quote(e.Path), e.What)
}

// PartFile returns the name of the file of unit n.
func PartFile(n int) string { return fmt.Sprintf("part-%05d.parquet", n) }

// vectorFile returns the name of the file of unit n for NumPy.
func vectorFile(n int) string { return fmt.Sprintf("part-%05d.npy", n) }

// Missing lists the units that have no file.
func (j *Job) Missing(ctx context.Context) ([]int, error) {
	there := make([]byte, j.Units())
	for e, err := range j.Out.List(ctx) {
		if err != nil {
			return nil, err
		}
		if n, kind, ok := unitOf(e.Path); ok && n < len(there) {
			there[n] |= kind
		}
	}
	want := byte(1)
	if j.Spec.NPY {
		want = 3
	}
	var all []int
	for n, have := range there {
		if have&want != want {
			all = append(all, n)
		}
	}
	return all, nil
}

// unitOf returns the unit of a file. kind is 1 for Parquet and 2 for NumPy.
func unitOf(name string) (n int, kind byte, ok bool) {
	number, _ := strings.CutPrefix(name, "part-")
	number, _, _ = strings.Cut(number, ".")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 0:
		return 0, 0, false
	case name == PartFile(n):
		return n, 1, true
	case name == vectorFile(n):
		return n, 2, true
	}
	return 0, 0, false
}

// readAll reads a file of a store.
func readAll(ctx context.Context, s store.Store, name string) ([]byte, error) {
	f, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.NewSectionReader(f, 0, f.Size)); err != nil {
		return nil, files.Named(name, err)
	}
	return b.Bytes(), nil
}
