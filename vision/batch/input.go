package batch

import (
	"compress/flate"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/batch/store"
)

// PlaceError is the error of reading a picture that is not the picture's: of the disk or
// the network. The unit has to be done again.
type PlaceError struct{ Err error }

func (e *PlaceError) Error() string { return e.Err.Error() }

// Unwrap returns e.Err.
func (e *PlaceError) Unwrap() error { return e.Err }

// most is the largest file that is read as a picture.
const most = 1 << 31

// input is a picture of a unit. When it has been read, *sum is its hash if sum is not nil.
func input(ctx context.Context, places *store.Places, folder string, i Item, sum *string) vision.Input {
	return vision.Encoded(i.Path, func() ([]byte, error) {
		file, err := content(ctx, places, folder, i)
		if err == nil && sum != nil {
			*sum = fmt.Sprintf("%x", sha256.Sum256(file))
		}
		return file, files.Named(i.Path, err)
	})
}

// content reads the file of a picture.
func content(ctx context.Context, places *store.Places, folder string, i Item) ([]byte, error) {
	at := i.Path
	if i.Archive != "" {
		at = i.Archive
	}
	f, err := places.Open(ctx, whole(folder, at))
	if err != nil {
		return nil, placed(err)
	}
	defer f.Close()
	switch {
	case i.Archive != "" && (f.Size != i.ArchiveSize || f.Time.UnixMicro() != i.ArchiveTime):
		return nil, &PlaceError{&ChangedError{i.Archive, "has changed"}}
	case i.Archive == "":
		i.Size = f.Size
	}
	if i.Size > most {
		return nil, fmt.Errorf("%d bytes are too many for a picture", i.Size)
	}
	var file []byte
	if i.Packed > 0 {
		unpack := flate.NewReader(io.NewSectionReader(f, i.Offset, i.Packed))
		defer unpack.Close()
		file, err = io.ReadAll(io.LimitReader(unpack, i.Size))
	} else if left := f.Size - i.Offset; left < i.Size {
		return nil, fmt.Errorf("it has %d bytes, want %d", max(left, 0), i.Size)
	} else {
		file = make([]byte, i.Size)
		_, err = io.ReadFull(io.NewSectionReader(f, i.Offset, i.Size), file)
	}
	var corrupt flate.CorruptInputError
	switch {
	case errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, err
	case err != nil:
		return nil, placed(files.Named(at, err))
	case int64(len(file)) < i.Size:
		return nil, fmt.Errorf("it has %d bytes, want %d", len(file), i.Size)
	}
	return file, nil
}

// placed marks an error that is not the picture's own: all but a few are of the disk, of
// the network or of this computer, such as too many open files.
func placed(err error) error {
	for _, own := range []error{fs.ErrNotExist, fs.ErrPermission, files.ErrNotRegular, syscall.ELOOP, syscall.ENOTDIR, syscall.ENAMETOOLONG} {
		if errors.Is(err, own) {
			return err
		}
	}
	return &PlaceError{err}
}
