package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Fingerprint returns a hash that tells bound models apart. A file of results can
// store it to name the model that computed them. It covers config, which says what
// weights do not tell, and the name, the shape and some of the numbers of each
// tensor.
func Fingerprint(model any, config string) [32]byte {
	h := sha256.New()
	fmt.Fprintln(h, config)
	Walk(model, func(name string, t *tensor.Tensor) {
		fmt.Fprintln(h, name, t.Shape)
		const most = 1024
		n := len(t.Data) + len(t.Halves)
		step := max(1, n/most)
		var some []byte
		for i := 0; i < n; i += step {
			var x float32
			if t.Halves != nil {
				x = tensor.FromHalf(t.Halves[i])
			} else {
				x = t.Data[i]
			}
			some = binary.LittleEndian.AppendUint32(some, math.Float32bits(x))
		}
		h.Write(some)
	})
	return [32]byte(h.Sum(nil))
}
