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
// that they have below root, as PNGs. A picture keeps its extension, before .png, where
// its name without would be that of another, in any case of letters.
func resultNames(root, out string, paths []string) ([]string, error) {
	var short, long []string
	uses := map[string]int{} // of both names
	for _, path := range paths {
		below, err := filepath.Rel(root, path)
		if err != nil {
			return nil, err
		}
		s, l := strings.TrimSuffix(below, filepath.Ext(below))+".png", below+".png"
		short, long = append(short, s), append(long, l)
		uses[strings.ToLower(s)]++
		if l != s {
			uses[strings.ToLower(l)]++
		}
	}
	for i, s := range short {
		if uses[strings.ToLower(s)] > 1 {
			s = long[i]
		}
		short[i] = filepath.Join(out, s)
	}
	return short, nil
}

// overwritten returns the first of names that is one of paths, and that path.
func overwritten(names, paths []string) (name, path string, ok bool) {
	var read []os.FileInfo
	for _, path := range paths {
		info, _ := os.Stat(path)
		read = append(read, info)
	}
	for _, name := range names {
		there, err := os.Stat(name)
		if err != nil {
			continue
		}
		for i, info := range read {
			if info != nil && os.SameFile(there, info) {
				return name, paths[i], true
			}
		}
	}
	return "", "", false
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
	if name, path, ok := overwritten(names, paths); ok {
		return fmt.Errorf("%s would take the place of %s, which is read; name another folder", files.Quote(name), files.Quote(path))
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
