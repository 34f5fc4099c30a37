package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Fingerprint tells bound models apart, for files of what one has computed: by
// config, which is what their weights do not tell, and by the name, the shape and
// numbers here and there of every tensor.
func Fingerprint(model any, config string) [32]byte {
	h := sha256.New()
	fmt.Fprintln(h, config)
	Walk(model, func(name string, t *tensor.Tensor) {
		fmt.Fprintln(h, name, t.Shape)
		const most = 1024
		step := max(1, len(t.Data)/most)
		var some []byte
		for i := 0; i < len(t.Data); i += step {
			some = binary.LittleEndian.AppendUint32(some, math.Float32bits(t.Data[i]))
		}
		h.Write(some)
	})
	return [32]byte(h.Sum(nil))
}
