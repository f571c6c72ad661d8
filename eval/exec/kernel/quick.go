package kernel

import (
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// quick returns the row function of an operator on float32 where there is one
// that does not go through float64; else nil.
func quick(n *Node) func(d, x []float32) {
	switch n.Op {
	case "Exp":
		return f32.Exp
	case "Sigmoid":
		return f32.Sigmoid
	case "Tanh":
		return f32.Tanh
	case "Erf":
		return f32.Erf
	case "Gelu":
		if n.String("approximate", "none") == "none" {
			return f32.Gelu
		}
		return f32.GeluTanh
	case "Swish", "QuickGelu":
		alpha := n.Float("alpha", 1)
		if n.Op == "QuickGelu" {
			alpha = n.Float("alpha", 1.702)
		}
		return func(d, x []float32) { f32.Swish(d, x, alpha) }
	case "HardSigmoid":
		alpha, beta := n.Float("alpha", 0.2), n.Float("beta", 0.5)
		return func(d, x []float32) {
			f32.Affine(d, x, alpha, beta)
			clipRow[float32](0, 1)(d, d)
		}
	case "LeakyRelu":
		alpha := n.Float("alpha", 0.01)
		if alpha < 0 || alpha > 1 {
			return nil
		}
		return func(d, x []float32) { f32.LeakyRelu(d, x, alpha) }
	case "Sqrt":
		return rowOf(func(x float32) float32 { return float32(math.Sqrt(float64(x))) })
	case "Reciprocal":
		return rowOf(func(x float32) float32 { return 1 / x })
	}
	return nil
}

// quickRow2 returns the row function of an arithmetic operator on float32 that
// uses vectors, nil if there is none.
func quickRow2(op string) func(d, a, b []float32) {
	switch op {
	case "Add", "Sum", "Mean":
		return f32.Add
	case "Sub":
		return f32.Sub
	case "Mul":
		return f32.Mul
	case "Div":
		return f32.Div
	case "Max":
		return f32.Greater
	}
	return nil
}

// softmax32 is softmaxLine with vectors.
func softmax32(d, x []float32) {
	if len(x) > 0 {
		f32.Softmax(d, x)
	}
}
