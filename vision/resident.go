package vision

import (
	"context"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/tensor"
)

// value is a tensor that stays where it was computed: on a device or in the host's
// memory. onHost and onDevice copy it to the other place on demand.
type value struct {
	host   *tensor.Tensor
	device *gpu.Tensor
}

// onHost returns the value in the host's memory.
func (v *value) onHost(ctx context.Context) (*tensor.Tensor, error) {
	if v.host != nil {
		return v.host, nil
	}
	t := tensor.New(v.device.Shape()...)
	if err := v.device.Read(ctx, t); err != nil {
		return nil, err
	}
	v.host = t
	return t, nil
}

// onDevice returns the value on a device. All calls must give the same device.
func (v *value) onDevice(d *gpu.Device) (*gpu.Tensor, error) {
	if v.device != nil {
		return v.device, nil
	}
	var err error
	v.device, err = d.Upload(v.host)
	return v.device, err
}

// close frees the value's memory on the device.
func (v *value) close() {
	if v != nil && v.device != nil {
		v.device.Close()
	}
}

func closeAll(all []*value) {
	for _, v := range all {
		v.close()
	}
}

// runValues runs a plan. The outputs of a plan on a GPU stay there. The caller closes
// the outputs.
func runValues(ctx context.Context, p Plan, inputs ...*value) ([]*value, error) {
	onGPU, ok := p.(*gpu.Plan)
	if !ok {
		hosts := make([]*tensor.Tensor, len(inputs))
		for i, v := range inputs {
			var err error
			if hosts[i], err = v.onHost(ctx); err != nil {
				return nil, err
			}
		}
		out, err := p.Run(ctx, hosts...)
		if err != nil {
			return nil, err
		}
		made := make([]*value, len(out))
		for i, t := range out {
			made[i] = &value{host: t}
		}
		return made, nil
	}
	in := make([]*gpu.Tensor, len(inputs))
	for i, v := range inputs {
		var err error
		if in[i], err = v.onDevice(onGPU.Device()); err != nil {
			return nil, err
		}
	}
	out, err := onGPU.NewOutputs()
	if err != nil {
		return nil, err
	}
	made := make([]*value, len(out))
	for i, t := range out {
		made[i] = &value{device: t}
	}
	if err := onGPU.RunInto(ctx, out, in); err != nil {
		closeAll(made)
		return nil, err
	}
	return made, nil
}
