package zoo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// hfFolder is the folder of Hugging Face's that path is or that, if its weights
// have that layout, a file there is from; "" for other files, which have nothing
// to do with what lies beside them.
func hfFolder(path string, layout bool) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path
	}
	if layout {
		return filepath.Dir(path)
	}
	return ""
}

// readConfig reads the JSON at path, or nothing if there is no file.
func readConfig(path string, to any) error {
	data, err := os.ReadFile(path)
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
