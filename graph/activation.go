package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Activation is a function of one number. Activate applies it as an op, and an
// Epilogue applies it inside another op.
type Activation uint8

// The activations, by PyTorch's names and definitions.
const (
	None       Activation = iota
	ReLU                  // max(x, 0)
	ReLU6                 // min(max(x, 0), 6)
	LeakyReLU             // x if x > 0 else 0.01 x
	Sigmoid               // 1 / (1 + exp(-x))
	Tanh                  // tanh(x)
	SiLU                  // x sigmoid(x)
	HardSwish             // x min(max(x + 3, 0), 6) / 6
	ELU                   // x if x > 0 else exp(x) - 1
	Softplus              // ln(1 + exp(x))
	GELU                  // x (1 + erf(x/sqrt 2)) / 2
	GELUTanh              // x (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))) / 2
	QuickGELU             // x sigmoid(1.702 x), as in OpenAI's CLIP
	ExpClamped            // exp(min(x, 20)), which cannot overflow
	activations
)

var activationNames = [activations]string{"none", "relu", "relu6", "leaky_relu", "sigmoid", "tanh", "silu",
	"hardswish", "elu", "softplus", "gelu", "gelu_tanh", "quick_gelu", "exp_clamped"}

// String returns PyTorch's name for the function.
func (a Activation) String() string { return activationNames[a] }

// Of returns the activation of x.
func (a Activation) Of(x float64) float64 {
	switch a {
	case None:
		return x
	case ReLU:
		return max(x, 0)
	case ReLU6:
		return min(max(x, 0), 6)
	case LeakyReLU:
		if x > 0 {
			return x
		}
		return 0.01 * x
	case Sigmoid:
		return sigmoid(x)
	case Tanh:
		return math.Tanh(x)
	case SiLU:
		return x * sigmoid(x)
	case HardSwish:
		return x * min(max(x+3, 0), 6) / 6
	case ELU:
		if x > 0 {
			return x
		}
		return math.Expm1(x)
	case Softplus:
		return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	case GELU:
		return x * 0.5 * math.Erfc(-x/math.Sqrt2)
	case GELUTanh:
		return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	case QuickGELU:
		return x * sigmoid(1.702*x)
	case ExpClamped:
		return math.Exp(min(x, 20))
	}
	panic(fmt.Sprintf("graph: activation %d", a))
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// Epilogue is the last step of an op, applied to each element of its result:
// y = Act(sum + bias + residual). The bias [C] and the residual, which has the
// result's shape, follow the op's other args in this order if present.
type Epilogue struct {
	Bias, Residual bool
	Act            Activation
}

// String lists what the epilogue does: "+bias+residual+relu".
func (e Epilogue) String() string {
	s := ""
	if e.Bias {
		s += "+bias"
	}
	if e.Residual {
		s += "+residual"
	}
	if e.Act != None {
		s += "+" + e.Act.String()
	}
	return s
}

// extra returns the number of args that the epilogue takes.
func (e Epilogue) extra() int {
	n := 0
	if e.Bias {
		n++
	}
	if e.Residual {
		n++
	}
	return n
}

// check verifies the epilogue's args, args[base:], against the result.
func (e Epilogue) check(args []tensor.Shape, base int, result tensor.Shape) error {
	if len(args) != base+e.extra() {
		return fmt.Errorf("%d arguments, want %d", len(args), base+e.extra())
	}
	c := result[len(result)-1]
	if e.Bias {
		if !args[base].Equal(tensor.Shape{c}) {
			return fmt.Errorf("bias is %v, result has %d channels", args[base], c)
		}
		base++
	}
	if e.Residual && !args[base].Equal(result) {
		return fmt.Errorf("residual is %v, result is %v", args[base], result)
	}
	return nil
}

// store returns a function that applies the epilogue to sum, which belongs to
// channel c, and stores the result at flat index i of y.
func (e Epilogue) store(args []*tensor.Tensor, base int, y *tensor.Tensor) func(i, c int, sum float64) {
	var bias, residual []float32
	if e.Bias {
		bias = args[base].Data
		base++
	}
	if e.Residual {
		residual = args[base].Data
	}
	return func(i, c int, sum float64) {
		if bias != nil {
			sum += float64(bias[c])
		}
		if residual != nil {
			sum += float64(residual[i])
		}
		y.Data[i] = float32(e.Act.Of(sum))
	}
}

// Activate is y = Act(x), element by element.
type Activate struct{ Act Activation }

// Name is the activation's name.
func (o Activate) Name() string { return o.Act.String() }

// Shape is x's.
func (o Activate) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("%d arguments, want 1", len(args))
	}
	return args[0], nil
}

// Eval computes y = Act(x).
func (o Activate) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	y := tensor.New(x.Shape...)
	parallelRows(len(x.Data), 1<<12, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			y.Data[i] = float32(o.Act.Of(float64(x.Data[i])))
		}
	})
	return y
}

// Bands splits all elements.
func (o Activate) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	flat := tensor.Shape{result.Len()}
	return []tensor.Shape{flat}, flat, []bool{true}
}

// parallelRows calls f in parallel with pieces of [0, n) that have at least grain
// elements.
func parallelRows(n, grain int, f func(lo, hi int)) {
	pieces := max(1, min(n/grain, 64))
	tensor.Parallel(pieces, func(i int) { f(n*i/pieces, n*(i+1)/pieces) })
}

// Activate applies an activation to each element.
func (v *Value) Activate(a Activation) *Value {
	if a == None {
		return v
	}
	return Apply(Activate{a}, v)
}

// ReLU is max(x, 0).
func (v *Value) ReLU() *Value { return v.Activate(ReLU) }

// Sigmoid is 1 / (1 + exp(-x)).
func (v *Value) Sigmoid() *Value { return v.Activate(Sigmoid) }

// Tanh is the hyperbolic tangent.
func (v *Value) Tanh() *Value { return v.Activate(Tanh) }

// GELU is x Φ(x), computed with the error function.
func (v *Value) GELU() *Value { return v.Activate(GELU) }
