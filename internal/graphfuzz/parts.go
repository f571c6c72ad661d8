package graphfuzz

import (
	"math"
	"slices"
)

// parts are the structures of several nodes.
var parts = []struct {
	name string
	add  func(b *builder)
}{
	{"dense layers", (*builder).dense},
	{"residual", (*builder).residual},
	{"residual", (*builder).residual},
	{"concat", (*builder).concat},
	{"split", (*builder).split},
	{"reshape and back", (*builder).roundTrip},
	{"broadcast", (*builder).broadcast},
	{"pick slots", (*builder).pick},
	{"layer norm in pieces", (*builder).norm},
	{"experts", (*builder).experts},
	{"embedding", (*builder).embedding},
	{"tied matrices", (*builder).tied},
	{"convolution", (*builder).conv},
	{"convolution residual", (*builder).convResidual},
	{"channel shuffle", (*builder).shuffle},
	{"squeeze and excite", (*builder).squeezeExcite},
	{"attention", (*builder).attention},
	{"attention", (*builder).attention},
	{"recurrent", (*builder).recurrent},
	{"unrolled cell", (*builder).cell},
	{"If", (*builder).branches},
	{"Loop", (*builder).loop},
	{"Scan", (*builder).scan},
	{"function", (*builder).function},
	{"quantised activations", (*builder).quantised},
}

// linear multiplies the last axis of x, n slots, with a matrix to m.
func (b *builder) linear(x string, n, m int) string {
	scale := 1 / math.Sqrt(float64(n))
	y := ""
	if b.chance(3) {
		y = b.node("MatMul", in(x, b.node("Transpose", in(b.weight(scale, m, n)), intsAttr("perm", 1, 0))))
	} else {
		y = b.node("MatMul", in(x, b.weight(scale, n, m)))
	}
	if b.chance(2) {
		y = b.node("Add", b.mixed(y, b.weight(0.3, m)))
	}
	return y
}

func (b *builder) dense() {
	rows, n, hidden, m := b.size(), b.size(), b.size(), b.size()
	h := b.active(b.linear(b.takeAs(rows, n), n, hidden))
	b.give(b.linear(h, hidden, m), rows, m)
}

// residual adds to a value what is computed from it, or from another.
func (b *builder) residual() {
	x := b.take()
	y := b.take()
	if b.chance(2) {
		y = x
	}
	branch := b.as(y, x.shape...)
	if branch == x.name {
		branch = b.active(branch)
	}
	b.give(b.node("Add", b.mixed(x.name, branch)), x.shape...)
}

// concat puts two or three values side by side.
func (b *builder) concat() {
	x := b.take()
	if len(x.shape) == 0 {
		b.dense()
		return
	}
	axis := b.rng.IntN(len(x.shape))
	shape, names := slices.Clone(x.shape), in(x.name)
	for range 1 + b.rng.IntN(2) {
		part := slices.Clone(x.shape)
		part[axis] = one(b.common, x.shape[axis], 1, b.size())
		names = append(names, b.takeAs(part...))
		shape[axis] += part[axis]
	}
	b.rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	b.give(b.node("Concat", names, intAttr("axis", axis-one(b.common, 0, len(x.shape)))), shape...)
}

// split cuts an axis in parts, which are used apart, or added up when they are
// equal.
func (b *builder) split() {
	n, count := b.size(), 2+b.rng.IntN(2)
	axis, rank := b.rng.IntN(3), 3
	shape := []int{b.size(), b.size(), b.size()}[:rank]
	sizes := make([]int, count)
	shape[axis] = 0
	equal := b.chance(2)
	for i := range sizes {
		if sizes[i] = n; !equal {
			sizes[i] = b.size()
		}
		shape[axis] += sizes[i]
	}
	names := b.nodes("", "Split", count, in(b.takeAs(shape...), b.ints(sizes...)), intAttr("axis", axis))
	for i, name := range names {
		if part := slices.Clone(shape); !equal || i > 0 && b.chance(2) {
			part[axis] = sizes[i]
			b.give(name, part...)
		}
	}
	if equal {
		shape[axis] = n
		b.give(b.node(one(b.common, "Add", "Mul"), in(b.active(names[0]), names[1])), shape...)
	}
}

// roundTrip cuts axes up, turns the pieces about, works on them and puts them
// back.
func (b *builder) roundTrip() {
	g, c, n := 2+b.rng.IntN(3), b.size(), b.size()
	x := b.takeAs(n, g*c)
	pieces := []int{n, g, c}
	if b.chance(2) {
		pieces = []int{n, c, g}
	}
	y := b.node("Reshape", in(x, b.ints(pieces...)))
	perm := b.rng.Perm(3)
	y = b.node("Transpose", in(y), intsAttr("perm", perm...))
	turned, back := make([]int, 3), make([]int, 3)
	for i, p := range perm {
		turned[i], back[p] = pieces[p], i
	}
	switch b.rng.IntN(4) {
	case 0:
		y = b.linear(y, turned[2], turned[2])
	case 1:
		y = b.node("Softmax", in(y), intAttr("axis", b.rng.IntN(3)))
	case 2:
		y = b.node("Add", in(y, b.weight(0.5, turned[1], 1)))
	}
	if b.chance(4) {
		b.give(y, turned...)
		return
	}
	y = b.node("Transpose", in(y), intsAttr("perm", back...))
	b.give(b.node("Reshape", in(y, b.ints(n, g*c))), n, g*c)
}

// broadcast joins a value with one of fewer axes, or of unit axes.
func (b *builder) broadcast() {
	x := b.take()
	small := slices.Clone(x.shape)
	for i := range small {
		if b.chance(2) {
			small[i] = 1
		}
	}
	if len(small) > 0 && b.chance(2) {
		small = small[b.rng.IntN(len(small)):]
	}
	y := ""
	if b.chance(2) {
		y = b.weight(0.7, small...)
	} else {
		y = b.takeAs(small...)
	}
	op := one(b.common, "Add", "Mul", "Sub", "Min", "Max", "PRelu")
	if op == "Min" || op == "Max" || op == "Add" || op == "Mul" {
		b.give(b.node(op, b.mixed(x.name, y)), x.shape...)
		return
	}
	b.give(b.node(op, in(x.name, y)), x.shape...)
}

// pick takes some slots of an axis: by Slice, by Gather or by TopK.
func (b *builder) pick() {
	rows, n := b.size(), 4+b.rng.IntN(8)
	axis := b.rng.IntN(2)
	shape := []int{rows, n}
	if axis == 0 {
		shape = []int{n, rows}
	}
	x := b.takeAs(shape...)
	from := b.rng.IntN(n - 1)
	to := from + 1 + b.rng.IntN(n-from)
	switch b.rng.IntN(3) {
	case 0:
		shape[axis] = min(to, n) - from
		b.give(b.node("Slice", in(x, b.ints(from), b.ints(to), b.ints(axis))), shape...)
	case 1:
		rows := []int{}
		for range 1 + b.rng.IntN(4) {
			rows = append(rows, b.rng.IntN(n))
		}
		shape[axis] = len(rows)
		b.give(b.node("Gather", in(x, b.ints(rows...)), intAttr("axis", axis)), shape...)
	default:
		shape[axis] = 2
		b.give(b.nodes("", "TopK", 2, in(x, b.ints(2)), intAttr("axis", axis))[0], shape...)
	}
}

// norm is layer normalisation in elementary operators, over the last axis or
// another.
func (b *builder) norm() {
	shape := []int{b.size(), b.size(), b.size()}
	axis := b.rng.IntN(3)
	x := b.takeAs(shape...)
	mean := func(x string) string {
		sum := b.node("ReduceSum", in(x, b.ints(axis)))
		return b.node("Div", in(sum, b.number(float64(shape[axis]))))
	}
	d := b.node("Sub", in(x, mean(x)))
	v := b.node("Sqrt", in(b.node("Add", in(mean(b.node("Mul", in(d, d))), b.number(1e-2)))))
	gain := []int{shape[axis], 1, 1}[:3-axis]
	y := b.node("Mul", in(b.node("Div", in(d, v)), b.weight(1, gain...)))
	b.give(b.node("Add", in(y, b.weight(1, gain...))), shape...)
}

// experts are matrices stacked along an axis, of which a softmax takes a mean.
func (b *builder) experts() {
	rows, n, m, e := b.size(), b.size(), b.size(), 2+b.rng.IntN(3)
	x := b.takeAs(rows, n)
	gate := b.node("Softmax", in(b.linear(x, n, e)), intAttr("axis", -1))
	gate = b.node("Unsqueeze", in(b.node("Transpose", in(gate), intsAttr("perm", 1, 0)), b.ints(2)))
	y := b.active(b.node("MatMul", in(x, b.weight(1/math.Sqrt(float64(n)), e, n, m))))
	y = b.node("Mul", b.mixed(y, gate))
	b.give(b.node("ReduceSum", in(y, b.ints(0)), intAttr("keepdims", 0)), rows, m)
}

// embedding looks rows of a table up.
func (b *builder) embedding() {
	words, d, t := b.size(), b.size(), b.size()
	rows := make([]int, t)
	for i := range rows {
		rows[i] = b.rng.IntN(words)
	}
	e := b.node("Gather", in(b.weight(1, words, d), b.ints(rows...)))
	e = b.node("Add", in(e, b.takeAs(t, d)))
	b.give(e, t, d)
}

// tied uses one matrix twice, the second time transposed, or on two values.
func (b *builder) tied() {
	rows, n, m := b.size(), b.size(), b.size()
	w := b.weight(1/math.Sqrt(float64(n)), n, m)
	h := b.active(b.node("MatMul", in(b.takeAs(rows, n), w)))
	if b.chance(2) {
		b.give(b.node("MatMul", in(b.takeAs(rows, n), w)), rows, m)
		b.give(h, rows, m)
		return
	}
	b.give(b.node("Gemm", in(h, w), intAttr("transB", 1)), rows, n)
}

// quantised rounds activations to eight bits and back, or multiplies them as
// integers.
func (b *builder) quantised() {
	rows, n, m := b.size(), b.size(), b.size()
	x := b.takeAs(rows, n)
	if b.chance(2) {
		q := b.nodes("", "DynamicQuantizeLinear", 3, in(x))
		y := b.node("DequantizeLinear", in(q...))
		b.give(b.linear(y, n, m), rows, m)
		return
	}
	steps := b.initializer(b.fill(n, func() float64 { return 0.02 + b.rng.Float64()/20 }))
	q := b.node("QuantizeLinear", in(x, steps, b.zeros(n)), intAttr("axis", 1))
	b.give(b.linear(b.node("DequantizeLinear", in(q, steps, b.zeros(n)), intAttr("axis", 1)), n, m), rows, m)
}
