package vision

import (
	"fmt"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// NotFiniteError is the error for a result with NaN or infinities.
type NotFiniteError struct {
	Model  string
	Result string // the first tensor of the result that has them
	Weight string // the first tensor of the weights that has them; "" if none has
}

func (e *NotFiniteError) Error() string {
	text := fmt.Sprintf("%s: the result %s has NaN or infinities", e.Model, files.Quote(e.Result))
	if e.Weight != "" {
		return text + ", because the weights have: " + files.Quote(e.Weight) + " is the first tensor with them"
	}
	return text + ", though the weights have none: the input is out of range"
}

// CheckFinite returns a *NotFiniteError if results of the model have NaN or infinities.
// All methods but Run return this error by themselves.
func (m *Model) CheckFinite(results ...*tensor.Tensor) error {
	return checkFinite(m.Name, m.Network, results...)
}

// checkFinite looks at the weights only if a result is wrong, because they are many.
func checkFinite(name string, network any, results ...*tensor.Tensor) error {
	for _, r := range results {
		if r.Finite() {
			continue
		}
		e := &NotFiniteError{Model: name, Result: r.Name}
		if own, ok := network.(*zoo.ONNX); ok {
			e.Weight = own.NotFinite()
		}
		weights.Walk(network, func(name string, w *tensor.Tensor) {
			if e.Weight == "" && !w.Finite() {
				e.Weight = name
			}
		})
		return e
	}
	return nil
}
