package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
)

// extensions are those of the pictures that are taken from folders.
var extensions = []string{".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"}

// pictures lists the files that arguments mean: files, patterns, and folders
// with what is below them.
func pictures(args []string) ([]string, error) {
	var all []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err == nil && info.IsDir():
			before := len(all)
			err := filepath.WalkDir(arg, func(path string, e fs.DirEntry, err error) error {
				if err == nil && !e.IsDir() && slices.Contains(extensions, strings.ToLower(filepath.Ext(path))) {
					all = append(all, path)
				}
				return err
			})
			if err == nil && len(all) == before {
				err = fmt.Errorf("%s: no picture in this folder", arg)
			}
			if err != nil {
				return nil, err
			}
		case err != nil && strings.ContainsAny(arg, "*?["):
			found, bad := filepath.Glob(arg)
			if bad != nil {
				return nil, fmt.Errorf("%s: %w", arg, bad)
			}
			if len(found) == 0 {
				return nil, fmt.Errorf("%s: no such file", arg)
			}
			all = append(all, found...)
		case err != nil:
			return nil, plain(arg, err)
		default:
			all = append(all, arg)
		}
	}
	return all, nil
}

// photo is a file on its way through a network.
type photo struct {
	path  string
	image *picture.Image
	input *tensor.Tensor // [1, H, W, C]
	at    picture.Transform
	err   error
}

// read loads a file and prepares it as the model was trained.
func (n *network) read(path string) *photo {
	p := &photo{path: path}
	if p.image, p.err = picture.Load(path); p.err == nil {
		if p.input, p.at, p.err = n.entry.Preprocess.Apply(p.image); p.err != nil {
			p.err = fmt.Errorf("%s: %w", path, p.err)
		}
	}
	return p
}

// ahead reads files on all cores, a few ahead of whoever takes them, in order.
func (n *network) ahead(ctx context.Context, paths []string) <-chan (<-chan *photo) {
	line := make(chan (<-chan *photo), runtime.GOMAXPROCS(0))
	go func() {
		defer close(line)
		for _, path := range paths {
			one := make(chan *photo, 1)
			select {
			case line <- one:
			case <-ctx.Done():
				return
			}
			go func() { one <- n.read(path) }()
		}
	}()
	return line
}

// runner runs a network on pictures.
type runner struct {
	*network
	dev    *machine
	main   bool           // only the main result
	layers []string       // stages besides
	bad    func(p *photo) // takes pictures that cannot be read, instead of an error at the end

	batch    int
	program  *program
	compiled tensor.Shape
}

// each runs the network on files, batch at a time, and gives use the outputs
// [1, …] for each, in order. With skip, files that cannot be read are left out,
// and one error at the end names them; else the first one ends it.
func (r *runner) each(ctx context.Context, paths []string, skip bool, use func(p *photo, outputs []*tensor.Tensor) error) error {
	if err := checkBatch(r.batch); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer r.close()
	r.batch = min(r.batch, len(paths))
	bar := r.bar(r.err, "pictures", len(paths))
	defer bar.Clear()
	var waiting []*photo
	flush := func() error {
		if len(waiting) == 0 {
			return nil
		}
		outputs, err := r.run(ctx, waiting)
		if err != nil {
			return err
		}
		bar.Clear()
		for i, p := range waiting {
			var own []*tensor.Tensor
			for _, o := range outputs {
				size := o.Shape[1:].Len()
				one := tensor.Of(o.Data[i*size:(i+1)*size], append([]int{1}, o.Shape[1:]...)...)
				one.Name = o.Name
				own = append(own, one)
			}
			if err := use(p, own); err != nil {
				return err
			}
		}
		bar.Add(len(waiting))
		waiting = nil
		return nil
	}
	var bad []error
	for next := range r.ahead(ctx, paths) {
		p := <-next
		if p.err != nil && r.bad != nil {
			r.bad(p)
			bar.Add(1)
			continue
		}
		if p.err != nil {
			if bad = append(bad, p.err); !skip {
				return p.err
			}
			bar.Add(1)
			continue
		}
		if len(waiting) > 0 && !p.input.Shape.Equal(waiting[0].input.Shape) {
			if err := flush(); err != nil {
				return err
			}
		}
		if waiting = append(waiting, p); len(waiting) == r.batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	if len(bad) > 0 && len(paths) > 1 {
		return fmt.Errorf("%d of %d pictures were left out: %w", len(bad), len(paths), errors.Join(bad...))
	}
	return errors.Join(bad...)
}

// run runs a batch. The program is that of whole batches where there is one
// already for pictures of this size.
func (r *runner) run(ctx context.Context, batch []*photo) ([]*tensor.Tensor, error) {
	one := batch[0].input.Shape
	if r.program == nil || !r.compiled[1:].Equal(one[1:]) || r.compiled[0] < len(batch) {
		r.close()
		shape := append(tensor.Shape{len(batch)}, one[1:]...)
		var err error
		if r.program, err = r.compile(r.dev, r.main, r.layers, shape...); err != nil {
			return nil, err
		}
		r.compiled = shape
	}
	x := tensor.New(r.compiled...)
	for i, p := range batch {
		copy(x.Data[i*one.Len():], p.input.Data)
	}
	return r.program.run(ctx, x)
}

func (r *runner) close() {
	if r.program != nil {
		r.program.close()
		r.program = nil
	}
}
