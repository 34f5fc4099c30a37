package onnx

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// nodeOf makes a node from "Op a,b -> y key=value": a value is an integer, a list of integers
// in brackets, a list of one float or word in parentheses, a float with a point, or a word.
func nodeOf(text string) message {
	call, attributes, _ := strings.Cut(text, ";")
	left, outs, _ := strings.Cut(call, "->")
	op, ins, _ := strings.Cut(strings.TrimSpace(left), " ")
	domain := ""
	if i := strings.LastIndexByte(op, '.'); i >= 0 {
		domain, op = op[:i], op[i+1:]
	}
	m := message{}
	for _, in := range strings.Split(ins, ",") {
		m = m.text(1, strings.TrimSpace(in))
	}
	for _, out := range strings.Split(outs, ",") {
		m = m.text(2, strings.TrimSpace(out))
	}
	m = m.text(4, op).text(7, domain)
	for _, a := range strings.Fields(attributes) {
		key, value, _ := strings.Cut(a, "=")
		b := message{}.text(1, key)
		var n int64
		var f float32
		switch {
		case strings.HasPrefix(value, "["):
			for _, v := range strings.Split(strings.Trim(value, "[]"), ",") {
				fmt.Sscan(v, &n)
				b = b.int(8, n)
			}
		case strings.HasPrefix(value, "("):
			one := strings.Trim(value, "()")
			if _, err := fmt.Sscan(one, &f); err != nil {
				b = b.text(9, one)
			} else {
				b = b.float(7, f)
			}
		case strings.Contains(value, "."):
			fmt.Sscan(value, &f)
			b = b.float(2, f)
		default:
			if _, err := fmt.Sscan(value, &n); err != nil {
				b = b.text(4, value)
			} else {
				b = b.int(3, n)
			}
		}
		m = m.bytes(5, b)
	}
	return m
}

// imported imports a model of nodes whose last output is y.
func imported(t *testing.T, inputs map[string]*Array, nodes ...string) (*Network, error) {
	t.Helper()
	g := message{}
	for _, n := range nodes {
		g = g.bytes(1, nodeOf(n))
	}
	for name, a := range inputs {
		dims := []any{}
		for _, d := range a.Shape {
			dims = append(dims, d)
		}
		g = g.bytes(11, typed(a.Type, name, dims...))
	}
	m, err := Read(modelOf(g.bytes(12, message{}.text(1, "y"))).bytes(8, message{}.text(1, "com.microsoft").int(2, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return Import(m, Options{})
}

// evaluated runs a model of nodes whose last output is y.
func evaluated(t *testing.T, inputs map[string]*Array, nodes ...string) *Array {
	t.Helper()
	n, err := imported(t, inputs, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	xs, err := n.Feed(inputs)
	if err != nil {
		t.Fatal(err)
	}
	ys, err := n.Graph.Eval(context.Background(), xs...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := n.Results(ys)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

// TestMicrosoft compares operators of com.microsoft with nodes of the standard.
func TestMicrosoft(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	of := func(shape ...int) *Array {
		a := Floats(make([]float32, tensor.Shape(shape).Len()), shape...)
		for i := range a.F {
			a.F[i] = r.Float32()*2 - 1
		}
		return a
	}
	split := []string{"Split qkv -> q,k,v; axis=2", "Split b -> bq,bk,bv; axis=0"}
	heads := func(name string, tokens int) []string {
		return []string{
			fmt.Sprintf("Constant  -> s_%s; value_ints=[2,%d,2,4]", name, tokens),
			fmt.Sprintf("Reshape %s,s_%s -> r_%s", name, name, name),
			fmt.Sprintf("Transpose r_%s -> h_%s; perm=[0,2,1,3]", name, name),
		}
	}
	product := append(append(append(heads("q1", 3), heads("k1", 3)...), heads("v1", 3)...),
		"Transpose h_k1 -> kt; perm=[0,1,3,2]", "MatMul h_q1,kt -> s0", "Constant  -> by; value_float=0.5", "Mul s0,by -> s1",
		"Softmax s1 -> p; axis=-1", "MatMul p,h_v1 -> o", "Transpose o -> ot; perm=[0,2,1,3]",
		"Constant  -> os; value_ints=[2,3,8]", "Reshape ot,os -> y")
	added := append([]string{"Add q,bq -> q1", "Add k,bk -> k1", "Add v,bv -> v1"}, product...)
	for _, c := range []struct {
		inputs map[string]*Array
		fused  []string
		plain  []string
	}{
		{map[string]*Array{"x": of(1, 3, 6, 5), "w": of(4, 3, 3, 3), "b": of(4), "z": of(1, 4, 4, 3)},
			[]string{"com.microsoft.FusedConv x,w,b,z -> y; activation=Relu"},
			[]string{"Conv x,w,b -> a", "Add a,z -> c", "Relu c -> y"}},
		{map[string]*Array{"x": of(1, 6, 5, 3), "w": of(4, 3, 3, 3), "b": of(4)},
			[]string{"com.microsoft.NhwcConv x,w,b -> y; pads=[1,1,1,1]"},
			[]string{"Transpose x -> t; perm=[0,3,1,2]", "Conv t,w,b -> a; pads=[1,1,1,1]", "Transpose a -> y; perm=[0,2,3,1]"}},
		{map[string]*Array{"a": of(3, 4), "b": of(4, 5), "c": of(5)},
			[]string{"com.microsoft.FusedGemm a,b,c -> y; activation=LeakyRelu activation_alpha=0.25"},
			[]string{"Gemm a,b,c -> g", "LeakyRelu g -> y; alpha=0.25"}},
		{map[string]*Array{"a": of(2, 4, 3), "b": of(2, 5, 4)},
			[]string{"com.microsoft.FusedMatMul a,b -> y; transA=1 transB=1 alpha=0.5"},
			[]string{"Transpose a -> at; perm=[0,2,1]", "Transpose b -> bt; perm=[0,2,1]", "MatMul at,bt -> m", "Constant  -> h; value_float=0.5", "Mul m,h -> y"}},
		{map[string]*Array{"x": of(2, 3, 8), "s": of(2, 3, 8), "w": of(8), "b": of(8), "c": of(8)},
			[]string{"com.microsoft.SkipLayerNormalization x,s,w,b,c -> y; epsilon=0.001"},
			[]string{"Add x,s -> a", "Add a,c -> d", "LayerNormalization d,w,b -> y; epsilon=0.001"}},
		{map[string]*Array{"x": of(2, 3, 8), "s": of(2, 3, 8), "w": of(8)},
			[]string{"com.microsoft.SkipSimplifiedLayerNormalization x,s,w -> y; epsilon=0.001"},
			[]string{"Add x,s -> a", "RMSNormalization a,w -> y; epsilon=0.001"}},
		{map[string]*Array{"x": of(2, 4, 4, 6), "w": of(6), "b": of(6)},
			[]string{"com.microsoft.GroupNorm x,w,b -> y; groups=2 activation=1 epsilon=0.001"},
			[]string{"Transpose x -> t; perm=[0,3,1,2]", "Constant  -> s; value_ints=[2,2,48]", "Reshape t,s -> u",
				"Constant  -> ones; value_float=1.0", "Constant  -> two; value_ints=[2]", "Expand ones,two -> g",
				"Sub g,g -> zero", "InstanceNormalization u,g,zero -> n; epsilon=0.001", "Constant  -> full; value_ints=[2,6,4,4]", "Reshape n,full -> m",
				"Transpose m -> l; perm=[0,2,3,1]", "Mul l,w -> lw", "Add lw,b -> lb", "Sigmoid lb -> sg", "Mul lb,sg -> y"}},
		{map[string]*Array{"x": of(2, 3, 6), "w": of(6, 24), "b": of(24)},
			[]string{"com.microsoft.Attention x,w,b -> y; num_heads=2 scale=0.5"},
			append(append([]string{"MatMul x,w -> qkv"}, split...), added...)},
		{map[string]*Array{"q": of(2, 3, 8), "k": of(2, 3, 8), "v": of(2, 3, 8), "b": of(24)},
			[]string{"com.microsoft.MultiHeadAttention q,k,v,b -> y; num_heads=2 scale=0.5"},
			append(split[1:], added...)},
	} {
		got, want := evaluated(t, c.inputs, c.fused...), evaluated(t, c.inputs, c.plain...)
		if !got.Shape.Equal(want.Shape) {
			t.Errorf("%s: shape %v, want %v", c.fused[0], got.Shape, want.Shape)
			continue
		}
		for i := range want.F {
			if math.Abs(float64(got.F[i]-want.F[i])) > 1e-5 {
				t.Errorf("%s: element %d is %v, want %v", c.fused[0], i, got.F[i], want.F[i])
				break
			}
		}
	}
}

// TestQuantised compares integers with what the standard says.
func TestQuantised(t *testing.T) {
	of := func(t Type, shape []int, v ...int64) *Array { return &Array{Type: t, Shape: shape, I: v} }
	float := func(v ...float32) *Array {
		if len(v) == 1 {
			return Floats(v)
		}
		return Floats(v, len(v))
	}
	for name, c := range map[string]struct {
		inputs map[string]*Array
		node   string
		want   *Array
	}{
		"MatMulInteger": {map[string]*Array{
			"a": of(Uint8, []int{4, 3}, 11, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0), "b": of(Uint8, []int{3, 2}, 1, 4, 2, 5, 3, 6),
			"p": of(Uint8, []int{}, 12), "q": of(Uint8, []int{}, 0)},
			"MatMulInteger a,b,p,q -> y", of(Int32, []int{4, 2}, -38, -83, -44, -98, -50, -113, -56, -128)},
		"MatMulInteger, zero points of columns": {map[string]*Array{
			"a": of(Int8, []int{1, 2}, -3, 4), "b": of(Int8, []int{2, 2}, 1, 2, 3, 4), "p": of(Int8, []int{}, 1), "q": of(Int8, []int{2}, 1, -1)},
			"MatMulInteger a,b,p,q -> y", of(Int32, []int{1, 2}, 6, 3)},
		// (x−1)·(w−z)·0.5·(0.25, 0.5)/0.5 + 3 with w − z = 2 and −3, and a bias of 8 and 0
		"QLinearConv": {map[string]*Array{
			"x": of(Uint8, []int{1, 1, 1, 3}, 5, 1, 255), "xs": float(0.5), "xz": of(Uint8, []int{}, 1),
			"w": of(Int8, []int{2, 1, 1, 1}, 2, -2), "ws": float(0.25, 0.5), "wz": of(Int8, []int{2}, 0, 1),
			"ys": float(0.5), "yz": of(Uint8, []int{}, 3), "b": of(Int32, []int{2}, 8, 0)},
			"QLinearConv x,xs,xz,w,ws,wz,ys,yz,b -> y", of(Uint8, []int{1, 2, 1, 3}, 7, 5, 132, 0, 3, 0)},
		// (a−1)·(b−z)·0.5·(0.25, 0.5)/0.5 + 3 with b − z = 2 and −3, and c of 8 and 0
		"QGemm": {map[string]*Array{
			"a": of(Uint8, []int{3, 1}, 5, 1, 255), "as": float(0.5), "az": of(Uint8, []int{}, 1),
			"b": of(Int8, []int{2, 1}, 2, -2), "bs": float(0.25, 0.5), "bz": of(Int8, []int{2}, 0, 1),
			"ys": float(0.5), "yz": of(Uint8, []int{}, 3), "c": of(Int32, []int{2}, 8, 0)},
			"com.microsoft.QGemm a,as,az,b,bs,bz,c,ys,yz -> y; transB=1", of(Uint8, []int{3, 2}, 7, 0, 5, 3, 132, 0)},
		"QLinearMatMul, scales of rows": {map[string]*Array{
			"a": of(Uint8, []int{2, 1}, 5, 9), "as": float(0.5, 0.25), "az": of(Uint8, []int{2}, 1, 5),
			"b": of(Uint8, []int{1, 2}, 2, 3), "bs": float(1), "bz": of(Uint8, []int{}, 0),
			"ys": float(1), "yz": of(Uint8, []int{}, 1)},
			"QLinearMatMul a,as,az,b,bs,bz,ys,yz -> y", of(Uint8, []int{2, 2}, 5, 7, 3, 4)},
		"MatMulInteger, a zero point for each row": {map[string]*Array{
			"a": of(Uint8, []int{2, 2}, 3, 4, 5, 6), "b": of(Uint8, []int{2, 1}, 1, 1), "p": of(Uint8, []int{2, 1}, 1, 2), "q": of(Uint8, []int{}, 0)},
			"MatMulInteger a,b,p,q -> y", of(Int32, []int{2, 1}, 5, 7)},
		"QLinearAveragePool": {map[string]*Array{
			"x": of(Uint8, []int{1, 1, 1, 4}, 1, 3, 5, 11), "s": float(0.5), "z": of(Uint8, []int{}, 1), "ys": float(1), "yz": of(Uint8, []int{}, 10)},
			"com.microsoft.QLinearAveragePool x,s,z,ys,yz -> y; kernel_shape=[1,2] strides=[1,2]", of(Uint8, []int{1, 1, 1, 2}, 10, 14)},
		"QuantizeLinear to even": {map[string]*Array{
			"x": Floats([]float32{0.5, 1.5, 2.5, -0.5, -1000, 1000}, 6), "s": float(1), "z": of(Int8, []int{}, 0)},
			"QuantizeLinear x,s,z -> y", of(Int8, []int{6}, 0, 2, 2, 0, -128, 127)},
	} {
		got := evaluated(t, c.inputs, c.node)
		if got.Type != c.want.Type || !got.Shape.Equal(c.want.Shape) || !slices.Equal(got.I, c.want.I) {
			t.Errorf("%s: %v %v %v, want %v", name, got.Type, got.Shape, got.I, c.want.I)
		}
	}
}

// TestLegacy computes experimental operators.
func TestLegacy(t *testing.T) {
	x := Floats([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 1, 1, 3, 4)
	for node, want := range map[string][]float32{
		"Crop x -> y; border=[1,0,2,1]":                     {2, 6},
		"Crop x -> y; border=[1,1,0,0] scale=[2,2]":         {6, 7, 10, 11},
		"Affine x -> y; alpha=2.0 beta=1.0":                 {3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25},
		"Upsample x -> y; height_scale=1.0 width_scale=2.0": {1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12},
		"Cast x -> y; to=FLOAT":                             {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
		"LpPool x -> y; kernel_shape=[3,4] p=1.0":           {78},
		"GlobalLpPool x -> y; p=1.0":                        {78},
		"Tile x,two,last -> y":                              {1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 5, 6, 7, 8, 9, 10, 11, 12, 9, 10, 11, 12},
		"ImageScaler x -> y; scale=0.5":                     {0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6},
	} {
		if got := evaluated(t, map[string]*Array{"x": x}, "Constant  -> two; value_float=2.0", "Constant  -> last; value_float=3.0", node); !slices.Equal(got.F, want) {
			t.Errorf("%s: %v, want %v", node, got.F, want)
		}
	}
}

// TestWholeNumbers reduces integers: what is no whole number is rounded to zero.
func TestWholeNumbers(t *testing.T) {
	x := map[string]*Array{"x": {Type: Int32, Shape: []int{2, 3}, I: []int64{-3, -4, -4, 5, 5, 1}}}
	for node, want := range map[string][]int64{
		"ReduceMean x -> y; axes=[1] keepdims=0":        {-3, 3},
		"ReduceL2 x -> y; axes=[1] keepdims=0":          {6, 7},
		"ReduceLogSumExp x -> y; axes=[0,1] keepdims=0": {5},
		"ReduceSumSquare x -> y; axes=[0] keepdims=0":   {34, 41, 17},
		"ReduceL1 x -> y; axes=[0] keepdims=0":          {8, 9, 5},
		"ReduceProd x -> y; axes=[-1] keepdims=0":       {-48, 25},
		"ArgMin x -> y; axis=1 keepdims=0":              {1, 2},
		"CumSum x,one -> y; exclusive=1 reverse=1":      {-8, -4, 0, 6, 1, 0},
		"TopK x,one -> v,y; axis=0 largest=0 sorted=1":  {0, 0, 0},
		"Dropout x,zero,yes -> y":                       {-3, -4, -4, 5, 5, 1},
		"Compress x,one -> y":                           {-3},
	} {
		y := evaluated(t, x, "Constant  -> one; value_ints=[1]", "Constant  -> zero; value_float=0.0", "Cast one -> yes; to=9", node)
		if !slices.Equal(y.I, want) {
			t.Errorf("%s: %v, want %v", node, y.I, want)
		}
	}
}

// TestActivations runs one step of an RNN with each activation, on what the gate gets.
func TestActivations(t *testing.T) {
	inputs := map[string]*Array{"x": Floats([]float32{0.5, -2}, 1, 2, 1), "w": Floats([]float32{1}, 1, 1, 1), "r": Floats([]float32{1}, 1, 1, 1)}
	for name, f := range map[string]func(x float64) float64{
		"Relu": func(x float64) float64 { return max(x, 0) }, "Tanh": math.Tanh, "sigmoid": func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
		"Softplus": func(x float64) float64 { return math.Log1p(math.Exp(x)) }, "Softsign": func(x float64) float64 { return x / (1 + math.Abs(x)) },
		"Affine":     func(x float64) float64 { return 0.25*x + 0.5 },
		"ScaledTanh": func(x float64) float64 { return 0.25 * math.Tanh(0.5*x) },
		"LeakyRelu":  func(x float64) float64 { return max(x, 0.25*x) },
		"ThresholdedRelu": func(x float64) float64 {
			if x > 0.25 {
				return x
			}
			return 0
		},
		"HardSigmoid": func(x float64) float64 { return max(0, min(1, 0.25*x+0.5)) },
		"Elu": func(x float64) float64 {
			if x > 0 {
				return x
			}
			return 0.25 * math.Expm1(x)
		},
	} {
		y := evaluated(t, inputs, "RNN x,w,r -> y; activations=("+name+") activation_alpha=(0.25) activation_beta=(0.5)")
		for i, x := range []float64{0.5, -2} {
			if d := math.Abs(float64(y.F[i]) - f(x)); d > 1e-6 {
				t.Errorf("%s of %v is %v, want %v", name, x, y.F[i], f(x))
			}
		}
	}
}
