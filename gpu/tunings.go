package gpu

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/shaders"
)

// Tunings is a folder that keeps what Tune finds, for any number of devices. Each
// Tuning has a file of its own, which is written beside its place and then renamed.
// Processes can therefore tune and compile at once, and none loses what another finds.
type Tunings struct {
	Folder string      // empty: nothing is kept, and Compile takes the best guesses
	Fault  func(error) // is told of each file that is not valid and is ignored; nil for nobody
}

// Tuning is the program that a device computes an op fastest with.
type Tuning struct {
	Format  string `json:"format"` // tuningFormat
	Adapter string `json:"adapter"`
	Driver  string `json:"driver"`
	Backend string `json:"backend"`
	Limits  string `json:"limits"`
	Kernels string `json:"kernels"` // shaders.Digest
	Op      string `json:"op"`      // plan.Op.Key

	Program string  `json:"program"`
	Default string  `json:"default"`         // the first guess
	Ratio   float64 `json:"time_to_default"` // the program's time over the default's, a median; 1 for the default
}

const tuningFormat = "vertebra tuning 1"

// mostTuning is the largest file of one tuning, in bytes.
const mostTuning = 1 << 20

// valid returns an error if t cannot come from Tune.
func (t Tuning) valid() error {
	switch {
	case t.Format != tuningFormat:
		return fmt.Errorf("format %s, want %q", files.Quote(t.Format), tuningFormat)
	case t.Kernels == "" || t.Op == "" || t.Program == "":
		return errors.New("a tuning without kernels, op or program")
	}
	return nil
}

// path is the place of t below a folder of tunings.
func (t Tuning) path() string {
	device := strings.Join([]string{t.Adapter, t.Driver, t.Backend, t.Limits, t.Kernels}, "\n")
	return filepath.Join(short(device), short(t.Op)+".json")
}

// short returns a name for a text that is safe in every file system.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:12])
}

// write puts t into the folder.
func (t Tunings) write(one Tuning) error {
	place := filepath.Join(t.Folder, one.path())
	if err := os.MkdirAll(filepath.Dir(place), 0o777); err != nil {
		return files.Named(t.Folder, err)
	}
	return files.Write(place, func(w io.Writer) error { return encode(w, one) })
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// read reads the tuning at path. ok is false if there is none.
func (t Tunings) read(path string) (one Tuning, ok bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return one, false, nil
	}
	if err == nil && info.Size() > mostTuning {
		err = errors.New("too large for a tuning")
	}
	var text []byte
	if err == nil {
		text, err = files.ReadFile(path)
	}
	if err == nil {
		err = json.Unmarshal(text, &one)
	}
	if err == nil {
		err = one.valid()
	}
	if err == nil && !strings.HasSuffix(path, one.path()) {
		err = errors.New("the tuning of another op or device")
	}
	if err != nil {
		return one, false, files.Named(path, err)
	}
	return one, true, nil
}

// fault reports a file that is ignored.
func (t Tunings) fault(err error) {
	if t.Fault != nil {
		t.Fault(fmt.Errorf("%w; this tuning is ignored", err))
	}
}

// exported is the file that Export writes.
type exported struct {
	Format  string   `json:"format"` // exportFormat
	Tunings []Tuning `json:"tunings"`
}

const exportFormat = "vertebra tunings 1"

// Export writes all tunings in the folder to w and returns how many there are.
func (t Tunings) Export(w io.Writer) (int, error) {
	all := exported{Format: exportFormat, Tunings: []Tuning{}}
	err := filepath.WalkDir(t.Folder, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return files.Named(path, err)
		case e.IsDir() || filepath.Ext(path) != ".json":
			return nil
		}
		one, ok, err := t.read(path)
		if err != nil {
			t.fault(err)
		} else if ok {
			all.Tunings = append(all.Tunings, one)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(all.Tunings), encode(w, all)
}

// Import puts the tunings that Export wrote into the folder, and returns how many they
// are. They replace those that the folder has for the same op and device. If one is
// not valid, it imports none.
func (t Tunings) Import(r io.Reader) (int, error) {
	var all exported
	if err := json.NewDecoder(r).Decode(&all); err != nil {
		return 0, fmt.Errorf("not a file of tunings: %w", err)
	}
	if all.Format != exportFormat {
		return 0, fmt.Errorf("not a file of tunings: format %s, want %q", files.Quote(all.Format), exportFormat)
	}
	for i, one := range all.Tunings {
		if err := one.valid(); err != nil {
			return 0, fmt.Errorf("tuning %d: %w", i+1, err)
		}
	}
	for i, one := range all.Tunings {
		if err := t.write(one); err != nil {
			return i, err
		}
	}
	return len(all.Tunings), nil
}

// tuned is what a device knows of its tunings.
type tuned struct {
	Tunings
	device Tuning // with the fields of the device alone

	mu       sync.Mutex
	programs map[string]string // by key; "" if there is no tuning
}

func newTuned(t Tunings, info Info) *tuned {
	k := &tuned{Tunings: t, programs: map[string]string{}}
	if t.Folder == "" {
		return k
	}
	limits, _ := json.Marshal(info.Limits)
	k.device = Tuning{
		Format: tuningFormat, Adapter: info.Name, Driver: info.Driver, Backend: info.Backend,
		Limits: string(limits), Kernels: shaders.Digest(),
	}
	return k
}

// program returns the name of the program for the op with this key, or "" if no
// tuning says.
func (k *tuned) program(key string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	name, known := k.programs[key]
	if known || k.Folder == "" {
		return name
	}
	t := k.device
	t.Op = key
	one, _, err := k.read(filepath.Join(k.Folder, t.path()))
	if err != nil {
		k.fault(err)
		one = Tuning{}
	}
	k.programs[key] = one.Program
	return one.Program
}

// keep remembers a result and writes it to the folder.
func (k *tuned) keep(t Tuning) error {
	k.mu.Lock()
	k.programs[t.Op] = t.Program
	k.mu.Unlock()
	if k.Folder == "" {
		return nil
	}
	return k.write(t)
}
