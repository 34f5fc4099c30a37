package graph

import (
	"fmt"
	"math"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// Function is a function of one number x with up to two parameters, a and b. Each
// Activation is a Function with the same number. A NaN gives NaN, unless the formula says
// something else.
type Function uint8

// The functions that are not activations.
const (
	Abs         = Function(activations) + iota // |x|
	Neg                                        // −x
	Reciprocal                                 // 1/x
	Sqrt                                       // √x
	Exp                                        // exp(x)
	Log                                        // ln x
	Erf                                        // erf(x)
	Floor                                      // the largest whole number ≤ x
	Ceil                                       // the smallest whole number ≥ x
	Round                                      // the nearest whole number, of two the even one
	Trunc                                      // x without its fraction
	Sign                                       // −1, 0 or 1
	Not                                        // 1 if x = 0 else 0
	Truth                                      // 0 if x = 0 else 1
	IsNaN                                      // 1 if x is NaN else 0
	IsInf                                      // 1 if a ≠ 0 and x = −∞, or b ≠ 0 and x = ∞, else 0
	Sin                                        // sin x; the kernel has |x| ≤ 65536
	Cos                                        // cos x; likewise
	Tan                                        // tan x; likewise
	Asin                                       // arcsin x
	Acos                                       // arccos x
	Atan                                       // arctan x
	Sinh                                       // sinh x
	Cosh                                       // cosh x
	Asinh                                      // arsinh x
	Acosh                                      // arcosh x
	Atanh                                      // artanh x
	Softsign                                   // x / (1 + |x|)
	Mish                                       // x tanh(ln(1 + exp(x)))
	Plus                                       // x + a
	Times                                      // x a
	Over                                       // x / a
	Power                                      // x to the power of a, as in Pow
	Clip                                       // min(max(x, a), b)
	Leaky                                      // x if x ≥ 0 else a x
	Exponential                                // x if x > 0 else a (exp(x) − 1)
	Celu                                       // x if x > 0 else a (exp(x/a) − 1)
	Selu                                       // b x if x > 0 else b a (exp(x) − 1)
	HardSigmoid                                // min(max(a x + b, 0), 1)
	Thresholded                                // x if x > a else 0
	Shrink                                     // x + b if x < −a, x − b if x > a, else 0
	Swish                                      // x sigmoid(a x)
	functions
)

// functionNames has the name of each function, and how many parameters it has.
var functionNames = [functions - Function(activations)]struct {
	name       string
	parameters int
}{
	{"abs", 0}, {"neg", 0}, {"reciprocal", 0}, {"sqrt", 0}, {"exp", 0}, {"log", 0}, {"erf", 0}, {"floor", 0},
	{"ceil", 0}, {"round", 0}, {"trunc", 0}, {"sign", 0}, {"not", 0}, {"truth", 0}, {"is_nan", 0}, {"is_inf", 2},
	{"sin", 0}, {"cos", 0}, {"tan", 0}, {"asin", 0}, {"acos", 0}, {"atan", 0}, {"sinh", 0}, {"cosh", 0},
	{"asinh", 0}, {"acosh", 0}, {"atanh", 0}, {"softsign", 0}, {"mish", 0}, {"plus", 1}, {"times", 1}, {"over", 1},
	{"power", 1}, {"clip", 2}, {"leaky", 1}, {"exponential", 1}, {"celu", 1}, {"selu", 2}, {"hard_sigmoid", 2},
	{"thresholded", 1}, {"shrink", 2}, {"swish", 1},
}

// String returns the function's name.
func (f Function) String() string {
	if f < Function(activations) {
		return Activation(f).String()
	}
	return functionNames[f-Function(activations)].name
}

// Parameters returns how many parameters the function has.
func (f Function) Parameters() int {
	if f < Function(activations) {
		return 0
	}
	return functionNames[f-Function(activations)].parameters
}

// Valid reports whether f is a function: not 0, and not beyond the last.
func (f Function) Valid() bool { return f > 0 && f < functions }

// Step is a function with its parameters.
type Step struct {
	Fn   Function
	A, B float32
}

// String is the function's name with its parameters.
func (s Step) String() string {
	switch s.Fn.Parameters() {
	case 1:
		return fmt.Sprintf("%v(%v)", s.Fn, s.A)
	case 2:
		return fmt.Sprintf("%v(%v,%v)", s.Fn, s.A, s.B)
	}
	return s.Fn.String()
}

// Of returns the function of x.
func (s Step) Of(x float64) float64 {
	if s.Fn < Function(activations) {
		return Activation(s.Fn).Of(x)
	}
	a, b := float64(s.A), float64(s.B)
	switch s.Fn {
	case Abs:
		return math.Abs(x)
	case Neg:
		return -x
	case Reciprocal:
		return 1 / x
	case Sqrt:
		return math.Sqrt(x)
	case Exp:
		return math.Exp(x)
	case Log:
		return math.Log(x)
	case Erf:
		return math.Erf(x)
	case Floor:
		return math.Floor(x)
	case Ceil:
		return math.Ceil(x)
	case Round:
		return math.RoundToEven(x)
	case Trunc:
		return math.Trunc(x)
	case Sign:
		if x == 0 || x != x {
			return x
		}
		return math.Copysign(1, x)
	case Not:
		return number(x == 0)
	case Truth:
		return number(x != 0)
	case IsNaN:
		return number(x != x)
	case IsInf:
		return number(a != 0 && math.IsInf(x, -1) || b != 0 && math.IsInf(x, 1))
	case Sin:
		return math.Sin(x)
	case Cos:
		return math.Cos(x)
	case Tan:
		return math.Tan(x)
	case Asin:
		return math.Asin(x)
	case Acos:
		return math.Acos(x)
	case Atan:
		return math.Atan(x)
	case Sinh:
		return math.Sinh(x)
	case Cosh:
		return math.Cosh(x)
	case Asinh:
		return math.Asinh(x)
	case Acosh:
		return math.Acosh(x)
	case Atanh:
		return math.Atanh(x)
	case Softsign:
		return x / (1 + math.Abs(x))
	case Mish:
		return x * math.Tanh(Softplus.Of(x))
	case Plus:
		return x + a
	case Times:
		return x * a
	case Over:
		return x / a
	case Power:
		return Pow.Of(x, a)
	case Clip:
		return min(max(x, a), b)
	case Leaky:
		if x < 0 {
			return a * x
		}
		return x
	case Exponential:
		return exponential(x, a, 1)
	case Celu:
		return exponential(x, a, a)
	case Selu:
		return b * exponential(x, a, 1)
	case HardSigmoid:
		return min(max(a*x+b, 0), 1)
	case Thresholded:
		if x <= a {
			return 0
		}
		return x
	case Shrink:
		switch {
		case x < -a:
			return x + b
		case x > a:
			return x - b
		}
		return 0
	case Swish:
		return x * sigmoid(a*x)
	}
	panic(fmt.Sprintf("graph: function %d", s.Fn))
}

// exponential is x if x > 0, else a (exp(x/c) − 1).
func exponential(x, a, c float64) float64 {
	if x > 0 {
		return x
	}
	return a * math.Expm1(x/c)
}

// number is 1 for true.
func number(t bool) float64 {
	if t {
		return 1
	}
	return 0
}

// MaxSteps is the most steps of a Chain.
const MaxSteps = 8

// Chain is a list of steps, the first one first. A step with function 0 is no step, and no
// step follows it.
type Chain [MaxSteps]Step

// Steps makes a chain.
func Steps(steps ...Step) Chain {
	var c Chain
	if len(steps) > MaxSteps {
		panic(shapeError{fmt.Errorf("%d steps, more than %d", len(steps), MaxSteps)})
	}
	copy(c[:], steps)
	return c
}

// List returns the steps.
func (c *Chain) List() []Step {
	n := 0
	for n < MaxSteps && c[n].Fn != 0 {
		n++
	}
	return c[:n]
}

// Of returns what the steps make of x. Each step's result is rounded to float32.
func (c *Chain) Of(x float64) float64 {
	for _, s := range c.List() {
		x = float64(float32(s.Of(x)))
	}
	return x
}

// String lists the steps: "abs+clip(0,6)".
func (c Chain) String() string {
	var names []string
	for _, s := range c.List() {
		names = append(names, s.String())
	}
	return strings.Join(names, "+")
}

// check returns an error for a step that does not exist, a parameter that is NaN, or a step
// after the end.
func (c *Chain) check() error {
	n := len(c.List())
	for i, s := range c {
		switch {
		case i >= n && s != (Step{}):
			return fmt.Errorf("step %d follows the end of the chain", i)
		case s.Fn >= functions:
			return fmt.Errorf("step %d has function %d", i, s.Fn)
		case s.A != s.A || s.B != s.B:
			return fmt.Errorf("step %d, %v, has a parameter that is NaN", i, s.Fn)
		}
	}
	return nil
}

// Unary applies a chain of functions to each element:
//
//	y = f_n(… f_1(f_0(x)))
//
// Args: x, any shape. Result: x's shape.
type Unary struct{ Chain Chain }

// Name lists the functions.
func (o Unary) Name() string { return o.Chain.String() }

// Shape is x's.
func (o Unary) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("%d arguments, want 1", len(args))
	}
	if o.Chain[0].Fn == 0 {
		return nil, fmt.Errorf("no function")
	}
	return args[0], o.Chain.check()
}

// Eval computes the formula.
func (o Unary) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	y := tensor.New(x.Shape...)
	parallelRows(len(x.Data), 1<<12, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			y.Data[i] = float32(o.Chain.Of(float64(x.Data[i])))
		}
	})
	return y
}

// Bands splits all elements.
func (o Unary) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return Activate{}.Bands(args, result)
}

// FLOPs counts one for each step of each element.
func (o Unary) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 {
	return int64(len(o.Chain.List())) * int64(result.Len())
}

// Map applies a function with its parameters to each element.
func (v *Value) Map(f Function, parameters ...float32) *Value {
	s := Step{Fn: f}
	if len(parameters) != f.Parameters() {
		panic(shapeError{fmt.Errorf("%v: %d parameters, want %d", f, len(parameters), f.Parameters())})
	}
	for i, p := range parameters {
		*[]*float32{&s.A, &s.B}[i] = p
	}
	return Apply(Unary{Steps(s)}, v)
}
