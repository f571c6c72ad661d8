package graphfuzz

import (
	"math"
	"slices"
	"strings"
)

// takeAs is a value of the pool brought to a shape.
func (b *builder) takeAs(shape ...int) string { return b.as(b.take(), shape...) }

// largestMap bounds the weights of a map between two values.
const largestMap = 4000

// as brings a value to a shape: as it is when it has that already, or by
// moving its elements about, or by a learned map.
func (b *builder) as(v value, shape ...int) string {
	if slices.Equal(v.shape, shape) && !b.chance(4) {
		return v.name
	}
	for range 4 {
		if name, ok := one(b.common, einsum, reshaped, lastAxis, projected, einsum, firstAxis)(b, v, shape); ok {
			return b.sometimesActive(name)
		}
	}
	return b.sometimesActive(b.narrow(v, shape))
}

// einsum is a map from all axes of a value to all axes of another: any of them
// may move.
func einsum(b *builder, v value, shape []int) (string, bool) {
	const letters = "abcdefg" // an output of many free axes is flattened into groups nested too deep for the test's time
	if v.elements()*(value{shape: shape}).elements() > largestMap || len(v.shape)+len(shape) > len(letters) {
		return "", false
	}
	from, to := letters[:len(v.shape)], letters[len(v.shape):][:len(shape)]
	w := []byte(from + to)
	at := b.rng.Perm(len(w))
	sizes := append(slices.Clone(v.shape), shape...)
	mixed, order := make([]int, len(w)), make([]byte, len(w))
	for i, p := range at {
		mixed[i], order[i] = sizes[p], w[p]
	}
	weight := b.weight(1/math.Sqrt(float64(v.elements())), mixed...)
	return b.node("Einsum", in(v.name, weight), textAttr("equation", from+","+string(order)+"->"+to)), true
}

// reshaped moves elements about where their number is the same.
func reshaped(b *builder, v value, shape []int) (string, bool) {
	if v.elements() != (value{shape: shape}).elements() {
		return "", false
	}
	name := v.name
	if len(v.shape) > 1 && b.chance(2) {
		name = b.node("Transpose", in(name), intsAttr("perm", b.rng.Perm(len(v.shape))...))
	}
	return b.node("Reshape", in(name, b.ints(shape...))), true
}

// lastAxis multiplies the last axis with a matrix, where the others agree.
func lastAxis(b *builder, v value, shape []int) (string, bool) {
	n := len(shape) - 1
	if n < 0 || len(v.shape) != n+1 || !slices.Equal(v.shape[:n], shape[:n]) {
		return "", false
	}
	w := b.weight(1/math.Sqrt(float64(v.shape[n])), v.shape[n], shape[n])
	name := b.node("MatMul", in(v.name, w))
	if b.chance(2) {
		name = b.node("Add", b.mixed(name, b.weight(0.3, shape[n])))
	}
	return name, true
}

// firstAxis multiplies the first axis with a matrix from the left, where the
// last agrees and there are two.
func firstAxis(b *builder, v value, shape []int) (string, bool) {
	if len(shape) != 2 || len(v.shape) != 2 || v.shape[1] != shape[1] {
		return "", false
	}
	return b.node("MatMul", in(b.weight(1/math.Sqrt(float64(v.shape[0])), shape[0], v.shape[0]), v.name)), true
}

// projected flattens, multiplies and folds again, as classifiers and decoders do.
func projected(b *builder, v value, shape []int) (string, bool) {
	n, m := v.elements(), (value{shape: shape}).elements()
	if n*m > largestMap {
		return "", false
	}
	flat := v.name
	if !slices.Equal(v.shape, []int{1, n}) {
		flat = b.node("Reshape", in(flat, b.ints(1, n)))
	}
	scale := 1 / math.Sqrt(float64(n))
	if b.chance(2) {
		flat = b.node("Gemm", in(flat, b.weight(scale, m, n), b.weight(0.3, m)), intAttr("transB", 1))
	} else {
		flat = b.node("MatMul", in(flat, b.weight(scale, n, m)))
	}
	if slices.Equal(shape, []int{1, m}) {
		return flat, true
	}
	return b.node("Reshape", in(b.sometimesActive(flat), b.ints(shape...))), true
}

// narrow goes by way of a few units, for large values.
func (b *builder) narrow(v value, shape []int) string {
	n, units := v.elements(), 6
	flat := b.node("Reshape", in(v.name, b.ints(1, n)))
	flat = b.node("MatMul", in(flat, b.weight(1/math.Sqrt(float64(n)), n, units)))
	flat = b.sometimesActive(flat)
	m := value{shape: shape}.elements()
	flat = b.node("MatMul", in(flat, b.weight(1/math.Sqrt(float64(units)), units, m)))
	return b.node("Reshape", in(flat, b.ints(shape...)))
}

// mixed is two inputs in any order, for operators that do not mind.
func (b *builder) mixed(x, y string) []string {
	if b.chance(2) {
		return in(y, x)
	}
	return in(x, y)
}

// activations keep what they are given finite.
var activations = strings.Fields("Relu Tanh Sigmoid Softplus Elu LeakyRelu Selu Softsign Erf HardSigmoid")

func (b *builder) active(x string) string { return b.node(one(b.common, activations...), in(x)) }

func (b *builder) sometimesActive(x string) string {
	if b.chance(3) {
		return b.active(x)
	}
	return x
}
