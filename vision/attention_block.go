package vision

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// attentionBlock is the attention of a transformer's block. Kernels do not keep the
// weights of attention, so it computes those of one token again from queries and
// keys.
type attentionBlock struct {
	op   *graph.Value // with a graph.Attention or graph.WindowAttention
	args []*tensor.Tensor
}

// layOpen finds block n of a traced model. It makes the block's queries, keys and
// values the only output of g, [B, N, 3·C] or [B, H, W, 3·C].
func layOpen(g *graph.Graph, n int) (*attentionBlock, error) {
	var all []*graph.Value
	for _, v := range g.Nodes {
		switch op := v.Op.(type) {
		case graph.WindowAttention:
			all = append(all, v)
		case graph.Attention:
			if op.Packed == graph.PackedQKV && op.Biases == 0 && op.KH == 0 && !op.Causal {
				all = append(all, v)
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the model has no attention of image tokens to each other")
	}
	if n < 0 || n >= len(all) {
		return nil, fmt.Errorf("there is no block %d: blocks are 0 to %d", n, len(all)-1)
	}
	v := all[n]
	g.Outputs = []graph.Output{{Name: "qkv", Value: v.Args[0]}}
	return &attentionBlock{op: v}, nil
}

// set takes the output of the graph for a batch of one.
func (a *attentionBlock) set(qkv *tensor.Tensor) {
	a.args = []*tensor.Tensor{qkv}
	for _, v := range a.op.Args[1:] {
		a.args = append(a.args, constant(v))
	}
}

// constant computes a value that depends only on weights.
func constant(v *graph.Value) *tensor.Tensor {
	if v.Op == nil {
		return v.Const
	}
	var args []*tensor.Tensor
	for _, a := range v.Args {
		args = append(args, constant(a))
	}
	return v.Op.Eval(args)
}

// heads returns the number of heads.
func (a *attentionBlock) heads() int {
	switch op := a.op.Op.(type) {
	case graph.Attention:
		return max(op.Heads, 1)
	case graph.WindowAttention:
		return max(op.Heads, 1)
	}
	return 0
}

// tokens returns the weights softmax(scale·q·k) with which token query attends to
// each token in a head.
func (a *attentionBlock) tokens(head, query int) []float64 {
	op, qkv := a.op.Op.(graph.Attention), a.args[0]
	n, c := qkv.Shape[1], qkv.Shape[2]/3
	d := c / a.heads()
	part := func(token, which int) []float32 { return qkv.Data[(token*3+which)*c+head*d:][:d] }
	scores := make([]float64, n)
	for k := range scores {
		scores[k] = op.ScaleFor(d) * inner(part(query, 0), part(k, 1))
	}
	return softmax(scores)
}

// windowToken is a token of a window and its weight. Tokens of the padding lie
// outside the map.
type windowToken struct {
	row, column int
	weight      float64
}

// windows returns the partition of the map into windows.
func (a *attentionBlock) windows() (graph.Windows, error) {
	return a.op.Op.(graph.WindowAttention).Windows(a.op.Args[0].Shape)
}

// window returns the weights with which the token at a row and column attends to the
// tokens of its window in a head. Tokens that only the shift brought into the window
// have weights near 0.
func (a *attentionBlock) window(head, row, column int) ([]windowToken, error) {
	op, qkv := a.op.Op.(graph.WindowAttention), a.args[0]
	w, err := op.Windows(qkv.Shape)
	if err != nil {
		return nil, err
	}
	c := qkv.Shape[3] / 3
	d := c / a.heads()
	part := func(row, column, which int) []float32 {
		if row >= w.Size[0] || column >= w.Size[1] {
			return a.args[2].Data[which*c+head*d:][:d]
		}
		return qkv.Data[((row*w.Size[1]+column)*3+which)*c+head*d:][:d]
	}
	var rolled, corner graph.Pair
	for i, at := range [2]int{row, column} {
		rolled[i] = (at - w.Shift[i] + w.Padded[i]) % w.Padded[i]
		corner[i] = rolled[i] / w.Window[i] * w.Window[i]
	}
	t := w.Window[0] * w.Window[1]
	query := (rolled[0]-corner[0])*w.Window[1] + rolled[1] - corner[1]
	window := corner[0]/w.Window[0]*w.Count[1] + corner[1]/w.Window[1]
	mask := graph.ShiftMask(w.Padded, w.Window, w.Shift).Data[(window*t+query)*t:][:t]
	bias := a.args[1].Data[(head*t+query)*t:][:t]
	tokens, scores := make([]windowToken, t), make([]float64, t)
	q := part(row, column, 0)
	for k := range tokens {
		tokens[k].row = (corner[0] + k/w.Window[1] + w.Shift[0]) % w.Padded[0]
		tokens[k].column = (corner[1] + k%w.Window[1] + w.Shift[1]) % w.Padded[1]
		key := part(tokens[k].row, tokens[k].column, 1)
		s := inner(q, key)
		if op.Cosine {
			length := func(x []float32) float64 { return max(math.Sqrt(inner(x, x)), 1e-12) }
			s *= float64(a.args[3].Data[head]) / (length(q) * length(key))
		} else {
			s /= math.Sqrt(float64(d))
		}
		scores[k] = s + float64(bias[k]) + float64(mask[k])
	}
	for k, p := range softmax(scores) {
		tokens[k].weight = p
	}
	return tokens, nil
}

func inner(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
