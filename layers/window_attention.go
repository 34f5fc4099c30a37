package layers

import (
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// WindowAttention is Swin's attention inside windows, with its projections and
// relative position bias. In Swin the bias is a table. In Swin V2 a small
// perceptron computes it from the relative coordinates on a logarithmic scale,
// and the scores are cosines times a trained scale. (Liu et al., arXiv:2103.14030
// and arXiv:2111.09883.)
type WindowAttention struct {
	QKV  *Linear `weight:"qkv"`
	Proj *Linear `weight:"proj"`

	Table *tensor.Tensor `weight:"relative_position_bias_table"` // [(2·Wh−1)·(2·Ww−1), Heads]; nil in V2

	// The next three are nil in the first version.
	LogitScale *tensor.Tensor `weight:"logit_scale"` // [Heads, 1, 1]
	CPB0       *Linear        `weight:"cpb_mlp.0"`   // continuous position bias: 2 → 512
	CPB2       *Linear        `weight:"cpb_mlp.2"`   // 512 → Heads, no bias

	Op         graph.WindowAttention
	Pretrained graph.Pair // the window with which CPB0 and CPB2 were trained; 0 means Op's
}

// NewWindowAttention declares the attention between tokens with dim channels. It
// is that of Swin V2 if op is Cosine.
func NewWindowAttention(dim int, op graph.WindowAttention) *WindowAttention {
	a := &WindowAttention{QKV: NewLinear(dim, 3*dim), Proj: NewLinear(dim, dim), Op: op}
	if op.Cosine {
		a.LogitScale = tensor.Declare(op.Heads, 1, 1)
		a.CPB0, a.CPB2 = NewLinear(2, 512), NewLinear(512, op.Heads).NoBias()
	} else {
		a.Table = tensor.Declare((2*op.Window[0]-1)*(2*op.Window[1]-1), op.Heads)
	}
	return a
}

// Forward maps a map of tokens [B, H, W, dim] of any size to the same shape.
func (a *WindowAttention) Forward(x *graph.Value) *graph.Value {
	g := x.Graph()
	qkvBias := a.qkvBias(g)
	qkv := graph.Apply(graph.Linear{Epilogue: graph.Epilogue{Bias: true}}, x, g.Const(a.QKV.Weight), qkvBias)
	args := []*graph.Value{qkv, a.bias(g), qkvBias}
	if a.Op.Cosine {
		args = append(args, a.scale(g))
	}
	return a.Proj.Forward(graph.Apply(a.Op, args...))
}

// qkvBias returns the bias [3·dim] of queries, keys and values. In V2 keys have
// no bias, so that third of QKV.Bias counts as zero.
func (a *WindowAttention) qkvBias(g *graph.Graph) *graph.Value {
	dim := a.QKV.Weight.Shape[0] / 3
	if a.QKV.Bias == nil {
		return g.Const(tensor.New(3 * dim))
	}
	bias := g.Const(a.QKV.Bias)
	if !a.Op.Cosine {
		return bias
	}
	used := tensor.New(3 * dim)
	for i := range used.Data {
		if i < dim || i >= 2*dim {
			used.Data[i] = 1
		}
	}
	return bias.Mul(g.Const(used))
}

// bias returns the relative position bias [Heads, T, T]. In V2 it is
//
//	16 · sigmoid(CPB2(ReLU(CPB0(log-spaced coordinates))))
func (a *WindowAttention) bias(g *graph.Graph) *graph.Value {
	op := graph.RelativePositionBias{Window: a.Op.Window}
	if !a.Op.Cosine {
		return graph.Apply(op, g.Const(a.Table))
	}
	table := a.CPB2.Forward(a.CPB0.Forward(g.Const(a.coordinates())).ReLU())
	return graph.Apply(op, table.Sigmoid().Mul(g.Const(tensor.Of([]float32{16}, 1))))
}

// coordinates returns the relative coordinates of V2, vertical and horizontal,
// [(2·Wh−1)·(2·Ww−1), 2]:
//
//	sign(Δ) · log₂(|8·Δ| + 1) / log₂ 8
//
// where Δ is divided by the largest Δ in training.
func (a *WindowAttention) coordinates() *tensor.Tensor {
	h, w := 2*a.Op.Window[0]-1, 2*a.Op.Window[1]-1
	t := tensor.New(h*w, 2)
	for i := range h * w {
		for d, delta := range [2]int{i/w - h/2, i%w - w/2} {
			trained := a.Pretrained[d]
			if trained == 0 {
				trained = a.Op.Window[d]
			}
			x := 8 * float64(delta) / float64(max(trained-1, 1))
			t.Data[2*i+d] = float32(math.Copysign(math.Log2(math.Abs(x)+1)/3, x))
		}
	}
	return t
}

// maxLogit is the upper limit of LogitScale.
var maxLogit = float32(math.Log(100))

// scale returns exp(min(LogitScale, log 100)), [Heads].
func (a *WindowAttention) scale(g *graph.Graph) *graph.Value {
	logits := g.Const(a.LogitScale).Reshape(1, a.Op.Heads)
	most := g.Const(tensor.Of([]float32{maxLogit}, 1, 1)).Expand(1, a.Op.Heads)
	return graph.Cat(0, logits, most).Min(0).Activate(graph.ExpClamped)
}
