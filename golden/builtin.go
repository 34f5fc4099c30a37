package golden

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"github.com/vertebra/vertebra/weights"
)

// These files are small enough to be in every program, and together they use every
// kind of kernel.
//
//go:embed testdata/op_activations.safetensors
//go:embed testdata/op_*pool2d.safetensors
//go:embed testdata/op_conv2d.safetensors testdata/op_conv_transpose2d.safetensors
//go:embed testdata/op_linear.safetensors testdata/op_matmul.safetensors
//go:embed testdata/op_norms.safetensors testdata/op_softmax.safetensors
//go:embed testdata/op_resample.safetensors testdata/op_shape_ops.safetensors
//go:embed testdata/espcn_x4.safetensors
var builtin embed.FS

// Builtin reads the cases that are part of the program.
func Builtin() ([]Case, error) {
	entries, err := builtin.ReadDir("testdata")
	if err != nil {
		return nil, err
	}
	var all []Case
	for _, e := range entries {
		data, err := builtin.ReadFile(path.Join("testdata", e.Name()))
		if err != nil {
			return nil, err
		}
		s, err := weights.ReadSafetensors(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		cases, err := Read(strings.TrimSuffix(e.Name(), ".safetensors"), s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		all = append(all, cases...)
	}
	return all, nil
}
