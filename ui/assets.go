package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
)

//go:embed assets
var folder embed.FS

// assets serves the page. A browser asks each time whether a file has changed.
func assets() http.Handler {
	root, err := fs.Sub(folder, "assets")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	hash := sha256.New()
	fs.WalkDir(root, ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			b, _ := fs.ReadFile(root, path)
			hash.Write(b)
		}
		return err
	})
	tag := `"` + hex.EncodeToString(hash.Sum(nil)[:8]) + `"`
	serve := http.FileServerFS(root)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			writeError(w, &statusError{http.StatusMethodNotAllowed, "pages are only read"})
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tag)
		serve.ServeHTTP(w, r)
	})
}
