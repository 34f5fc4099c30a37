package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/index"
)

func newSearch(s *settings) *cobra.Command {
	q := &search{clipFlags: clipFlags{modelFlags: modelFlags{settings: s}}}
	c := &cobra.Command{
		Use:   "search FOLDER [QUERY]",
		Short: "Find pictures by words",
		Long: `Prints the pictures below a folder that are nearest to a query, with the cosine of the
angle between the embeddings of picture and query. The first run embeds all pictures
by CLIP and keeps the embeddings in an index file beside the folder. Later runs embed
only new and changed pictures, and forget removed ones. After an interruption, the
next run does the rest. Only one process at a time updates an index; others wait.

A search compares all pictures, and is exact. More than a million vectors belong into a
database that has an index for them, such as PostgreSQL with pgvector, Qdrant or Milvus;
"vertebra embed" writes them.

Without QUERY, search only updates the index. If QUERY is -, it reads queries from
standard input, one per line. A line that is too long gets an error, and the others are
answered. FOLDER may be the results of "vertebra batch embed", which are the index as
they are. Pictures that cannot be read are left out and named once. Files and folders
that cannot be looked at are named in each run.`,
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
	q.jsonFlag(c)
	return c
}

type search struct {
	clipFlags
	index string
	top   int
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
	args[0] = files.Unquote(args[0])
	if _, err := os.Stat(args[0]); err != nil { // first, because weights take long to read
		return files.Named(args[0], err)
	}
	m, err := q.open(c)
	if err != nil {
		return err
	}
	defer m.Close()
	x, err := index.Open(m, args[0], index.Options{Path: q.index})
	if errors.Is(err, index.ErrOtherModel) {
		return fmt.Errorf("%w: delete it, or give --index FILE for a second one", err)
	}
	if err != nil {
		return err
	}
	defer x.Close()
	var queries []string // from the command line
	if len(args) > 1 && args[1] != "-" {
		queries = args[1:]
	}
	var texts [][]float32
	if len(args) > 1 { // first, because the pictures may take long
		if texts, err = m.EmbedTexts(c.Context(), queries...); err != nil {
			return q.explain(err)
		}
	}
	if err := q.update(c.Context(), m, x, args[0]); err != nil {
		return q.explain(err)
	}
	switch {
	case len(args) == 1:
		if !q.quiet {
			fmt.Fprintf(q.out, "%s: %d pictures\n", files.Quote(x.Path()), x.Len())
		}
		return nil
	case len(queries) > 0:
		return q.answer(m, x, queries[0], texts[0])
	}
	return q.answerLines(c.Context(), m, x, c.InOrStdin())
}

// answerLines answers each line of in. A line that the model cannot read gets an error,
// and the next line follows.
func (q *search) answerLines(ctx context.Context, m *vision.Model, x *index.Index, in io.Reader) error {
	wrong, all := 0, 0
	lines := bufio.NewReader(in)
	for {
		line, end := lines.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			all++
			if err := m.CheckText(line); err != nil {
				wrong++
				complain(q.err, err)
			} else if err := q.answerLine(ctx, m, x, line); err != nil {
				return err
			}
		}
		switch {
		case end == nil:
		case !errors.Is(end, io.EOF):
			return end
		case wrong > 0:
			return fmt.Errorf("%d of %d queries have no answer", wrong, all)
		default:
			return nil
		}
	}
}

// answerLine answers a query.
func (q *search) answerLine(ctx context.Context, m *vision.Model, x *index.Index, line string) error {
	texts, err := m.EmbedTexts(ctx, line)
	if err != nil {
		return q.explain(err)
	}
	return q.answer(m, x, line, texts[0])
}

// update brings the index up to date with the folder, and prints the pictures that it
// leaves out.
func (q *search) update(ctx context.Context, m *vision.Model, x *index.Index, folder string) (failed error) {
	var left leftOut
	bar := q.bar(q.err, "pictures", 0)
	for s, err := range x.Update(ctx) {
		bar.Clear()
		switch {
		case s.Waiting:
			complain(q.err, fmt.Errorf("%s: another process is writing to the index: waiting for it", files.Quote(x.Path())))
			continue
		case err == nil:
			q.sayDevice(m, q.json)
		case !left.note(err):
			failed = err
			continue
		}
		if s.Done == 1 {
			bar = q.bar(q.err, "pictures", s.Total)
		}
		if s.Done > 0 {
			bar.Add(1)
		}
	}
	bar.Clear()
	left.of = len(left.errs) + x.Len()
	unread := left.all()
	if failed == nil && x.Len() == 0 {
		failed = fmt.Errorf("%s: no picture in this folder can be read", files.Quote(folder))
		if unread != nil {
			return fmt.Errorf("%w: %w", failed, unread)
		}
	}
	if unread != nil {
		complain(q.err, unread)
	}
	return failed
}

// answer prints the pictures nearest to a query.
func (q *search) answer(m *vision.Model, x *index.Index, query string, text []float32) error {
	start := time.Now()
	hits, err := x.Nearest(text, q.top)
	if err != nil {
		return err
	}
	r := searched{query, x.Len(), time.Since(start).Seconds(), []searchedHit{}}
	for _, h := range hits {
		r.Found = append(r.Found, searchedHit(h))
	}
	if q.json {
		return printJSON(q.out, r)
	}
	q.sayDevice(m, false)
	if !q.quiet {
		fmt.Fprintf(q.out, "%s: %d pictures searched in %.2f ms\n", files.Quote(query), r.Pictures, 1000*r.Seconds)
	}
	for _, f := range r.Found {
		fmt.Fprintf(q.out, "%6.3f  %s\n", f.Cosine, files.Quote(f.File))
	}
	return nil
}
