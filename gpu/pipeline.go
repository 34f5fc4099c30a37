package gpu

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rajveermalviya/go-webgpu/wgpu"
)

// pipeline is a compiled kernel text with the layout of its bindings.
type pipeline struct {
	compute *wgpu.ComputePipeline
	layout  *wgpu.PipelineLayout
	group   *wgpu.BindGroupLayout
	module  *wgpu.ShaderModule
	kinds   []wgpu.BufferBindingType
}

func (p *pipeline) release() {
	if p.compute != nil {
		p.compute.Release()
	}
	if p.layout != nil {
		p.layout.Release()
	}
	if p.group != nil {
		p.group.Release()
	}
	if p.module != nil {
		p.module.Release()
	}
}

// bindingKinds reads off the text how each binding is used, in order.
func bindingKinds(source string) ([]wgpu.BufferBindingType, error) {
	const decl = "@group(0) @binding("
	var kinds []wgpu.BufferBindingType
	for {
		_, rest, found := strings.Cut(source, decl)
		if !found {
			return kinds, nil
		}
		number, rest, _ := strings.Cut(rest, ") var<")
		class, rest, found := strings.Cut(rest, ">")
		if number != strconv.Itoa(len(kinds)) || !found {
			return nil, fmt.Errorf("binding %d is declared as number %.9q", len(kinds), number)
		}
		kind := wgpu.BufferBindingType_ReadOnlyStorage
		switch class {
		case "storage, read_write":
			kind = wgpu.BufferBindingType_Storage
		case "uniform":
			kind = wgpu.BufferBindingType_Uniform
		}
		kinds, source = append(kinds, kind), rest
	}
}

// pipeline returns the compiled form of a kernel text, from the cache if the
// same text was compiled before.
func (d *Device) pipeline(source string) (*pipeline, error) {
	if p, ok := d.pipelines[source]; ok {
		return p, nil
	}
	kinds, err := bindingKinds(source)
	if err != nil {
		return nil, err
	}
	entries := make([]wgpu.BindGroupLayoutEntry, len(kinds))
	for i, k := range kinds {
		entries[i] = wgpu.BindGroupLayoutEntry{
			Binding:    uint32(i),
			Visibility: wgpu.ShaderStage_Compute,
			Buffer:     wgpu.BufferBindingLayout{Type: k},
		}
	}
	p := &pipeline{kinds: kinds}
	if p.module, err = d.device.CreateShaderModule(&wgpu.ShaderModuleDescriptor{
		WGSLDescriptor: &wgpu.ShaderModuleWGSLDescriptor{Code: source},
	}); err == nil {
		p.group, err = d.device.CreateBindGroupLayout(&wgpu.BindGroupLayoutDescriptor{Entries: entries})
	}
	if err == nil {
		p.layout, err = d.device.CreatePipelineLayout(&wgpu.PipelineLayoutDescriptor{
			BindGroupLayouts: []*wgpu.BindGroupLayout{p.group},
		})
	}
	if err == nil {
		p.compute, err = d.device.CreateComputePipeline(&wgpu.ComputePipelineDescriptor{
			Layout:  p.layout,
			Compute: wgpu.ProgrammableStageDescriptor{Module: p.module, EntryPoint: "main"},
		})
	}
	if err != nil {
		p.release()
		return nil, err
	}
	d.pipelines[source] = p
	return p, nil
}
