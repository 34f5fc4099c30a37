package gpu

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/shaders"
)

// TestOptionsAs expects that limits are lowered and never raised, and that a kind
// changes nothing else.
func TestOptionsAs(t *testing.T) {
	large := Info{Type: "discrete", MaxBufferSize: 1 << 40, Limits: shaders.Limits{
		StorageBinding: 1 << 31, StorageBuffers: 64, WorkgroupMemory: 64 << 10, WorkgroupSize: 1024, WorkgroupsPerDim: 1 << 20, ReadsApart: true,
	}}
	small := Info{Type: "software", MaxBufferSize: 1 << 20, Limits: shaders.Limits{
		Kind: shaders.CPU, StorageBinding: 1 << 19, StorageBuffers: 4, WorkgroupMemory: 1 << 10, WorkgroupSize: 128, WorkgroupsPerDim: 1 << 10,
	}}
	least, asCPU, asGPU := large, large, small
	least.Limits, least.MaxBufferSize = shaders.Default, 256<<20
	least.Limits.ReadsApart = true
	asCPU.Limits.Kind, asGPU.Limits.Kind = shaders.CPU, shaders.GPU
	for _, c := range []struct {
		o          Options
		info, want Info
	}{
		{Options{}, large, large},
		{Options{Limits: "default"}, large, least},
		{Options{Limits: "Default"}, small, small},
		{Options{Kind: "cpu"}, large, asCPU},
		{Options{Kind: "GPU"}, small, asGPU},
		{Options{Kind: "gpu"}, large, large},
	} {
		if got, err := c.o.as(c.info); err != nil || got != c.want {
			t.Errorf("%+v: %+v, %v", c.o, got, err)
		}
	}
	for _, o := range []Options{{Limits: "none"}, {Kind: "tpu"}} {
		if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "unknown; want ") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestDefaultLimits expects that a device with WebGPU's limits says so and keeps them:
// it makes no buffer that is larger.
func TestDefaultLimits(t *testing.T) {
	d, err := Open(Options{Limits: "default", Kind: "gpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	want := shaders.Default
	want.ReadsApart = d.info.Backend == "dx12"
	if d.info.Limits != want || !strings.Contains(d.info.String(), "default limits") {
		t.Errorf("%+v: %v", d.info.Limits, d.info)
	}
	if _, err := d.driver.Buffer(defaultBuffer+4, driver.Storage); err == nil {
		t.Error("a buffer was made that is larger than WebGPU guarantees")
	}
}
