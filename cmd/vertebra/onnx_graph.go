package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/vision/zoo"
)

// onnxShape binds free dimensions of an ONNX file that need not take pictures.
type onnxShape struct {
	dim     []string // NAME=N
	size    string   // of pictures, or ""
	batch   int
	batched bool // batch is given, and not the usual 1
}

// options binds what the flags say.
func (o onnxShape) options(m *onnx.Model) (onnx.Options, error) {
	var out onnx.Options
	var size [2]int
	var err error
	if out.Dims, err = boundDims(o.dim); err != nil {
		return out, err
	}
	if o.size != "" {
		if size[0], size[1], err = parseSize(o.size); err != nil {
			return out, err
		}
	}
	batch := 0
	if o.batched {
		if batch = o.batch; batch < 1 {
			return out, checkBatch(batch)
		}
	}
	dims := zoo.ONNXOptions{Dims: out.Dims}
	if !o.batched { // the usual batch, if the file leaves it free
		if out.Shapes, err = zoo.ONNXShapes(m, dims, size, 1); err == nil {
			return out, nil
		}
	}
	out.Shapes, err = zoo.ONNXShapes(m, dims, size, batch)
	return out, err
}

// graph returns the graph of an ONNX file as it runs.
func (o onnxShape) graph(path string) (*graph.Graph, *onnx.Model, error) {
	m, err := onnx.Open(path)
	if err != nil {
		return nil, nil, err
	}
	options, err := o.options(m)
	var n *onnx.Network
	if err == nil {
		n, err = onnx.Import(m, options)
	}
	if err == nil && n.Graph == nil {
		err = errors.New("no output depends on an input")
	}
	if err != nil {
		return nil, nil, errors.Join(files.Named(path, err), m.Close())
	}
	return n.Graph, m, nil
}

// summarizeONNX lists the ops of an ONNX file.
func summarizeONNX(out io.Writer, path string, o onnxShape, asJSON, quiet bool) error {
	g, m, err := o.graph(path)
	if err != nil {
		return err
	}
	defer m.Close()
	s := models.SummarizeGraph(g)
	if asJSON {
		return summaryJSON(out, path, "NHWC", s)
	}
	if !quiet {
		fmt.Fprintf(out, "%s\ninput %s: %s\n\n", files.Quote(path), files.Quote(g.Inputs[0].Name), product(g.Inputs[0].Shape))
	}
	return printSummary(out, s, " N×H×W×C", quiet)
}
