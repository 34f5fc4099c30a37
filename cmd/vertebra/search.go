package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

func newSearch(s *settings) *cobra.Command {
	q := &search{clip: clip{network: network{settings: s}}}
	c := &cobra.Command{
		Use:   "search FOLDER [QUERY]",
		Short: "Find pictures by words",
		Long: `Embeds the pictures below a folder by CLIP, once, into an index file beside the
folder, and prints those that are nearest to the query with the cosine of the angle
between the two. Later runs embed only what is new or has changed, and forget what
has gone; one that was interrupted goes on where it stopped, and one that finds
another at work waits for it. Without a query the index is only brought up to date;
the query - is many, one a line, from standard input. Pictures that cannot be read
are named once and left out.`,
		Example: `  vertebra search photos/ "a dog on the beach" --weights ViT-B-32.pt --vocab bpe_simple_vocab_16e6.txt.gz
  vertebra search photos/ --weights clip-vit-base-patch32/ --batch 8
  vertebra search photos/ "sunset" --weights clip-vit-base-patch32/ --top 50 --json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: q.run,
	}
	q.flags(c)
	f := c.Flags()
	f.StringVar(&q.index, "index", "", "index file (default: FOLDER.vertebra beside the folder)")
	f.IntVar(&q.top, "top", 10, "how many pictures to print")
	f.BoolVar(&q.json, "json", false, "print a JSON object for each query")
	return c
}

type search struct {
	clip
	index  string
	top    int
	json   bool
	unread error // of pictures that have been left out
}

// searched is the answer to a query.
type searched struct {
	Query    string        `json:"query"`
	Pictures int           `json:"pictures"`
	Seconds  float64       `json:"seconds"` // of the search
	Found    []searchedHit `json:"found"`
}

type searchedHit struct {
	File   string  `json:"file"`
	Cosine float32 `json:"cosine"`
}

func (q *search) run(c *cobra.Command, args []string) error {
	if q.top < 1 {
		return fmt.Errorf("--top %d, want 1 or more", q.top)
	}
	if len(args) > 1 && strings.TrimSpace(args[1]) == "" {
		return errors.New("the query is empty")
	}
	folder := args[0]
	if info, err := os.Stat(folder); err != nil {
		return plain(folder, err)
	} else if !info.IsDir() {
		return fmt.Errorf("%s: not a folder", folder)
	}
	if q.index == "" {
		path, err := filepath.Abs(folder)
		if err != nil {
			return err
		}
		q.index = path + ".vertebra"
	}
	now, err := listFolder(folder)
	if err != nil {
		return err
	}
	if err := q.load(c, len(args) > 1); err != nil {
		return err
	}
	var ids *tensor.Tensor
	if len(args) > 1 && args[1] != "-" {
		if ids, err = q.tokenize(args[1:]); err != nil {
			return err
		}
	}
	x, err := openIndex(q.index, q.clip.clip.Config().Embedding, weights.Fingerprint(q.clip.clip, fmt.Sprintf("%+v %+v", q.clip.clip.Config(), q.entry.Preprocess)))
	if err != nil {
		return err
	}
	defer func() { x.close() }()
	dev, err := q.open()
	if err != nil {
		return err
	}
	defer dev.close()
	defer q.clip.close()
	if !q.json && !q.quiet {
		fmt.Fprintf(q.out, "device: %v\n", dev)
	}
	x, err = q.update(c.Context(), dev, x, folder, now)
	var names []string
	var vectors [][]float32
	if err == nil {
		if names, vectors = x.pictures(now); len(names) == 0 {
			err = fmt.Errorf("%s: no picture in this folder can be read", folder)
			if q.unread != nil {
				return fmt.Errorf("%w: %w", err, q.unread)
			}
		}
	}
	if q.unread != nil {
		complain(q.err, q.unread)
	}
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1:
		if !q.quiet {
			fmt.Fprintf(q.out, "%s: %d pictures\n", q.index, len(names))
		}
		return nil
	case ids != nil:
		return q.answer(c.Context(), dev, args[1], ids, folder, names, vectors)
	}
	lines := bufio.NewScanner(c.InOrStdin())
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		ids, err := q.tokenize([]string{lines.Text()})
		if err != nil {
			return err
		}
		if err := q.answer(c.Context(), dev, lines.Text(), ids, folder, names, vectors); err != nil {
			return err
		}
	}
	return lines.Err()
}

// answer prints what is nearest to a query.
func (q *search) answer(ctx context.Context, dev *machine, query string, ids *tensor.Tensor, folder string, names []string, vectors [][]float32) error {
	text, err := q.texts(ctx, dev, ids)
	if err != nil {
		return err
	}
	if err := units(text); err != nil {
		return err
	}
	start := time.Now()
	hits := nearest(vectors, text.Data, q.top)
	took := time.Since(start)
	r := searched{query, len(names), took.Seconds(), []searchedHit{}}
	for _, h := range hits {
		r.Found = append(r.Found, searchedHit{filepath.Join(folder, filepath.FromSlash(names[h.at])), h.score})
	}
	if q.json {
		return printJSON(q.out, r)
	}
	if !q.quiet {
		fmt.Fprintf(q.out, "%s: %d pictures searched in %.2f ms\n", query, r.Pictures, 1000*r.Seconds)
	}
	for _, f := range r.Found {
		fmt.Fprintf(q.out, "%6.3f  %s\n", f.Cosine, f.File)
	}
	return nil
}

// listFolder is the pictures below a folder, by their paths in it with slashes,
// each with its size and time.
func listFolder(folder string) (map[string]indexed, error) {
	root, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return nil, plain(folder, err)
	}
	paths, err := pictures([]string{root})
	if err != nil {
		return nil, err
	}
	now := map[string]indexed{}
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
		now[filepath.ToSlash(name)] = indexed{size: info.Size(), time: info.ModTime().UnixNano()}
	}
	return now, nil
}

// pictures are those of now that the index has embedded, by name.
func (x *index) pictures(now map[string]indexed) (names []string, vectors [][]float32) {
	for name := range now {
		if x.files[name].kind == recordPicture {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		vectors = append(vectors, x.files[name].vector)
	}
	return names, vectors
}

// changes are the pictures of now that the index does not know as they are, and
// those that are gone, both in order.
func (x *index) changes(now map[string]indexed) (fresh, gone []string) {
	for name, n := range now {
		if old, ok := x.files[name]; !ok || old.size != n.size || old.time != n.time {
			fresh = append(fresh, name)
		}
	}
	for name := range x.files {
		if _, ok := now[name]; !ok {
			gone = append(gone, name)
		}
	}
	slices.Sort(fresh)
	slices.Sort(gone)
	return fresh, gone
}

// update brings the index to what is in the folder now, and opens it again. If
// another process is at it, it waits, and does what that has left to do.
func (q *search) update(ctx context.Context, dev *machine, x *index, folder string, now map[string]indexed) (*index, error) {
	if fresh, gone := x.changes(now); len(fresh)+len(gone) == 0 {
		return x, nil
	}
	unlock, err := lockIndex(ctx, x.path, func() {
		complain(q.err, fmt.Errorf("%s: another process is writing to the index: waiting for it", x.path))
	})
	if err != nil {
		return x, plain(x.path, err)
	}
	defer unlock()
	if x, err = x.again(); err != nil {
		return nil, err
	}
	fresh, gone := x.changes(now)
	if len(fresh)+len(gone) == 0 {
		return x, nil
	}
	w, err := x.write()
	if err != nil {
		return x, err
	}
	err = q.append(ctx, dev, w, folder, now, fresh, gone)
	if err := errors.Join(err, w.close()); err != nil {
		return x, err
	}
	if x, err = x.again(); err != nil || x.dead <= x.length/2 {
		return x, err
	}
	// An index that could not be made shorter is as good.
	_ = x.compact()
	return x.again()
}

// append writes records of what is fresh and what is gone.
func (q *search) append(ctx context.Context, dev *machine, w *indexWriter, folder string, now map[string]indexed, fresh, gone []string) error {
	for _, name := range gone {
		if err := w.append(name, indexed{kind: recordRemoved}); err != nil {
			return err
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	var paths []string
	names := map[string]string{}
	for _, name := range fresh {
		path := filepath.Join(folder, filepath.FromSlash(name))
		paths = append(paths, path)
		names[path] = name
	}
	var unread []error
	add := func(path string, kind uint32, vector []float32) error {
		r := now[names[path]]
		r.kind, r.vector = kind, vector
		return w.append(names[path], r)
	}
	var failed error
	bad := func(p *photo) {
		unread = append(unread, p.err)
		failed = errors.Join(failed, add(p.path, recordUnreadable, nil))
	}
	err := q.pictures(ctx, dev, paths, true, bad, func(path string, v []float32) error {
		if err := unit(v); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return errors.Join(failed, add(path, recordPicture, v))
	})
	if len(unread) > 0 {
		q.unread = fmt.Errorf("%d of %d pictures were left out: %w", len(unread), len(fresh), errors.Join(unread...))
	}
	return errors.Join(err, failed)
}
