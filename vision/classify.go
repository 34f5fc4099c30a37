package vision

import (
	"context"
	"iter"
	"math"
	"sort"

	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// Classification says how probable each class is for a picture.
type Classification struct {
	Name string // of the input

	// Inverted says that a digit was dark on a light ground, so the model got the
	// negative of the picture.
	Inverted bool

	logits []float32
	label  func(class, count int) string
}

// Class is a class and its probability.
type Class struct {
	Number      int
	Name        string // "" if it is not known
	Probability float64
}

// Classify says what is in pictures, in order. If a picture cannot be read, it yields
// an *InputError and goes on; it stops at any other error.
func (m *Model) Classify(ctx context.Context, in ...Input) iter.Seq2[Classification, error] {
	return func(yield func(Classification, error) bool) {
		if err := m.For(zoo.Classify); err != nil {
			yield(Classification{}, err)
			return
		}
		for c, err := range m.each(ctx, true, nil, in) {
			var r Classification
			if c.prepared != nil {
				r.Name = c.name
			}
			if err == nil {
				r.logits, r.label = m.scores(c.outputs[0].Data), m.Label
				r.Inverted = m.Preprocess.Digit && picture.DarkOnLight(c.image.Grey())
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// scores returns the logits of classes. An ONNX file may have probabilities, whose logits
// are their logarithms: numbers that are not negative and sum to 1.
func (m *Model) scores(y []float32) []float32 {
	if _, ok := m.Network.(*zoo.ONNX); !ok {
		return y
	}
	sum := 0.0
	for _, v := range y {
		if sum += float64(v); v < 0 {
			return y
		}
	}
	if math.Abs(sum-1) > 1e-2 { // as far as float16 may be off
		return y
	}
	logits := make([]float32, len(y))
	for i, v := range y {
		logits[i] = float32(math.Log(max(float64(v), math.SmallestNonzeroFloat32)))
	}
	return logits
}

// Top returns the n most probable classes, the most probable first.
func (c Classification) Top(n int) []Class {
	p := softmax(c.logits)
	all := make([]Class, len(p))
	for i, v := range p {
		all[i] = Class{Number: i, Probability: v}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Probability > all[j].Probability })
	all = all[:max(0, min(n, len(all)))]
	for i := range all {
		all[i].Name = c.label(all[i].Number, len(p))
	}
	return all
}

// Probabilities returns the probability of each class. They sum to 1.
func (c Classification) Probabilities() []float64 { return softmax(c.logits) }

// Logits returns the network's scores. Their softmax gives the probabilities. The
// scores of a network that ends in a softmax are the logarithms of probabilities.
func (c Classification) Logits() []float32 { return c.logits }

// softmax is exp(x)/Σ exp(x).
func softmax[T float32 | float64](x []T) []float64 {
	largest, sum := math.Inf(-1), 0.0
	for _, v := range x {
		largest = max(largest, float64(v))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = math.Exp(float64(v) - largest)
		sum += y[i]
	}
	for i := range y {
		y[i] /= sum
	}
	return y
}
