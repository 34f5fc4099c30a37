package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/batch"
	"github.com/vertebra/vertebra/vision/batch/store"
)

// openBatch opens the results of a job that embeds pictures, if there are any in the
// folder. All vectors are in memory. Update leaves them as they are.
func openBatch(m *vision.Model, folder string) (x *Index, ok bool, err error) {
	ctx := context.Background()
	j, err := batch.Attach(ctx, store.Folder(folder), &store.Places{})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, true, files.Named(folder, err)
	}
	defer j.Close()
	width, model, err := identity(m)
	if err != nil {
		return nil, true, err
	}
	own, err := batch.Fingerprint(m)
	if err != nil {
		return nil, true, err
	}
	if j.Spec.Fingerprint != own {
		return nil, true, fmt.Errorf("%s: its vectors are of %s with other weights, or prepared in another way", files.Quote(folder), files.Quote(j.Spec.Model))
	}
	x = &Index{model: m, folder: folder, path: filepath.Join(folder, batch.JobFile), made: true, file: &file{width: width, model: model}}
	for v, err := range batch.Vectors(ctx, j) {
		if err != nil {
			return nil, true, files.Named(folder, err)
		}
		if v.Error != "" {
			continue
		}
		if len(v.Vector) != width {
			return nil, true, fmt.Errorf("%s: the vector of %s has %d numbers, want %d", files.Quote(folder), files.Quote(v.Path), len(v.Vector), width)
		}
		if err := vision.Unit(v.Vector); err != nil {
			return nil, true, files.Named(v.Path, err)
		}
		x.names = append(x.names, v.Path)
		x.vectors = append(x.vectors, v.Vector)
	}
	return x, true, nil
}
