package codec

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// FuzzDecode checks that broken files are errors, and that what is decoded is whole and
// as large as Config said.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("../testdata/*.*")
	if err != nil || len(files) == 0 {
		f.Fatal("no pictures", err)
	}
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		info, err := Config(file)
		if err != nil || info.Width*info.Height > 1<<20 {
			return // slow, not broken
		}
		p, err := Decode(context.Background(), file, 1<<20)
		if err != nil {
			return
		}
		if p.Width != info.Width || p.Height != info.Height || p.Format != info.Format {
			t.Errorf("%s of %d×%d, want %v", p.Format, p.Width, p.Height, info)
		}
		if len(p.Pix) != p.Width*p.Height*p.Channels || p.Alpha != nil && len(p.Alpha) != p.Width*p.Height {
			t.Errorf("%d×%d×%d has %d samples, %d of alpha", p.Width, p.Height, p.Channels, len(p.Pix), len(p.Alpha))
		}
	})
}
