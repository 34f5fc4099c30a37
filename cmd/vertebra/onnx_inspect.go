package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/vision/zoo"
)

// onnxInspection says what an ONNX file holds and whether it can run.
type onnxInspection struct {
	File        string         `json:"file"`
	Producer    string         `json:"producer"`
	IR          int64          `json:"ir_version"`
	Opsets      map[string]int `json:"opsets"` // by domain; "" is ai.onnx
	Inputs      []onnxPort     `json:"inputs"`
	Outputs     []onnxPort     `json:"outputs"`
	Operators   map[string]int `json:"operators"`
	Unsupported []onnxNode     `json:"unsupported"`
	Parameters  int64          `json:"parameters"`
	Problem     string         `json:"problem,omitempty"` // why it cannot run with these dimensions
	MultiplyAdd int64          `json:"multiply_adds,omitempty"`
	Ops         int            `json:"ops,omitempty"` // of the graph that runs
}

type onnxPort struct {
	Name  string   `json:"name"`
	Type  string   `json:"type"`
	Shape []string `json:"shape"`
}

type onnxNode struct {
	Operator string `json:"operator"`
	Node     string `json:"node"`
	Output   string `json:"output"`
	Offset   int    `json:"offset"` // of its first byte in the file
}

// inspectONNX describes a file. dim, and the size and batch of flags, bind its free
// dimensions.
func inspectONNX(path string, dim []string, flags *modelFlags) (*onnxInspection, error) {
	o := onnx.Options{}
	var err error
	if o.Dims, err = boundDims(dim); err != nil {
		return nil, err
	}
	var size [2]int
	if flags.size != "" {
		if size[0], size[1], err = parseSize(flags.size); err != nil {
			return nil, err
		}
	}
	if flags.batch != 0 {
		if err := checkBatch(flags.batch); err != nil {
			return nil, err
		}
	}
	m, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	r := &onnxInspection{File: path, Producer: strings.TrimSpace(m.Producer + " " + m.ProducerVersion), IR: m.IR, Opsets: m.Opsets,
		Inputs: portsOf(m.Given()), Outputs: portsOf(m.Graph.Outputs), Operators: m.Operators(), Unsupported: []onnxNode{}}
	for _, n := range m.Unsupported() {
		u := onnxNode{Operator: n.Key(), Node: n.Name, Offset: n.Offset}
		if len(n.Outputs) > 0 {
			u.Output = n.Outputs[0]
		}
		r.Unsupported = append(r.Unsupported, u)
	}
	if r.Parameters, err = m.Parameters(); err != nil {
		return nil, err
	}
	if o.Shapes, err = zoo.ONNXShapes(m, zoo.ONNXOptions{Dims: o.Dims}, size, flags.batch); err != nil {
		return nil, files.Named(path, err)
	}
	n, err := onnx.Import(m, o)
	if err != nil {
		r.Problem = withoutCall(err)
		return r, nil
	}
	if n.Graph != nil {
		for _, v := range n.Graph.Nodes {
			if v.Op != nil {
				r.Ops++
				r.MultiplyAdd += graph.FLOPs(v.Op, v.ArgShapes(), v.Shape) / 2
			}
		}
	}
	return r, nil
}

func portsOf(infos []*onnx.Info) []onnxPort {
	ports := []onnxPort{}
	for _, v := range infos {
		p := onnxPort{Name: v.Name, Type: v.Type.String(), Shape: []string{}}
		for _, d := range v.Dims {
			p.Shape = append(p.Shape, d.String())
		}
		ports = append(ports, p)
	}
	return ports
}

func (r *onnxInspection) print(out io.Writer) error {
	lines := bufio.NewWriter(out)
	w := tabwriter.NewWriter(lines, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "operator\tnodes")
	for _, op := range slices.SortedFunc(maps.Keys(r.Operators), func(a, b string) int {
		return cmp.Or(r.Operators[b]-r.Operators[a], strings.Compare(a, b))
	}) {
		fmt.Fprintf(w, "%s\t%d\n", files.Quote(op), r.Operators[op])
	}
	w.Flush()
	fmt.Fprintln(lines)
	for _, side := range []struct {
		what  string
		ports []onnxPort
	}{{"input", r.Inputs}, {"output", r.Outputs}} {
		for _, p := range side.ports {
			fmt.Fprintf(lines, "%s %s: %s [%s]\n", side.what, files.Quote(p.Name), p.Type, files.Escape(strings.Join(p.Shape, ", ")))
		}
	}
	var opsets []string
	for _, domain := range slices.Sorted(maps.Keys(r.Opsets)) {
		opsets = append(opsets, fmt.Sprintf("%s %d", cmp.Or(domain, "ai.onnx"), r.Opsets[domain]))
	}
	fmt.Fprintf(lines, "%s\n", files.Escape(fmt.Sprintf("ONNX file of %s, IR %d, opset %s, %d parameters",
		cmp.Or(r.Producer, "an unknown producer"), r.IR, strings.Join(opsets, ", "), r.Parameters)))
	for _, u := range r.Unsupported {
		fmt.Fprintf(lines, "not supported: %s\n", files.Escape(fmt.Sprintf("%s, node %s that makes %s, at byte %d", u.Operator, cmp.Or(u.Node, "without a name"), u.Output, u.Offset)))
	}
	switch {
	case len(r.Unsupported) > 0:
	case r.Problem != "":
		fmt.Fprintln(lines, files.Escape(r.Problem))
	default:
		fmt.Fprintf(lines, "runs as %d ops with %.3g million multiply-adds\n", r.Ops, float64(r.MultiplyAdd)/1e6)
	}
	return lines.Flush()
}
