package bench

import (
	"github.com/vertebra/vertebra/gpu"
)

// LayerTime is how long one op of a layer took, or one dispatch of it.
type LayerTime struct {
	Layer      string  `json:"layer,omitempty"`
	Op         string  `json:"op"`
	Program    string  `json:"program"`
	Dispatches int     `json:"dispatches"`
	FLOPs      int64   `json:"flops"` // of the op's formula, however the program computes it; 0 if not known
	Bytes      int64   `json:"bytes"` // read and written
	Seconds    float64 `json:"seconds"`
}

// ByLayer joins dispatches that follow one another and are of the same op of the
// same layer: a program may take many for one op, and has its operations at the
// first of them.
func ByLayer(dispatches []gpu.Timing) []LayerTime {
	var layers []LayerTime
	for i, d := range dispatches {
		if i == 0 || d.Layer != dispatches[i-1].Layer || d.Op != dispatches[i-1].Op {
			layers = append(layers, LayerTime{Layer: d.Layer, Op: d.Op, Program: d.Program})
		}
		l := &layers[len(layers)-1]
		l.Dispatches++
		l.FLOPs += d.FLOPs
		l.Bytes += d.Bytes
		l.Seconds += d.Time.Seconds()
	}
	return layers
}

// ByDispatch keeps dispatches apart. Where an op takes several, the operations
// of each are not known.
func ByDispatch(dispatches []gpu.Timing) []LayerTime {
	var all []LayerTime
	for _, l := range ByLayer(dispatches) {
		for _, d := range dispatches[len(all) : len(all)+l.Dispatches] {
			one := LayerTime{Layer: d.Layer, Op: d.Op, Program: d.Program, Dispatches: 1, Bytes: d.Bytes, Seconds: d.Time.Seconds()}
			if l.Dispatches == 1 {
				one.FLOPs = d.FLOPs
			}
			all = append(all, one)
		}
	}
	return all
}
