// Package index finds pictures of a folder by words. An embedding model of package
// vision, such as CLIP, turns each picture into a vector once. A file keeps the
// vectors. A search compares the query with all of them, and is exact. It takes
// milliseconds for 100,000 pictures. From the second search on, codes of a quarter of the
// size rule most vectors out, so that a million take under a tenth of a second. More
// belong into a database of vectors.
//
// Begin with Open, bring the index up to date with Update, then Search:
//
//	m, err := vision.Open("ViT-B-32.pt", vision.Options{Batch: 8})
//	x, err := index.Open(m, "photos", index.Options{})
//	for step, err := range x.Update(ctx) { … }
//	hits, err := x.Search(ctx, "a dog on the beach", 10)
//
// Update embeds new and changed pictures, and forgets removed ones. It may be
// interrupted at any moment, even by the end of the process. The next Update does the
// rest. Processes that update the same index take turns.
package index

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// Options say where an index is. The zero value means beside the folder.
type Options struct {
	Path string // of the file; empty means the folder's path with ".vertebra" added
}

// Index is the index of the pictures below a folder. Goroutines may share it. A Search
// during an Update finds the pictures that were in the index before.
type Index struct {
	model  *vision.Model
	folder string
	path   string
	made   bool // by a batch.Job: names are whole paths, and Update does nothing

	updating sync.Mutex // held by Update

	mu      sync.RWMutex // guards the fields below
	file    *file
	names   []string // of the pictures with a vector, sorted
	vectors [][]float32

	coding   sync.Mutex // guards the fields below
	codes    *codes     // of vectors; nil if there are none yet
	searches int        // of these vectors
}

// codedFrom is the number of vectors from which codes gain something.
const codedFrom = 1 << 15

// Open opens the index of the pictures below folder. The index need not exist yet:
// Update makes it. If folder has the results of a batch.Job that embeds, they are the index
// as they are. If another model made the index, the error is ErrOtherModel. The
// caller closes the index before the model.
func Open(m *vision.Model, folder string, o Options) (*Index, error) {
	info, err := os.Stat(folder)
	if err != nil {
		return nil, files.Named(folder, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s: not a folder", files.Quote(folder))
	}
	if x, ok, err := openBatch(m, folder); ok {
		return x, err
	}
	if o.Path == "" {
		whole, err := filepath.Abs(folder)
		if err != nil {
			return nil, err
		}
		o.Path = whole + ".vertebra"
	}
	width, model, err := identity(m)
	if err != nil {
		return nil, err
	}
	x := &Index{model: m, folder: folder, path: o.Path}
	if x.file, err = openFile(o.Path, width, model); err != nil {
		return nil, err
	}
	x.list()
	return x, nil
}

// identity returns the width of a model's vectors and the model's fingerprint.
func identity(m *vision.Model) (width int, model [32]byte, err error) {
	if err := m.For(zoo.Embed); err != nil {
		return 0, model, err
	}
	clip, ok := m.Network.(*models.CLIP)
	if !ok {
		return 0, model, fmt.Errorf("index: %s is not a CLIP", m.Name)
	}
	c := clip.Config()
	return c.Embedding, weights.Fingerprint(clip, newer.Replace(fmt.Sprintf("%+v %+v", c, m.Preprocess))), nil
}

// newer removes fields at zero that the first index files did not have, so that these
// stay valid.
var newer = strings.NewReplacer(" Hidden:0 TextHidden:0", "", " Fill:[0 0 0]", "")

// Close closes the file. It is idempotent.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.names, x.vectors, x.codes = nil, nil, nil
	return x.file.close()
}

// Path returns the path of the index file.
func (x *Index) Path() string { return x.path }

// Len returns the number of pictures that Search can find.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.names)
}

// Hit is a picture that was found.
type Hit struct {
	File   string  // the picture's path, which begins with the folder's
	Cosine float32 // of the angle between its embedding and the query's
}

// Search finds the k pictures nearest to a query in words, the nearest first.
func (x *Index) Search(ctx context.Context, query string, k int) ([]Hit, error) {
	text, err := x.model.EmbedTexts(ctx, query)
	if err != nil {
		return nil, err
	}
	return x.Nearest(text[0], k)
}

// Nearest finds the k pictures nearest to a vector, the nearest first. The vector is
// one of vision.Model.EmbedTexts or EmbedPictures.
func (x *Index) Nearest(vector []float32, k int) ([]Hit, error) {
	if k < 1 {
		return nil, fmt.Errorf("index: cannot find the %d nearest pictures, want 1 or more", k)
	}
	query := slices.Clone(vector)
	if err := vision.Unit(query); err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	if len(query) != x.file.width {
		return nil, fmt.Errorf("index: the vector has %d numbers, want %d", len(query), x.file.width)
	}
	hits := []Hit{}
	for _, found := range topK(x.vectors, x.coded(), query, k) {
		hits = append(hits, Hit{x.join(x.names[found.at]), found.score})
	}
	return hits, nil
}

// coded returns the codes of the vectors, if there are some. The second search makes them,
// because they take longer than a search without. The caller holds the lock.
func (x *Index) coded() *codes {
	if len(x.vectors) < codedFrom || !x.coding.TryLock() {
		return nil
	}
	defer x.coding.Unlock()
	if x.searches++; x.searches > 1 && x.codes == nil {
		x.codes = newCodes(x.vectors)
	}
	return x.codes
}

// join returns the path of the picture that the file calls name.
func (x *Index) join(name string) string {
	if x.made {
		return name
	}
	return filepath.Join(x.folder, filepath.FromSlash(name))
}

// list takes names and vectors from the file. The caller holds the lock.
func (x *Index) list() {
	x.names, x.vectors = nil, nil
	x.codes, x.searches = nil, 0
	for name, r := range x.file.known {
		if r.kind == recordPicture {
			x.names = append(x.names, name)
		}
	}
	slices.Sort(x.names)
	for _, name := range x.names {
		x.vectors = append(x.vectors, x.file.known[name].vector)
	}
}
