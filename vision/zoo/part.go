package zoo

import (
	"errors"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// part is the network of a checkpoint that fits, without what wraps it.
type part struct {
	weights.Source
	file weights.Checkpoint
}

// openPart opens the checkpoint at path and finds the network in it that fits; see
// weights.Unwrap. The caller closes it.
func openPart(path, key string, fits func(weights.Source) bool) (*part, error) {
	src, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	inner, _, err := weights.Unwrap(src, key, fits)
	if err != nil {
		return nil, errors.Join(files.Named(path, err), src.Close())
	}
	return &part{inner, src}, nil
}

// Entry describes a tensor without reading it.
func (p *part) Entry(name string) (weights.Entry, bool) { return weights.Describe(p.Source, name) }

// View returns a tensor in place in its mapped file; see weights.Checkpoint.
func (p *part) View(name string) (*tensor.Tensor, error) { return weights.View(p.Source, name) }

// Close closes the file.
func (p *part) Close() error { return p.file.Close() }

func isCLIP(src weights.Source) bool {
	_, err := models.CLIPConfigOf(src)
	return err == nil
}

func isSAM(src weights.Source) bool {
	_, err := models.SAMConfigOf(src)
	return err == nil
}

func isESPCN(src weights.Source) bool {
	_, err := models.LoadESPCN(src, 0)
	return err == nil
}
