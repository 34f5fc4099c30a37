package batch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"path/filepath"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/batch/store"
)

// Item is a picture of a job, as it was when the job began.
type Item struct {
	Path string `parquet:"path"` // for one in an archive, the archive's with the name in it
	Size int64  `parquet:"size"`
	Time int64  `parquet:"mtime,timestamp(microsecond)"`

	Archive     string `parquet:"archive,optional"` // that it lies in, if it does
	ArchiveSize int64  `parquet:"archive_size"`
	ArchiveTime int64  `parquet:"archive_mtime,timestamp(microsecond)"`
	Offset      int64  `parquet:"offset"` // in the archive
	Packed      int64  `parquet:"packed"` // its bytes there if it is deflated, else 0
}

// errEnough ends a walk whose receiver wants no more.
var errEnough = errors.New("enough")

// lister lists the pictures of sources.
type lister struct {
	ctx    context.Context
	places *store.Places
	folder string          // where relative paths begin
	seen   map[string]bool // nil if no path can come twice, other than in an archive
	yield  func(Item, error) bool
	lists  []string // that are being read
}

// list yields the pictures of sources: in their order, those of a folder by name. A source
// is a picture; a folder; a pattern; an archive .tar or .zip; or a list .txt, with a source
// in each line. A path that comes again is left out.
func list(ctx context.Context, places *store.Places, folder string, sources []string) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		l := &lister{ctx: ctx, places: places, folder: folder, yield: yield}
		if len(sources) > 1 || len(sources) == 1 && isList(sources[0]) {
			l.seen = map[string]bool{}
		}
		for _, s := range sources {
			if err := l.source(s); err != nil {
				if !errors.Is(err, errEnough) {
					yield(Item{}, err)
				}
				return
			}
		}
	}
}

func isList(path string) bool { return strings.EqualFold(filepath.Ext(path), ".txt") }

// whole returns a path as this process can open it.
func whole(folder, path string) string {
	if folder == "" || filepath.IsAbs(path) || store.IsS3(path) {
		return path
	}
	return filepath.Join(folder, path)
}

// source lists one source. Its error ends the list: a job without a part of its pictures is
// not begun.
func (l *lister) source(s string) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	e, folder, err := l.places.Stat(l.ctx, whole(l.folder, s))
	switch {
	case err == nil && folder:
		return l.below(s)
	case err == nil:
		return l.file(s, e)
	case strings.ContainsAny(s, "*?["):
		return l.pattern(s)
	}
	return err
}

// file lists a file: an archive, a list or a picture.
func (l *lister) file(name string, e store.Entry) error {
	switch strings.ToLower(path.Ext(name)) {
	case ".tar":
		return l.archive(name, tarItems)
	case ".zip":
		return l.archive(name, zipItems)
	case ".tgz", ".gz", ".zst", ".xz", ".bz2":
		return fmt.Errorf("%s: the parts of a compressed archive cannot be read alone: unpack it to a .tar", files.Quote(name))
	case ".txt":
		return l.lines(name)
	}
	return l.add(Item{Path: name, Size: e.Size, Time: e.Time.UnixMicro()})
}

func (l *lister) add(i Item) error {
	if l.seen != nil {
		if l.seen[i.Path] {
			return nil
		}
		l.seen[i.Path] = true
	}
	if !l.yield(i, nil) {
		return errEnough
	}
	return nil
}

// below lists the pictures below a folder. One that cannot be looked at is listed, too,
// and becomes a row with an error.
func (l *lister) below(root string) error {
	if store.IsS3(root) {
		return l.belowS3(root)
	}
	base, found := whole(l.folder, root), false
	err := files.Walk(base, func(at string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return files.Named(at, err)
		case l.ctx.Err() != nil:
			return l.ctx.Err()
		case d.IsDir() || !vision.IsPicture(at):
			return nil
		}
		rel, err := filepath.Rel(base, at)
		if err != nil {
			return err
		}
		found = true
		i := Item{Path: filepath.Join(root, rel)}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			i.Size, i.Time = info.Size(), info.ModTime().UnixMicro()
		} else if e, _, err := l.places.Stat(l.ctx, at); err == nil {
			i.Size, i.Time = e.Size, e.Time.UnixMicro()
		}
		return l.add(i)
	})
	if err == nil && !found {
		err = fmt.Errorf("%s: no picture in this folder", files.Quote(root))
	}
	return err
}

// belowS3 lists the pictures below a folder of S3.
func (l *lister) belowS3(root string) error {
	found := false
	for e, err := range l.places.Below(l.ctx, root) {
		if err != nil {
			return err
		}
		if !vision.IsPicture(e.Path) {
			continue
		}
		found = true
		if err := l.add(Item{Path: e.Path, Size: e.Size, Time: e.Time.UnixMicro()}); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%s: no picture in this folder", files.Quote(root))
	}
	return nil
}

// pattern lists the files and folders that match.
func (l *lister) pattern(s string) error {
	found := false
	for e, err := range l.places.Match(l.ctx, whole(l.folder, s)) {
		if err == nil && !filepath.IsAbs(s) && !store.IsS3(s) && l.folder != "" {
			e.Path, err = filepath.Rel(l.folder, e.Path)
		}
		if err == nil {
			found = true
			err = l.source(e.Path)
		}
		if err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%s: no such file", files.Quote(s))
	}
	return nil
}

// lines lists the sources in the lines of a file.
func (l *lister) lines(name string) error {
	for _, outer := range l.lists {
		if outer == name {
			return fmt.Errorf("%s: the list names itself", files.Quote(name))
		}
	}
	l.lists = append(l.lists, name)
	defer func() { l.lists = l.lists[:len(l.lists)-1] }()
	f, err := l.places.Open(l.ctx, whole(l.folder, name))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewReader(io.NewSectionReader(f, 0, f.Size))
	for n := 1; ; n++ {
		line, end := lines.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			if err := l.source(files.Unquote(line)); err != nil {
				if errors.Is(err, errEnough) || l.ctx.Err() != nil {
					return err
				}
				return fmt.Errorf("%s, line %d: %w", files.Quote(name), n, err)
			}
		}
		switch {
		case errors.Is(end, io.EOF):
			return nil
		case end != nil:
			return files.Named(name, end)
		}
	}
}

// archive lists the pictures in an archive.
func (l *lister) archive(name string, items func(*store.File) iter.Seq2[Item, error]) error {
	f, err := l.places.Open(l.ctx, whole(l.folder, name))
	if err != nil {
		return err
	}
	defer f.Close()
	if l.seen == nil { // an archive may have a name twice
		l.seen = map[string]bool{}
		defer func() { l.seen = nil }()
	}
	found := false
	for i, err := range items(f) {
		if err == nil {
			err = l.ctx.Err()
		}
		if err != nil {
			return files.Named(name, err)
		}
		if !vision.IsPicture(i.Path) {
			continue
		}
		found = true
		i.Archive, i.Path = name, name+"/"+i.Path
		i.ArchiveSize, i.ArchiveTime = f.Size, f.Time.UnixMicro()
		if err := l.add(i); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%s: no picture in this archive", files.Quote(name))
	}
	return nil
}
