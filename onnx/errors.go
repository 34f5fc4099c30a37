package onnx

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// needed returns the error for a value that must be known, of inputs with these bits.
func (im *importer) needed(set uint64) error {
	var names []string
	for ; set != 0; set &= set - 1 {
		i := bits.TrailingZeros64(set)
		if i == 63 {
			names = append(names, im.inputs[63:]...)
		} else {
			names = append(names, im.inputs[i])
		}
	}
	slices.Sort(names)
	return &ValueNeededError{names}
}

// NodeError is an error of one node.
type NodeError struct {
	Node   *Node
	Opset  int
	Inputs []string // types and shapes
	Err    error
}

func (e *NodeError) Error() string {
	where := e.Node.Key()
	if e.Node.Name != "" {
		where = fmt.Sprintf("%s (%.200s)", e.Node.Name, where)
	} else if len(e.Node.Outputs) > 0 {
		where += fmt.Sprintf(" that makes %.200s", e.Node.Outputs[0])
	}
	return fmt.Sprintf("node %s, opset %d, of %s: %v", where, e.Opset, strings.Join(e.Inputs, ", "), e.Err)
}

func (e *NodeError) Unwrap() error { return e.Err }

// located says at which node err happened.
func (c *call) located(err error) error {
	var at *NodeError
	if errors.As(err, &at) {
		return err
	}
	e := &NodeError{Node: c.node, Opset: c.opset, Err: err}
	for _, v := range c.in {
		if v == nil {
			e.Inputs = append(e.Inputs, "nothing")
			continue
		}
		e.Inputs = append(e.Inputs, v.String())
	}
	if len(c.in) == 0 {
		e.Inputs = []string{"no inputs"}
	}
	return e
}
