package golden

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/weights"
)

// find looks for a file that a case names; see Load. It tries all ends of a path,
// such as "shared/data/a.png", "data/a.png" and "a.png".
func (f *file) find(name string) (string, error) {
	var folders, searched []string
	add := func(folder string) { // adds the folders in it, too
		folders, searched = append(folders, folder), append(searched, folder, filepath.Join(folder, "*"))
		entries, _ := os.ReadDir(folder) // none if it cannot be read
		for _, e := range entries {
			if e.IsDir() {
				folders = append(folders, filepath.Join(folder, e.Name()))
			}
		}
	}
	for _, d := range f.data {
		add(d)
		add(filepath.Join(d, "data"))
	}
	if f.dir != "" {
		beside := filepath.Join(f.dir, "..")
		folders, searched = append(folders, f.dir, beside), append(searched, f.dir, beside)
		add(filepath.Join(beside, "data"))
	}
	var parts []string
	for _, p := range strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '\\' }) {
		if p != "." && p != ".." {
			parts = append(parts, p)
		}
	}
	for _, folder := range folders {
		for i := range parts {
			path := filepath.Join(folder, filepath.Join(parts[i:]...))
			if _, err := os.Stat(path); err == nil {
				return path, nil
			}
		}
	}
	if len(searched) == 0 {
		return "", fmt.Errorf("%s is needed, but there is no folder to look for it in", files.Quote(name))
	}
	return "", fmt.Errorf("%s is not there; it was looked for in %s", files.Quote(name), files.Quote(strings.Join(searched, ", ")))
}

// checkpoint opens a checkpoint beside the file. It removes the prefix "module." of
// names, which training on several devices adds.
func (f *file) checkpoint(name string) (weights.Source, error) {
	path, err := f.find(name)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	src, err := weights.Open(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	f.opened = append(f.opened, src)
	return weights.Rename(src, func(n string) string { return strings.TrimPrefix(n, "module.") }), nil
}

// weights returns the file's weights, or those of the checkpoint that its config
// names.
func (f *file) weights() (weights.Source, error) {
	var a struct{ Weights string }
	if err := f.decode(&a); err != nil {
		return nil, err
	}
	if a.Weights != "" {
		return f.checkpoint(a.Weights)
	}
	return f.group("weight"), nil
}

// picture reads a tensor of bytes [H, W, C] or [H, W]. If the file has no such
// tensor, it reads the picture that the metadata name.
func (f *file) picture(name string) *picture.Image {
	m, err := f.readPicture(name)
	if err != nil {
		panic(missing{err})
	}
	return m
}

func (f *file) readPicture(name string) (*picture.Image, error) {
	e, ok := f.Entry(name)
	if !ok {
		m, err := f.photo()
		if errors.Is(err, errNoPhoto) {
			err = fmt.Errorf("no tensor %s, and %w", files.Quote(name), err)
		}
		return m, err
	}
	raw, err := f.Bytes(name)
	if err != nil {
		return nil, err
	}
	channels := append(e.Shape[:len(e.Shape):len(e.Shape)], 1)[min(2, len(e.Shape))]
	if e.DType != "U8" || len(e.Shape) < 2 || len(e.Shape) > 3 || channels != 1 && channels != 3 || len(raw) == 0 {
		return nil, fmt.Errorf("%s is %s %v, want a picture: U8 [H, W, 1 or 3] or [H, W]", files.Quote(name), e.DType, e.Shape)
	}
	f.see(name)
	m := picture.New(e.Shape[1], e.Shape[0], channels)
	copy(m.Pix, raw)
	return m, nil
}

// errNoPhoto is wrapped by the error of photo if the metadata name no picture.
var errNoPhoto = errors.New(`no "image" in the metadata or its config`)

// cropped matches the name of a picture with a part of it: the left, upper, right
// and lower border in pixels.
var cropped = regexp.MustCompile(`^(.*?)\s*\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\)$`)

// photo opens the picture that the metadata name, such as "chelsea.png" or
// "camera.png (60,30,460,330)".
func (f *file) photo() (*picture.Image, error) {
	var a struct {
		Image any
		Size  []int `json:"size_wh"`
	}
	if err := f.decode(&a); err != nil {
		return nil, err
	}
	name, _ := a.Image.(string)
	if name == "" {
		name = f.Metadata["image"]
	}
	if name == "" {
		return nil, errNoPhoto
	}
	whole, part := name, cropped.FindStringSubmatch(name)
	if part != nil {
		whole = part[1]
	}
	path, err := f.find(whole)
	if err != nil {
		return nil, err
	}
	m, err := picture.Load(path)
	if err != nil {
		return nil, err
	}
	if part != nil {
		var b [4]int
		for i := range b {
			if b[i], err = strconv.Atoi(part[2+i]); err != nil {
				return nil, fmt.Errorf("%s: %w", files.Quote(name), err)
			}
		}
		if b[0] >= b[2] || b[1] >= b[3] || b[2] > m.Width || b[3] > m.Height {
			return nil, fmt.Errorf("%s: the part is empty or outside the %d×%d pixels of the picture", files.Quote(name), m.Width, m.Height)
		}
		m = m.Crop(b[0], b[1], b[2]-b[0], b[3]-b[1])
	}
	if len(a.Size) == 2 && (a.Size[0] != m.Width || a.Size[1] != m.Height) {
		return nil, fmt.Errorf("%s has %d×%d pixels, but size_wh says %d×%d", files.Quote(name), m.Width, m.Height, a.Size[0], a.Size[1])
	}
	return m, nil
}

// squeezed returns a picture's samples as [H, W, C], or as [H, W] if it is grey and
// rank is 2.
func squeezed(m *picture.Image, rank int) *tensor.Tensor {
	t := m.Tensor()
	t = t.Reshape(t.Shape[1:]...)
	if rank == 2 && t.Shape[2] == 1 {
		t = t.Reshape(t.Shape[:2]...)
	}
	return t
}
