package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
)

// resultNames returns where the enlarged pictures of a folder go: below out, with the paths
// that they have below root, as PNGs. Pictures whose names differ only in their extension
// keep it, before .png.
func resultNames(root, out string, paths []string) ([]string, error) {
	var short, all []string
	same := map[string]int{}
	for _, path := range paths {
		below, err := filepath.Rel(root, path)
		if err != nil {
			return nil, err
		}
		stem := strings.TrimSuffix(below, filepath.Ext(below)) + ".png"
		short, all = append(short, stem), append(all, below+".png")
		same[stem]++
	}
	for i, stem := range short {
		if same[stem] == 1 && same[all[i]] == 0 {
			all[i] = stem
		}
		all[i] = filepath.Join(out, all[i])
	}
	return all, nil
}

// foldered enlarges all pictures below a folder.
func (u *upscale) foldered(c *cobra.Command, root string, o vision.UpscaleOptions) error {
	if u.path == standard {
		return fmt.Errorf("--output -: %s is a folder, and so is what its pictures become", root)
	}
	p, err := findPictures(c, []string{root})
	if err != nil {
		return err
	}
	var paths []string
	for _, in := range p.in {
		paths = append(paths, in.Name)
	}
	names, err := resultNames(files.Unquote(root), u.path, paths)
	if err != nil {
		return err
	}
	for _, name := range names {
		for _, path := range paths {
			if sameFile(name, path) {
				return fmt.Errorf("%s would take the place of %s, which is read; name another folder", files.Quote(name), files.Quote(path))
			}
		}
	}
	m, err := u.load(c)
	if err != nil {
		return err
	}
	defer m.Close()
	bar := u.bar(u.err, "pictures", len(p.in))
	defer bar.Clear()
	results := []enlarged{}
	for i, in := range p.in {
		if err := os.MkdirAll(filepath.Dir(names[i]), 0o777); err != nil {
			return err
		}
		start := time.Now()
		var made vision.Enlargement
		err := u.save(names[i], func(w io.Writer) (err error) {
			made, err = m.Upscale(c.Context(), o, in, w)
			return err
		})
		bar.Clear()
		switch {
		case err != nil && !p.left.note(err):
			return err
		case err == nil && u.json:
			one := u.enlarged(m, in.Name, made, time.Since(start))
			one.Output = names[i]
			results = append(results, one)
		case err == nil && !u.quiet:
			fmt.Fprintf(u.out, "%s: %d×%d\n", files.Quote(names[i]), made.Width*made.Scale, made.Height*made.Scale)
		}
		bar.Add(1)
	}
	if u.json {
		if err := printJSON(u.out, results); err != nil {
			return err
		}
	} else if !u.quiet {
		fmt.Fprintf(u.out, "device: %v\n", m.Device())
	}
	return p.left.err()
}
