package hub

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/vertebra/vertebra/internal/files"
)

// lock takes the lock called name, as Hugging Face's programs do, and returns the
// function that gives it back. It waits for the process that has it.
func (h *Hub) lock(ctx context.Context, name, file string) (func(), error) {
	path := filepath.Join(h.Folder, ".locks", name+".lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, files.Named(path, err)
	}
	l := flock.New(path)
	ours, err := l.TryLock()
	if err == nil && !ours {
		h.tell(Progress{Name: file, State: Locked, Total: -1})
		_, err = l.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%s: no lock: %w", files.Quote(path), err)
	}
	return func() { l.Close() }, nil
}
