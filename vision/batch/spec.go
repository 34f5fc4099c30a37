package batch

import (
	"cmp"
	"encoding/hex"
	"fmt"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// The tasks of a Spec.
const (
	Embed    = "embed"
	Classify = "classify"
	Segment  = "segment"
	Features = "features"
	Upscale  = "upscale"
)

// Spec says what is computed for each picture. Workers get it as JSON.
type Spec struct {
	Task        string `json:"task"`
	Model       string `json:"model"`       // name in the registry, or of a model that is not in it
	Fingerprint string `json:"fingerprint"` // of the model with its weights; see Fingerprint

	// How a worker opens the model; see vision.Options. Weights may lie elsewhere on
	// another computer.
	Weights    string          `json:"weights,omitempty"`
	Vocabulary string          `json:"vocabulary,omitempty"`
	Key        string          `json:"key,omitempty"`
	Classes    int             `json:"classes,omitempty"`
	Labels     []string        `json:"labels,omitempty"`
	Size       [2]int          `json:"size"`
	CLIP       zoo.CLIPOptions `json:"clip"`
	Scale      int             `json:"scale,omitempty"` // of ESPCN

	ONNX *zoo.ONNXOptions `json:"onnx,omitempty"` // for an ONNX file; the task in it does not count

	Top       int     `json:"top,omitempty"`       // classes of a picture; 0 means 5
	Normalize bool    `json:"normalize,omitempty"` // embeddings have length one
	Layer     string  `json:"layer,omitempty"`     // the stage for Features
	Layout    string  `json:"layout,omitempty"`    // "NCHW" or "NHWC": the order of numbers for Features; empty means NCHW
	Threshold float32 `json:"threshold,omitempty"` // see vision.SegmentOptions
	Format    string  `json:"format,omitempty"`    // "png" or "jpeg", of enlarged pictures; empty means png

	SHA256 bool `json:"sha256,omitempty"` // rows have the hashes of the pictures' files
	NPY    bool `json:"npy,omitempty"`    // vectors are written as .npy files, too
}

// needs has the task of the registry that each task needs; features need none.
var needs = map[string]zoo.Task{Embed: zoo.Embed, Classify: zoo.Classify, Segment: zoo.Segment, Features: 0, Upscale: zoo.SuperResolve}

// Check returns an error if a model cannot do what s says, or if it is not the model of
// s.Fingerprint.
func (s Spec) Check(m *vision.Model) error {
	task, ok := needs[s.Task]
	if !ok {
		return fmt.Errorf("no task %q, want %s, %s, %s, %s or %s", s.Task, Embed, Classify, Segment, Features, Upscale)
	}
	if task != 0 {
		if err := m.For(task); err != nil {
			return err
		}
	}
	if s.Fingerprint == "" {
		return nil
	}
	own, err := Fingerprint(m)
	if err == nil && own != s.Fingerprint {
		err = fmt.Errorf("%s is not the job's model: its weights are others, or pictures are prepared in another way", files.Quote(cmp.Or(m.Checkpoint, m.Name)))
	}
	return err
}

// Needs returns the task of the registry that the task needs; 0 means any.
func (s Spec) Needs() zoo.Task { return needs[s.Task] }

// Fingerprint tells models with other weights or another preprocessing apart. That of an
// ONNX file covers all of its bytes, and not its name.
func Fingerprint(m *vision.Model) (string, error) {
	sum := [32]byte{}
	if n, ok := m.Network.(*zoo.ONNX); ok {
		var err error
		if sum, err = n.Fingerprint(fmt.Sprintf("%+v", m.Preprocess)); err != nil {
			return "", err
		}
	} else {
		sum = weights.Fingerprint(m.Network, fmt.Sprintf("%s %+v", m.Name, m.Preprocess))
	}
	return hex.EncodeToString(sum[:]), nil
}
