package cases

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/vertebra/vertebra/internal/files"
)

// skeleton describes the weights of a model that is stored without them.
type skeleton struct {
	Bytes   int64
	Tensors []struct {
		Name             string
		Offset, Elements int64
		Mean, Std        float64
		Seed             uint64
	}
}

// Fill copies the model in a folder to another one, with the weights that its weights.json
// describes in weights.bin, beside its data. It reports false if there is no weights.json.
func Fill(folder, to string) (bool, error) {
	text, err := files.ReadFile(filepath.Join(folder, "weights.json"))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	var s skeleton
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err == nil {
		err = os.CopyFS(to, os.DirFS(folder))
	}
	if err == nil {
		err = files.Write(filepath.Join(to, "weights.bin"), s.write)
	}
	return true, err
}

// write writes the tensors in order, with zeros between them.
func (s skeleton) write(w io.Writer) error {
	out := bufio.NewWriter(w)
	at := int64(0)
	zeros := func(n int64) {
		for ; at < n; at++ {
			out.WriteByte(0)
		}
	}
	for _, t := range s.Tensors {
		if t.Offset < at || t.Elements < 0 || t.Offset+4*t.Elements > s.Bytes {
			return fmt.Errorf("tensor %.80q lies at %d in a file of %d bytes", t.Name, t.Offset, s.Bytes)
		}
		zeros(t.Offset)
		for i := range uint64(t.Elements) {
			var b [4]byte
			binary.LittleEndian.PutUint32(b[:], math.Float32bits(element(t.Mean, t.Std, t.Seed, i)))
			out.Write(b[:])
		}
		at += 4 * t.Elements
	}
	zeros(s.Bytes)
	return out.Flush()
}

// element is element i of a tensor: evenly distributed with this mean and deviation.
func element(mean, std float64, seed, i uint64) float32 {
	z := (seed<<32 + i + 1) * 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	u := float64(z>>40) / (1 << 24)
	spread := float64(std * math.Sqrt(12))
	return float32(mean + float64(spread*(u-0.5)))
}
