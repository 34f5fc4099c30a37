package gpu

import (
	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/shaders"
)

// pipeline is a compiled kernel text.
type pipeline struct {
	driver.Pipeline
	access []shaders.Access
}

// pipeline returns the compiled form of a kernel text, from the cache if the
// same text was compiled before.
func (d *Device) pipeline(source string) (*pipeline, error) {
	if p, ok := d.pipelines[source]; ok {
		return p, nil
	}
	access, err := shaders.Accesses(source)
	if err != nil {
		return nil, err
	}
	compiled, err := d.driver.Pipeline(source, access)
	if err != nil {
		return nil, err
	}
	p := &pipeline{compiled, access}
	d.pipelines[source] = p
	return p, nil
}
