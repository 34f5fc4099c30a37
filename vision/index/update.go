package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/vertebra/vertebra/vision"
)

// Step is what Update has just done.
type Step struct {
	// Waiting says that another process updates the index, and that Update waits
	// for it. Nothing else is set.
	Waiting bool

	File        string // the picture that has been embedded, or could not be
	Done, Total int    // pictures of this update, with this one
}

// Update brings the index to what is in the folder now. It yields each picture
// that is new or has changed after it has been embedded, and nothing if there is
// none. A picture that cannot be read is yielded with a *vision.InputError. It is
// left out until it changes, and the others follow. Any other error is the last.
// A folder without a picture is such an error, and leaves the index as it was.
//
// Whoever breaks off the iteration, or ends ctx, loses at most the batch at work.
func (x *Index) Update(ctx context.Context) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		x.updating.Lock()
		defer x.updating.Unlock()
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		heard := true
		tell := func(s Step, err error) bool {
			if heard = heard && yield(s, err); !heard {
				stop()
			}
			return heard
		}
		if err := x.update(ctx, tell); err != nil {
			tell(Step{}, err)
		}
	}
}

// update is Update with the error that ends it. If another process is at it, it
// waits, and does what that has left to do.
func (x *Index) update(ctx context.Context, tell func(Step, error) bool) error {
	now, err := x.folderNow()
	if err != nil {
		return err
	}
	if fresh, gone := x.file.changes(now); len(fresh)+len(gone) == 0 {
		return nil
	}
	unlock, err := lockIndex(ctx, x.path, func() { tell(Step{Waiting: true}, nil) })
	if err != nil {
		return named(x.path, err)
	}
	defer unlock()
	if err := x.reopen(); err != nil {
		return err
	}
	if now, err = x.folderNow(); err != nil { // the wait may have been long
		return err
	}
	fresh, gone := x.file.changes(now)
	if len(fresh)+len(gone) == 0 {
		return nil
	}
	w, err := x.write()
	if err != nil {
		return err
	}
	err = x.append(ctx, w, now, fresh, gone, tell)
	if err = errors.Join(err, w.close(), x.reopen()); err != nil {
		return err
	}
	if x.file.dead > x.file.length/2 {
		return x.compact()
	}
	return nil
}

// append writes records of what is fresh and what is gone, until tell says that
// it is enough.
func (x *Index) append(ctx context.Context, w *writer, now map[string]record, fresh, gone []string, tell func(Step, error) bool) error {
	for _, name := range gone {
		if err := w.append(name, record{kind: recordRemoved}); err != nil {
			return err
		}
	}
	pictures := make([]vision.Input, len(fresh))
	for i, name := range fresh {
		pictures[i] = vision.File(x.join(name))
	}
	done := 0
	for e, err := range x.model.EmbedPictures(ctx, pictures...) {
		var unreadable *vision.InputError
		if err != nil && !errors.As(err, &unreadable) {
			return err
		}
		r := now[fresh[done]]
		if r.kind = recordUnreadable; err == nil {
			r.kind, r.vector = recordPicture, e.Vector
			if err := vision.Unit(r.vector); err != nil {
				return fmt.Errorf("%s: %w", e.Name, err)
			}
		}
		if err := w.append(fresh[done], r); err != nil {
			return err
		}
		done++
		if !tell(Step{File: e.Name, Done: done, Total: len(fresh)}, err) {
			return nil
		}
	}
	return nil
}

// folderNow is the pictures below the folder, by their paths in it with slashes,
// each with its size and time.
func (x *Index) folderNow() (map[string]record, error) {
	root, err := filepath.EvalSymlinks(x.folder)
	if err != nil {
		return nil, named(x.folder, err)
	}
	paths, err := vision.Paths(root)
	if err != nil {
		return nil, err
	}
	now := map[string]record{}
	for _, path := range paths {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone since, or a link to nowhere
		}
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return nil, err
		}
		now[filepath.ToSlash(name)] = record{size: info.Size(), time: info.ModTime().UnixNano()}
	}
	return now, nil
}

// changes are the pictures of now that the index does not know as they are, and
// those that are gone, both in order.
func (x *file) changes(now map[string]record) (fresh, gone []string) {
	for name, n := range now {
		if old, ok := x.known[name]; !ok || old.size != n.size || old.time != n.time {
			fresh = append(fresh, name)
		}
	}
	for name := range x.known {
		if _, ok := now[name]; !ok {
			gone = append(gone, name)
		}
	}
	slices.Sort(fresh)
	slices.Sort(gone)
	return fresh, gone
}

// reopen takes in the file as it is now.
func (x *Index) reopen() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.reopenLocked()
}

func (x *Index) reopenLocked() error {
	f, err := x.file.again()
	if err == nil {
		x.file = f
	}
	x.list()
	return err
}

// write begins to append to the file. The lock on it is held.
func (x *Index) write() (*writer, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	w, err := x.file.write()
	if x.file.data == nil { // what Search reads is closed
		if bad := x.reopenLocked(); err == nil && bad != nil {
			return nil, errors.Join(bad, w.close())
		}
	}
	return w, err
}

// compact makes the file shorter. One that could not be made shorter is as good.
func (x *Index) compact() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	_ = x.file.compact()
	return x.reopenLocked()
}
