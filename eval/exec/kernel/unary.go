package kernel

import (
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// unary is the table of the operators on one number.
var unary = ops{
	"Abs": compute(prepareSigned), "Neg": compute(prepareSigned),
	"Sign": compute(prepareSigned), "Relu": compute(prepareSigned),

	"Exp": compute(prepareFloat), "Log": compute(prepareFloat), "Sqrt": compute(prepareFloat),
	"Reciprocal": compute(prepareFloat), "Erf": compute(prepareFloat),
	"Floor": compute(prepareFloat), "Ceil": compute(prepareFloat), "Round": compute(prepareFloat),
	"Sin": compute(prepareFloat), "Cos": compute(prepareFloat), "Tan": compute(prepareFloat),
	"Asin": compute(prepareFloat), "Acos": compute(prepareFloat), "Atan": compute(prepareFloat),
	"Sinh": compute(prepareFloat), "Cosh": compute(prepareFloat), "Tanh": compute(prepareFloat),
	"Asinh": compute(prepareFloat), "Acosh": compute(prepareFloat), "Atanh": compute(prepareFloat),
	"Sigmoid": compute(prepareFloat), "LeakyRelu": compute(prepareFloat), "Elu": compute(prepareFloat),
	"Selu": compute(prepareFloat), "Celu": compute(prepareFloat), "HardSigmoid": compute(prepareFloat),
	"HardSwish": compute(prepareFloat), "Softplus": compute(prepareFloat), "Softsign": compute(prepareFloat),
	"Mish": compute(prepareFloat), "Gelu": compute(prepareFloat), "ThresholdedRelu": compute(prepareFloat),
	"Shrink": compute(prepareFloat), "Affine": compute(prepareFloat), "Swish": compute(prepareFloat),
	"QuickGelu": compute(prepareFloat), "ScaledTanh": compute(prepareFloat),
	"ParametricSoftplus": compute(prepareFloat),
}

// simpleFuncs are the functions without attributes.
var simpleFuncs = map[string]func(float64) float64{
	"Exp": math.Exp, "Log": math.Log, "Sqrt": math.Sqrt, "Erf": math.Erf,
	"Floor": math.Floor, "Ceil": math.Ceil, "Round": math.RoundToEven,
	"Sin": math.Sin, "Cos": math.Cos, "Tan": math.Tan,
	"Asin": math.Asin, "Acos": math.Acos, "Atan": math.Atan,
	"Sinh": math.Sinh, "Cosh": math.Cosh, "Tanh": math.Tanh,
	"Asinh": math.Asinh, "Acosh": math.Acosh, "Atanh": math.Atanh,
	"Reciprocal": func(x float64) float64 { return 1 / x },
	"Sigmoid":    sigmoid,
	"Softplus":   softplus,
	"Softsign":   func(x float64) float64 { return x / (1 + math.Abs(x)) },
	"Mish":       func(x float64) float64 { return x * math.Tanh(softplus(x)) },
	"HardSwish":  func(x float64) float64 { return x * max(0, min(1, x/6+0.5)) },
}

// floatFunc returns the function that an operator applies to every element.
// The formulas are those of the operators' pages; attributes absent take the
// values given there.
func floatFunc(n *Node) func(float64) float64 {
	if f, ok := simpleFuncs[n.Op]; ok {
		return f
	}
	param := func(name string, def float32) float64 { return float64(n.Float(name, def)) }
	switch n.Op {
	case "LeakyRelu":
		return leaky(param("alpha", 0.01))
	case "Elu":
		return elu(param("alpha", 1))
	case "Selu":
		gamma, f := param("gamma", 1.05070102214813232421875), elu(param("alpha", 1.67326319217681884765625))
		return func(x float64) float64 { return gamma * f(x) }
	case "Celu":
		alpha := param("alpha", 1)
		return func(x float64) float64 { return max(0, x) + min(0, alpha*math.Expm1(x/alpha)) }
	case "HardSigmoid":
		alpha, beta := param("alpha", 0.2), param("beta", 0.5)
		return func(x float64) float64 { return max(0, min(1, alpha*x+beta)) }
	case "ThresholdedRelu":
		return threshold(param("alpha", 1))
	case "Shrink":
		return shrink(param("bias", 0), param("lambd", 0.5))
	case "Affine":
		alpha, beta := param("alpha", 1), param("beta", 0)
		return func(x float64) float64 { return alpha*x + beta }
	case "Swish":
		return swish(param("alpha", 1))
	case "QuickGelu":
		return swish(param("alpha", 1.702))
	case "ScaledTanh":
		alpha, beta := param("alpha", 1), param("beta", 1)
		return func(x float64) float64 { return alpha * math.Tanh(beta*x) }
	case "ParametricSoftplus":
		alpha, beta := param("alpha", 1), param("beta", 1)
		return func(x float64) float64 { return alpha * softplus(beta*x) }
	}
	if n.String("approximate", "none") == "tanh" { // Gelu
		return geluTanh
	}
	return gelu
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func gelu(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) }

func geluTanh(x float64) float64 {
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func swish(alpha float64) func(float64) float64 {
	return func(x float64) float64 { return x * sigmoid(alpha*x) }
}

func leaky(alpha float64) func(float64) float64 {
	return func(x float64) float64 {
		if x < 0 {
			return alpha * x
		}
		return x
	}
}

func elu(alpha float64) func(float64) float64 {
	return func(x float64) float64 {
		if x < 0 {
			return alpha * math.Expm1(x)
		}
		return x
	}
}

func threshold(alpha float64) func(float64) float64 {
	return func(x float64) float64 {
		if x > alpha {
			return x
		}
		return 0
	}
}

func shrink(bias, lambda float64) func(float64) float64 {
	return func(x float64) float64 {
		switch {
		case x < -lambda:
			return x + bias
		case x > lambda:
			return x - bias
		}
		return 0
	}
}

// prepareFloat prepares an operator on one floating-point number.
func prepareFloat(n *Node) (Kernel, error) {
	f := floatFunc(n)
	row := quick(n)
	if row == nil {
		row = rowOf(func(x float32) float32 { return float32(f(float64(x))) })
	}
	return func(c *Call) error {
		switch c.In[0].Data.(type) {
		case []float32:
			return apply(c, c.In[0].Type, 16, row)
		case []float64:
			return apply(c, c.In[0].Type, 16, rowOf(f))
		}
		return badType(c.In[0])
	}, nil
}

// prepareSigned prepares Abs, Neg, Sign and Relu, which also take integers.
func prepareSigned(n *Node) (Kernel, error) {
	op := n.Op
	return func(c *Call) error {
		typ := c.In[0].Type
		switch c.In[0].Data.(type) {
		case []float32:
			if op == "Relu" {
				return apply(c, typ, 1, f32.Relu)
			}
			return apply(c, typ, 1, signedRow[float32](op))
		case []float64:
			return apply(c, typ, 1, signedRow[float64](op))
		case []int8:
			return apply(c, typ, 1, signedRow[int8](op))
		case []int16:
			return apply(c, typ, 1, signedRow[int16](op))
		case []int32:
			return apply(c, typ, 1, signedRow[int32](op))
		case []int64:
			return apply(c, typ, 1, signedRow[int64](op))
		case []uint8:
			return apply(c, typ, 1, signedRow[uint8](op))
		case []uint16:
			return apply(c, typ, 1, signedRow[uint16](op))
		case []uint32:
			return apply(c, typ, 1, signedRow[uint32](op))
		case []uint64:
			return apply(c, typ, 1, signedRow[uint64](op))
		}
		return badType(c.In[0])
	}, nil
}

func signedRow[T number](op string) func(d, x []T) {
	var zero T
	switch op {
	case "Neg":
		return rowOf(func(x T) T { return -x })
	case "Relu":
		return func(d, x []T) {
			d = d[:len(x)]
			for i, v := range x {
				d[i] = max(v, 0)
			}
		}
	case "Abs":
		return rowOf(func(x T) T {
			if x < 0 {
				return -x
			}
			return x + zero // -0 + 0 is +0
		})
	}
	return rowOf(func(x T) T { // Sign
		switch {
		case x > 0:
			return 1
		case x < 0:
			return zero - 1
		}
		return x
	})
}
