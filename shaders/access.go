package shaders

import (
	"fmt"
	"strconv"
	"strings"
)

// Access is the class of a binding in a kernel's text.
type Access uint8

// The ways to reach a binding.
const (
	Read      Access = iota // var<storage, read>
	ReadWrite               // var<storage, read_write>
	Uniform                 // var<uniform>
)

// Accesses reads off a kernel's text how each binding is used, in order; that of
// its sizes is the last.
func Accesses(source string) ([]Access, error) {
	const decl = "@group(0) @binding("
	var kinds []Access
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
		kind := Read
		switch class {
		case "storage, read_write":
			kind = ReadWrite
		case "uniform":
			kind = Uniform
		}
		kinds, source = append(kinds, kind), rest
	}
}
