package zoo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vertebra/vertebra/internal/files"
)

// hfFolder returns the folder from Hugging Face that path belongs to: path itself if
// it is a folder, or the folder of the file if its weights have Hugging Face's
// layout. It returns "" for other files, whose neighbours mean nothing.
func hfFolder(path string, layout bool) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path
	}
	if layout {
		return filepath.Dir(path)
	}
	return ""
}

// readConfig reads the JSON at path into to. It does nothing if there is no file.
func readConfig(path string, to any) error {
	data, err := files.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, to); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
