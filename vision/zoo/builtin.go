package zoo

import (
	"embed"
	"fmt"

	"github.com/vertebra/vertebra/weights"
)

//go:embed espcn_*.safetensors
var espcnFiles embed.FS

// ESPCNWeights returns the built-in weights for a scale of 2, 3 or 4. The program
// espcn_train made them.
func ESPCNWeights(scale int) (weights.Source, error) {
	file, err := espcnFiles.ReadFile(fmt.Sprintf("espcn_x%d.safetensors", scale))
	if err != nil {
		return nil, fmt.Errorf("zoo: no built-in ESPCN weights for scale %d", scale)
	}
	return weights.ReadSafetensors(file)
}

//go:embed lenet.safetensors
var lenetFile []byte

// LeNetWeights returns built-in weights of models.NewLeNet5(1) for handwritten
// digits. The program lenet_train made them.
func LeNetWeights() (weights.Source, error) { return weights.ReadSafetensors(lenetFile) }
