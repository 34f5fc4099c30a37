//go:build unix

package store

import (
	"errors"
	"os"

	"github.com/vertebra/vertebra/internal/files"
)

// syncFolder writes the names in a folder to the disk.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return files.Named(dir, err)
	}
	return files.Named(dir, errors.Join(f.Sync(), f.Close()))
}
