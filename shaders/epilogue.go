package shaders

import "github.com/vertebra/vertebra/graph"

// epilogue is what a kernel does to a sum before it stores the sum. onto says that the
// residual is in the memory of the result.
type epilogue struct {
	graph.Epilogue
	onto bool
}

// args returns the args of bias and residual, which follow base args. set has the
// constants for these and for the activation. With ONTO a kernel reads the residual from
// y: each invocation reads an element of y before it writes the same element.
func (e epilogue) args(base int) (bias, residual int, set Set) {
	bias, residual = Absent, Absent
	if e.Bias {
		bias = base
		base++
	}
	if e.Residual && !e.onto {
		residual = base
	}
	return bias, residual, Set{"HAS_BIAS": e.Bias, "HAS_RESIDUAL": e.Residual && !e.onto, "ONTO": e.onto, "ACT": int(e.Act)}
}

// flags returns the epilogue as bits of a kernel's sizes: 1 adds the bias, 2 the residual,
// 4 what is in y, and 8 is ReLU. Other activations are the constant that act returns.
func (e epilogue) flags() int {
	n := 0
	if e.Bias {
		n |= 1
	}
	switch {
	case e.onto:
		n |= 4
	case e.Residual:
		n |= 2
	}
	if e.Act == graph.ReLU {
		n |= 8
	}
	return n
}

// act returns the constant of an activation that flags does not have.
func (e epilogue) act() Set {
	if e.Act == graph.ReLU {
		return Set{"ACT": int(graph.None)}
	}
	return Set{"ACT": int(e.Act)}
}
