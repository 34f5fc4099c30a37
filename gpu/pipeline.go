package gpu

import (
	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/shaders"
)

// pipeline returns the compiled form of a kernel, from the cache if one with
// the same text was compiled before: all that a pipeline depends on is in the
// text, wherever it comes from.
func (d *Device) pipeline(k shaders.Kernel) (driver.Pipeline, error) {
	source, err := k.Source()
	if err != nil {
		return nil, err
	}
	if p, ok := d.pipelines[source]; ok {
		return p, nil
	}
	p, err := d.driver.Pipeline(source, k.Access())
	if err != nil {
		return nil, err
	}
	d.pipelines[source] = p
	return p, nil
}
