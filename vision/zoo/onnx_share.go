package zoo

import (
	"fmt"
	"slices"

	"github.com/vertebra/vertebra/onnx"
)

// Shares reports whether each result of a run has one row for each picture, whatever their
// number is. The results are the main output if main is set, else all outputs, and the
// stages. A file that takes a fixed number of pictures proves nothing about its outputs, and
// one with rows of a varying number shares none.
func (n *ONNX) Shares(main bool, stages []string) bool {
	key := fmt.Sprint(main, stages)
	n.mu.Lock()
	known, ok := n.shared[key]
	n.mu.Unlock()
	if ok {
		return known
	}
	all := n.follow(main, stages)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.shared == nil {
		n.shared = map[string]bool{}
	}
	n.shared[key] = all
	return all
}

// follow is Shares. Two numbers of pictures show what follows them: a dimension may equal
// one of them by chance.
func (n *ONNX) follow(main bool, stages []string) bool {
	batches := []int{2, 3}
	if n.Batch > 0 {
		batches = []int{n.Batch}
	}
	for _, batch := range batches {
		x := n.Usual()
		x[0] = batch
		net, err := n.load(x)
		if err != nil {
			return false // it takes no such number of pictures
		}
		ports := net.Outputs
		if main {
			ports = ports[n.main : n.main+1]
		}
		if slices.ContainsFunc(ports, func(p onnx.Port) bool {
			return len(p.Shape) == 0 || p.Shape[0] != batch || p.Counted && p.Along == 0
		}) {
			return false
		}
		for _, s := range net.Graph.Stages {
			if v := s.Value.Shape; slices.Contains(stages, s.Name) && (len(v) == 0 || v[0] != batch) {
				return false
			}
		}
	}
	return true
}
