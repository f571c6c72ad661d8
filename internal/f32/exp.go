package f32

import "math"

// Exp sets dst to the exponential of x, to within 2 units in the last place. Here and below, dst may be x, NaN stays
// NaN, and an element's result does not depend on where it stands.
func Exp(dst, x []float32) {
	sameLen("Exp", len(dst), len(x))
	if !current.curve(expCurve, dst, x) {
		for i, v := range x {
			dst[i] = float32(math.Exp(float64(v)))
		}
	}
}

// Sigmoid sets dst to 1/(1+exp(-x)), to a relative error below 3e-7.
func Sigmoid(dst, x []float32) {
	sameLen("Sigmoid", len(dst), len(x))
	if !current.curve(sigmoidCurve, dst, x) {
		for i, v := range x {
			dst[i] = float32(1 / (1 + math.Exp(-float64(v))))
		}
	}
}

// Tanh sets dst to the hyperbolic tangent of x, to a relative error below 3e-7.
func Tanh(dst, x []float32) {
	sameLen("Tanh", len(dst), len(x))
	if !current.curve(tanhCurve, dst, x) {
		for i, v := range x {
			dst[i] = float32(math.Tanh(float64(v)))
		}
	}
}

// Erf sets dst to the error function of x, to a relative error below 3e-7.
func Erf(dst, x []float32) {
	sameLen("Erf", len(dst), len(x))
	if !current.curve(erfCurve, dst, x) {
		for i, v := range x {
			dst[i] = float32(math.Erf(float64(v)))
		}
	}
}

// Gelu sets dst to x·(1 + erf(x/√2))/2, computed as it stands.
func Gelu(dst, x []float32) {
	sameLen("Gelu", len(dst), len(x))
	var part [256]float32
	for len(x) > 0 {
		n := min(len(x), len(part))
		half := part[:n]
		Affine(half, x[:n], math.Sqrt2/2, minusZero)
		Erf(half, half)
		Affine(half, half, 0.5, 0.5)
		Mul(dst[:n], x[:n], half)
		dst, x = dst[n:], x[n:]
	}
}

// GeluTanh sets dst to x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2.
func GeluTanh(dst, x []float32) {
	const root = 0.7978845608028654
	var part [256]float32
	for len(x) > 0 {
		n := min(len(x), len(part))
		half := part[:n]
		Mul(half, x[:n], x[:n])
		Affine(half, half, root*0.044715, root)
		Mul(half, half, x[:n])
		Tanh(half, half)
		Affine(half, half, 0.5, 0.5)
		Mul(dst[:n], x[:n], half)
		dst, x = dst[n:], x[n:]
	}
}

// Swish sets dst to x/(1 + exp(-alpha·x)).
func Swish(dst, x []float32, alpha float32) {
	var part [256]float32
	for len(x) > 0 {
		n := min(len(x), len(part))
		gate := part[:n]
		Affine(gate, x[:n], alpha, minusZero)
		Sigmoid(gate, gate)
		Mul(dst[:n], x[:n], gate)
		dst, x = dst[n:], x[n:]
	}
}

// LeakyRelu sets dst to x where x is not negative, else to alpha·x, for alpha between 0 and 1.
func LeakyRelu(dst, x []float32, alpha float32) {
	var part [256]float32
	for len(x) > 0 {
		n := min(len(x), len(part))
		Affine(part[:n], x[:n], alpha, minusZero)
		Greater(dst[:n], x[:n], part[:n])
		dst, x = dst[n:], x[n:]
	}
}

// Softmax sets dst to exp(x - max x), divided by the sum of that, which is taken in float64.
func Softmax(dst, x []float32) {
	Affine(dst, x, 1, -Max(x))
	Exp(dst, dst)
	Scale(dst, float32(1/Sum(dst)))
}

// curve is one of the functions above.
type curve int

const (
	expCurve curve = iota
	sigmoidCurve
	tanhCurve
	erfCurve
)
