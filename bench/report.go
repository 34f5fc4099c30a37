package bench

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/vertebra/vertebra/gpu"
)

// Report holds results and the machine that gave them. Times are in seconds, rates in
// 1e9 per second.
type Report[R any] struct {
	Kind string `json:"kind"` // "peak", "ops", "model" or "scale"
	Machine
	OthersCores *float64 `json:"others_cores,omitempty"` // Load.Others; nil if unknown
	Peak        *Peak    `json:"peak,omitempty"`         // nil if not measured
	Results     []R      `json:"results,omitempty"`
}

// Machine is the adapter and the version of this module that gave a result.
type Machine struct {
	Adapter string `json:"adapter"` // "cpu" for plain Go
	Type    string `json:"type"`    // of the adapter, as gpu.Info has it
	Backend string `json:"backend"` // "" for plain Go
	Driver  string `json:"driver"`
	Version string `json:"version"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Cores   int    `json:"cores"`
}

// Describe describes a device, nil for plain Go.
func Describe(d *gpu.Device) Machine {
	m := Machine{
		Adapter: "cpu", Type: "software", Version: Version(),
		OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU(),
	}
	if d != nil {
		info := d.Info()
		m.Adapter, m.Type, m.Backend, m.Driver = info.Name, info.Type, info.Backend, info.Driver
	}
	return m
}

// String names the machine in one line.
func (m Machine) String() string {
	s := m.Adapter
	if m.Backend != "" {
		s = fmt.Sprintf("%s (%s, %s)", s, m.Backend, m.Driver)
	}
	return fmt.Sprintf("%s; %s/%s, %d cores; vertebra %s", s, m.OS, m.Arch, m.Cores, m.Version)
}

// Disturbed reports whether times are not reliable because other processes keep the
// given number of cores busy. A software device needs all cores, a GPU needs one.
func (m Machine) Disturbed(others float64) bool {
	const little = 0.15
	if m.Type == "software" {
		return others > little
	}
	return others > max(little, float64(m.Cores)-1)
}

// Version returns this module's version, if the program's build information has it.
func Version() string {
	const module = "github.com/vertebra/vertebra"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, d := range info.Deps {
		if d.Path == module {
			v = d.Version
		}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value
		}
	}
	if v == "" {
		return "unknown"
	}
	return v
}
