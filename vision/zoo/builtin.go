package zoo

import (
	"embed"
	"fmt"

	"github.com/vertebra/vertebra/weights"
)

//go:embed espcn_*.safetensors
var espcnFiles embed.FS

// ESPCNWeights are the built-in weights for a scale of 2, 3 or 4; see
// espcn_train for how they came about.
func ESPCNWeights(scale int) (weights.Source, error) {
	file, err := espcnFiles.ReadFile(fmt.Sprintf("espcn_x%d.safetensors", scale))
	if err != nil {
		return nil, fmt.Errorf("zoo: no built-in ESPCN weights for scale %d", scale)
	}
	return weights.ReadSafetensors(file)
}

//go:embed lenet.safetensors
var lenetFile []byte

// LeNetWeights are built-in weights of NewLeNet5(1) for handwritten digits; see
// lenet_train for how they came about.
func LeNetWeights() (weights.Source, error) { return weights.ReadSafetensors(lenetFile) }
