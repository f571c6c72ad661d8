package f32

import (
	"fmt"
	"math"
)

// minusZero is the number whose addition changes nothing, not even the sign of a zero.
var minusZero = float32(math.Copysign(0, -1))

func sameLen(what string, n int, others ...int) {
	for _, m := range others {
		if m != n {
			panic(fmt.Sprintf("f32: %s of slices of %d and %d elements", what, n, m))
		}
	}
}

// Fetch asks the processor for x, which is read soon in an order that it cannot foresee.
func Fetch(x []float32) {
	if len(x) > 0 {
		fetch(x, 0, 1, len(x))
	}
}

// Axpy adds a·x to y, rounded once by the assembly.
func Axpy(y []float32, a float32, x []float32) {
	sameLen("Axpy", len(y), len(x))
	for i := current.axpy(y, a, x); i < len(y); i++ {
		y[i] += a * x[i]
	}
}

// Add sets dst = a + b. Here and below, dst may be one of the operands.
func Add(dst, a, b []float32) {
	sameLen("Add", len(dst), len(a), len(b))
	for i := current.add(dst, a, b); i < len(dst); i++ {
		dst[i] = a[i] + b[i]
	}
}

// Sub sets dst = a - b.
func Sub(dst, a, b []float32) {
	sameLen("Sub", len(dst), len(a), len(b))
	for i := current.sub(dst, a, b); i < len(dst); i++ {
		dst[i] = a[i] - b[i]
	}
}

// Mul sets dst = a·b, element by element.
func Mul(dst, a, b []float32) {
	sameLen("Mul", len(dst), len(a), len(b))
	for i := current.mul(dst, a, b); i < len(dst); i++ {
		dst[i] = a[i] * b[i]
	}
}

// Div sets dst = a/b, element by element.
func Div(dst, a, b []float32) {
	sameLen("Div", len(dst), len(a), len(b))
	for i := current.div(dst, a, b); i < len(dst); i++ {
		dst[i] = a[i] / b[i]
	}
}

// Greater sets dst to the greater of a and b, element by element; NaN where one is.
func Greater(dst, a, b []float32) {
	sameLen("Greater", len(dst), len(a), len(b))
	for i := current.greater(dst, a, b); i < len(dst); i++ {
		dst[i] = max(a[i], b[i])
	}
}

// GreaterOfPairs sets dst[i] to the greater of x[2i] and x[2i+1]; x has twice as many elements and may not be dst.
func GreaterOfPairs(dst, x []float32) {
	sameLen("GreaterOfPairs", 2*len(dst), len(x))
	for i := current.greaterOfPairs(dst, x); i < len(dst); i++ {
		dst[i] = max(x[2*i], x[2*i+1])
	}
}

// Affine sets dst = scale·x + shift, each operation rounded.
func Affine(dst, x []float32, scale, shift float32) {
	affine(dst, x, scale, shift, minusInf)
}

// Scale multiplies every element of x by s.
func Scale(x []float32, s float32) { Affine(x, x, s, minusZero) }

// Relu sets dst to x where x is not negative, else to zero. NaN stays NaN.
func Relu(dst, x []float32) { affine(dst, x, 1, minusZero, 0) }

// affine sets dst = max(floor, scale·x + shift), NaN where the latter is.
func affine(dst, x []float32, scale, shift, floor float32) {
	sameLen("Affine", len(dst), len(x))
	for i := current.affine(dst, x, scale, shift, floor); i < len(dst); i++ {
		y := float32(scale*x[i]) + shift
		if y < floor {
			y = floor
		}
		dst[i] = y
	}
}
