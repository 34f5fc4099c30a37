package graph

import "fmt"

// Inline adds the ops of g to the graph of args, which take the place of g's inputs, and
// g's stages to its stages. It returns the values that are g's outputs.
func (g *Graph) Inline(args ...*Value) []Output {
	if len(args) != len(g.Inputs) || len(args) == 0 {
		Fail(fmt.Errorf("inline: %d arguments for a graph with %d inputs", len(args), len(g.Inputs)))
	}
	to, at := args[0].graph, map[*Value]*Value{}
	for i, v := range g.Inputs {
		if args[i].graph != to || !args[i].Shape.Equal(v.Shape) {
			Fail(fmt.Errorf("inline: argument %d is %v, input %s is %v", i, args[i].Shape, v.Name, v.Shape))
		}
		at[v] = args[i]
	}
	for _, v := range g.Nodes {
		switch {
		case at[v] != nil:
		case v.Const != nil:
			at[v] = to.constant(*v)
		case v.Op != nil:
			own := make([]*Value, len(v.Args))
			for i, a := range v.Args {
				own[i] = at[a]
			}
			at[v] = Apply(v.Op, own...)
			at[v].Name = v.Name
		}
	}
	moved := func(list []Output) []Output {
		var all []Output
		for _, o := range list {
			all = append(all, Output{o.Name, at[o.Value]})
		}
		return all
	}
	to.Stages = append(to.Stages, moved(g.Stages)...)
	return moved(g.Outputs)
}

// Fail ends the enclosing Trace with an error.
func Fail(err error) { panic(shapeError{err}) }
