package shaders

import "github.com/vertebra/vertebra/graph"

// epilogue is what a kernel does to a sum before it stores it, and whether the
// residual is in the memory of the result.
type epilogue struct {
	graph.Epilogue
	onto bool
}

// args returns the args of bias and residual, which follow base args, and the
// constants that say which are there and what the activation is. With ONTO a
// kernel reads the residual where it writes the result: each invocation adds an
// element of it to the same element of y, and only before it stores that.
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

// flags says in a word of a kernel's sizes what the epilogue adds, and whether
// it ends in ReLU; act is the constant for any other activation.
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

func (e epilogue) act() Set {
	if e.Act == graph.ReLU {
		return Set{"ACT": int(graph.None)}
	}
	return Set{"ACT": int(e.Act)}
}
