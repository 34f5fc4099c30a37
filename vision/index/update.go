package index

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
)

// Step is a step of Update.
type Step struct {
	// Waiting says that Update waits for another process that updates the index. The
	// other fields are zero.
	Waiting bool

	File        string // the picture that has been embedded, or what could not be read
	Done, Total int    // pictures of this update; Done counts this one. Both are 0 for what the search for pictures left out
}

// Update brings the index up to date with the folder. It embeds each new or changed
// picture and then yields it. If a picture cannot be read, it yields a
// *vision.InputError, leaves the picture out until it changes, and goes on. It yields
// such an error for each file and folder that vision.Paths leaves out, too; what the
// index has of a folder that cannot be read stays in it. It stops at any other error. A
// folder without pictures is an error, and the index stays as it was.
//
// If the caller breaks off the iteration or ends ctx, at most the current batch is
// lost.
func (x *Index) Update(ctx context.Context) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		if x.made {
			return
		}
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

// update is Update, and returns the error that ends it. If another process updates the
// index, update waits for it and then does the rest.
func (x *Index) update(ctx context.Context, tell func(Step, error) bool) error {
	now, left, err := x.folderNow()
	if err != nil {
		return err
	}
	for _, e := range left {
		if !tell(Step{File: e.Name}, e) {
			return nil
		}
	}
	if fresh, gone := x.file.changes(now, x.hidden(left)); len(fresh)+len(gone) == 0 {
		return nil
	}
	unlock, err := lockIndex(ctx, x.path, func() { tell(Step{Waiting: true}, nil) })
	if err != nil {
		return files.Named(x.path, err)
	}
	defer unlock()
	if err := x.reopen(); err != nil {
		return err
	}
	if now, left, err = x.folderNow(); err != nil { // the wait may have been long
		return err
	}
	fresh, gone := x.file.changes(now, x.hidden(left))
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

// append writes records of the fresh and the gone pictures. It stops early if tell
// returns false.
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
				return files.Named(e.Name, err)
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

// folderNow returns the sizes and times of the pictures below the folder, by their
// paths in the folder with slashes, and what cannot be read.
func (x *Index) folderNow() (now map[string]record, left []*vision.InputError, err error) {
	paths, err := vision.Paths(x.folder)
	var some *vision.LeftOutError
	switch {
	case err != nil && (len(paths) == 0 || !errors.As(err, &some)):
		return nil, nil, err
	case err != nil:
		left = some.Entries
	}
	now = map[string]record{}
	for _, path := range paths {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has just been removed
		}
		if err != nil {
			left = append(left, &vision.InputError{Name: path, Err: files.Named(path, err)})
			continue
		}
		name, err := x.name(path)
		if err != nil {
			return nil, nil, err
		}
		now[name] = record{size: info.Size(), time: info.ModTime().UnixNano()}
	}
	return now, left, nil
}

// name returns the name in the index of a path below the folder.
func (x *Index) name(path string) (string, error) {
	name, err := filepath.Rel(x.folder, path)
	return filepath.ToSlash(name), err
}

// hidden returns the names in the index of what cannot be read.
func (x *Index) hidden(left []*vision.InputError) []string {
	var all []string
	for _, e := range left {
		if name, err := x.name(e.Name); err == nil {
			all = append(all, name)
		}
	}
	return all
}

// changes compares the index with now. It returns the new and changed pictures, and
// the removed ones, both sorted. Pictures below a hidden folder are not removed.
func (x *file) changes(now map[string]record, hidden []string) (fresh, gone []string) {
	for name, n := range now {
		if old, ok := x.known[name]; !ok || old.size != n.size || old.time != n.time {
			fresh = append(fresh, name)
		}
	}
	for name := range x.known {
		below := func(folder string) bool { return strings.HasPrefix(name, folder+"/") }
		if _, ok := now[name]; !ok && !slices.ContainsFunc(hidden, below) {
			gone = append(gone, name)
		}
	}
	slices.Sort(fresh)
	slices.Sort(gone)
	return fresh, gone
}

// reopen reads the file again.
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

// write opens the file for appending. The caller has locked the index.
func (x *Index) write() (*writer, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	w, err := x.file.write()
	if x.file.data == nil { // Search would read a closed file
		if bad := x.reopenLocked(); err == nil && bad != nil {
			return nil, errors.Join(bad, w.close())
		}
	}
	return w, err
}

// compact makes the file shorter. It ignores errors, because a longer file is still
// valid.
func (x *Index) compact() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	_ = x.file.compact()
	return x.reopenLocked()
}
