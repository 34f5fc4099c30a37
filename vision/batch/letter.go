package batch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/vertebra/vertebra/vision/batch/store"
)

// Letter says why a unit is given up.
type Letter struct {
	Unit   int    `json:"unit"`
	Run    string `json:"run"` // of the coordinator; the next one tries the unit again
	Worker string `json:"worker"`
	Why    string `json:"why"`
	First  string `json:"first"` // path of the unit's first picture
}

// deadLetter begins the names of dead letters.
const deadLetter = "_dead-"

// File returns the name of the letter in the store of results.
func (l Letter) File() string { return fmt.Sprintf("%s%s-%05d.json", deadLetter, l.Run, l.Unit) }

// Send writes the letter to the store of results, once.
func (l Letter) Send(ctx context.Context, out store.Store) error {
	_, err := out.Create(ctx, l.File(), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(l)
	})
	return err
}

// Letters reads the dead letters of a run, or of all runs if run is empty.
func Letters(ctx context.Context, out store.Store, run string) ([]Letter, error) {
	var all []Letter
	for e, err := range out.List(ctx) {
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(e.Path, deadLetter+run) || !strings.HasSuffix(e.Path, ".json") {
			continue
		}
		f, err := out.Open(ctx, e.Path)
		if err != nil {
			return nil, err
		}
		var l Letter
		err = json.NewDecoder(io.NewSectionReader(f, 0, f.Size)).Decode(&l)
		if f.Close(); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Path, err)
		}
		all = append(all, l)
	}
	return all, nil
}
