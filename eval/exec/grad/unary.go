package grad

import (
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// pointwise is the table of the operators on one number.
var pointwise = rules{
	"Relu": reluRule, "Clip": clipRule, "Gelu": unaryRule,
	"Abs": unaryRule, "Neg": unaryRule, "Exp": unaryRule, "Log": unaryRule, "Sqrt": unaryRule, "Reciprocal": unaryRule,
	"Erf": unaryRule, "Sin": unaryRule, "Cos": unaryRule, "Tan": unaryRule, "Asin": unaryRule, "Acos": unaryRule, "Atan": unaryRule,
	"Sinh": unaryRule, "Cosh": unaryRule, "Tanh": unaryRule, "Asinh": unaryRule, "Acosh": unaryRule, "Atanh": unaryRule,
	"Sigmoid": unaryRule, "LeakyRelu": unaryRule, "Elu": unaryRule, "Selu": unaryRule, "Celu": unaryRule,
	"HardSigmoid": unaryRule, "HardSwish": unaryRule, "Softplus": unaryRule, "Softsign": unaryRule, "Mish": unaryRule,
	"Swish": unaryRule, "ThresholdedRelu": unaryRule, "Shrink": unaryRule,
}

// derivative gives f'(x), where y = f(x).
type derivative func(x, y float64) float64

// simple are the derivatives of the functions without attributes.
var simple = map[string]derivative{
	"Abs":        func(x, _ float64) float64 { return sign(x) },
	"Neg":        func(_, _ float64) float64 { return -1 },
	"Exp":        func(_, y float64) float64 { return y },
	"Log":        func(x, _ float64) float64 { return 1 / x },
	"Sqrt":       func(_, y float64) float64 { return 0.5 / y },
	"Reciprocal": func(_, y float64) float64 { return -y * y },
	"Erf":        func(x, _ float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) },
	"Sin":        func(x, _ float64) float64 { return math.Cos(x) },
	"Cos":        func(x, _ float64) float64 { return -math.Sin(x) },
	"Tan":        func(_, y float64) float64 { return 1 + y*y },
	"Asin":       func(x, _ float64) float64 { return 1 / math.Sqrt(1-x*x) },
	"Acos":       func(x, _ float64) float64 { return -1 / math.Sqrt(1-x*x) },
	"Atan":       func(x, _ float64) float64 { return 1 / (1 + x*x) },
	"Sinh":       func(x, _ float64) float64 { return math.Cosh(x) },
	"Cosh":       func(x, _ float64) float64 { return math.Sinh(x) },
	"Tanh":       func(_, y float64) float64 { return 1 - y*y },
	"Asinh":      func(x, _ float64) float64 { return 1 / math.Sqrt(x*x+1) },
	"Acosh":      func(x, _ float64) float64 { return 1 / math.Sqrt(x*x-1) },
	"Atanh":      func(x, _ float64) float64 { return 1 / (1 - x*x) },
	"Sigmoid":    func(_, y float64) float64 { return y * (1 - y) },
	"Softplus":   func(x, _ float64) float64 { return sigmoid(x) },
	"Softsign":   func(x, _ float64) float64 { return 1 / ((1 + math.Abs(x)) * (1 + math.Abs(x))) },
	"HardSwish": func(x, _ float64) float64 {
		if x <= -3 || x >= 3 {
			return step(x)
		}
		return x/3 + 0.5
	},
	"Mish": func(x, _ float64) float64 {
		t := math.Tanh(math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))))
		return t + x*(1-t*t)*sigmoid(x)
	},
}

// derivativeOf returns the derivative of a node's function. Attributes absent
// take the values that kernels take.
func derivativeOf(n *kernel.Node) derivative {
	if d, ok := simple[n.Op]; ok {
		return d
	}
	alpha := func(def float32) float64 { return float64(n.Float("alpha", def)) }
	switch n.Op {
	case "LeakyRelu":
		a := alpha(0.01)
		return func(x, _ float64) float64 { return a + (1-a)*step(x) }
	case "Elu":
		return elu(alpha(1), 1)
	case "Selu":
		return elu(alpha(1.67326319217681884765625), float64(n.Float("gamma", 1.05070102214813232421875)))
	case "Celu":
		a := alpha(1)
		return func(x, _ float64) float64 { return math.Exp(math.Min(0, x/a)) }
	case "HardSigmoid":
		a, b := alpha(0.2), float64(n.Float("beta", 0.5))
		return func(x, _ float64) float64 { return a * step(a*x+b) * step(1-a*x-b) }
	case "ThresholdedRelu":
		a := alpha(1)
		return func(x, _ float64) float64 { return step(x - a) }
	case "Shrink":
		l := float64(n.Float("lambd", 0.5))
		return func(x, _ float64) float64 { return step(math.Abs(x) - l) }
	case "Swish":
		return swish(alpha(1))
	case "QuickGelu":
		return swish(alpha(1.702))
	}
	if n.String("approximate", "none") == "tanh" { // Gelu
		return geluTanh
	}
	return gelu
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func sign(x float64) float64 { return step(x) - step(-x) }

// step is 1 above 0, else 0.
func step(x float64) float64 {
	if x > 0 {
		return 1
	}
	return 0
}

func elu(alpha, gamma float64) derivative {
	return func(x, _ float64) float64 {
		if x > 0 {
			return gamma
		}
		return gamma * alpha * math.Exp(x)
	}
}

func swish(alpha float64) derivative {
	return func(x, _ float64) float64 {
		s := sigmoid(alpha * x)
		return s + alpha*x*s*(1-s)
	}
}

func gelu(x, _ float64) float64 {
	return 0.5*(1+math.Erf(x/math.Sqrt2)) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
}

func geluTanh(x, _ float64) float64 {
	c := math.Sqrt(2 / math.Pi)
	t := math.Tanh(c * (x + 0.044715*x*x*x))
	return 0.5*(1+t) + 0.5*x*(1-t*t)*c*(1+3*0.044715*x*x)
}

// unaryRule is dx += f'(x)·dy.
func unaryRule(c *Call) error {
	d, x, y, up, down := derivativeOf(c.Node), c.x(0), c.y(0), c.Up[0], c.Down[0]
	c.parallel(len(up), 16, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			down[i] += up[i] * float32(d(float64(x[i]), float64(y[i])))
		}
	})
	return nil
}

// reluRule passes on what was not cut off.
func reluRule(c *Call) error {
	y, up, down := c.y(0), c.Up[0], c.Down[0]
	c.parallel(len(up), 2, func(lo, hi int) {
		for i, v := range y[lo:hi] {
			if v > 0 {
				down[lo+i] += up[lo+i]
			}
		}
	})
	return nil
}

// clipRule passes on what lies within the bounds, which get no gradient.
func clipRule(c *Call) error {
	if !c.wants(0) {
		return nil
	}
	lo, hi := c.Node.Float("min", -math.MaxFloat32), c.Node.Float("max", math.MaxFloat32)
	if c.has(1) {
		lo = c.x(1)[0]
	}
	if c.has(2) {
		hi = c.x(2)[0]
	}
	for i, v := range c.x(0) {
		if v > lo && v < hi {
			c.Down[0][i] += c.Up[0][i]
		}
	}
	return nil
}

// addTo adds a gradient to what is there: d += x.
func addTo(d, x []float32) { f32.Add(d, d, x) }
