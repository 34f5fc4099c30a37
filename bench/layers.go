package bench

import (
	"github.com/vertebra/vertebra/gpu"
)

// LayerTime is the time of one op of a layer, or of one of the op's dispatches.
type LayerTime struct {
	Layer      string  `json:"layer,omitempty"`
	Op         string  `json:"op"`
	Program    string  `json:"program"`
	Dispatches int     `json:"dispatches"`
	FLOPs      int64   `json:"flops"` // of the op's formula, whatever the program computes; 0 if unknown
	Bytes      int64   `json:"bytes"` // read and written
	Seconds    float64 `json:"seconds"`
}

// ByLayer joins successive dispatches of the same op of the same layer. A program may
// use many dispatches for one op and counts the op's operations at the first.
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

// ByDispatch keeps dispatches apart. If an op has several, the operations of each are
// unknown.
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
