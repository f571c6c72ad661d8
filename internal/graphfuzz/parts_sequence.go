package graphfuzz

import "math"

// attention is self or cross attention in elementary operators: apart, fused or
// with grouped queries.
func (b *builder) attention() {
	n, t, s, d := 1+b.rng.IntN(2), b.size(), b.size(), b.size()
	h, e, f := one(b.common, 2, 3, 4), 1+b.rng.IntN(4), 1+b.rng.IntN(4)
	x := b.takeAs(n, t, d)
	// heads cuts the last axis of y, h heads of e, and brings the heads forward.
	heads := func(y string, t, h, e int, perm ...int) string {
		y = b.node("Reshape", in(y, b.ints(n, t, h, e)))
		return b.node("Transpose", in(y), intsAttr("perm", perm...))
	}
	var q, k, v string
	switch b.rng.IntN(4) {
	case 0: // fused, cut by Split
		s, f = t, e
		all := b.nodes("", "Split", 3, in(b.linear(x, d, 3*h*e), b.ints(h*e, h*e, h*e)), intAttr("axis", -1))
		q, k, v = heads(all[0], t, h, e, 0, 2, 1, 3), heads(all[1], t, h, e, 0, 2, 3, 1), heads(all[2], t, h, e, 0, 2, 1, 3)
	case 1: // fused, cut by Gather
		s, f = t, e
		all := b.node("Reshape", in(b.linear(x, d, 3*h*e), b.ints(n, t, 3, h, e)))
		all = b.node("Transpose", in(all), intsAttr("perm", 2, 0, 3, 1, 4))
		part := func(i int) string { return b.node("Gather", in(all, b.indexOf(i))) }
		q, k, v = part(0), b.node("Transpose", in(part(1)), intsAttr("perm", 0, 1, 3, 2)), part(2)
	case 2: // grouped queries: one head of keys and values for several of queries
		h = one(b.common, 2, 4)
		y := b.takeAs(n, s, d)
		q = heads(b.linear(x, d, h*e), t, h, e, 0, 2, 1, 3)
		shared := func(m, e int, perm ...int) string {
			z := heads(b.linear(y, d, h/2*e), s, h/2, e, perm...)
			z = b.node("Unsqueeze", in(z, b.ints(2)))
			if m == 0 {
				z = b.node("Expand", in(z, b.ints(n, h/2, 2, e, s)))
				return b.node("Reshape", in(z, b.ints(n, h, e, s)))
			}
			z = b.node("Expand", in(z, b.ints(n, h/2, 2, s, e)))
			return b.node("Reshape", in(z, b.ints(n, h, s, e)))
		}
		k, v = shared(0, e, 0, 2, 3, 1), shared(1, f, 0, 2, 1, 3)
	default:
		y := b.takeAs(n, s, d)
		q = heads(b.linear(x, d, h*e), t, h, e, 0, 2, 1, 3)
		k = heads(b.linear(y, d, h*e), s, h, e, 0, 2, 3, 1)
		v = heads(b.linear(y, d, h*f), s, h, f, 0, 2, 1, 3)
	}
	scores := b.node("Mul", in(b.node("MatMul", in(q, k)), b.number(1/math.Sqrt(float64(e)))))
	if b.chance(3) {
		scores = b.node("Add", in(scores, b.weight(1, h, 1, 1)))
	}
	y := b.node("MatMul", in(b.node("Softmax", in(scores), intAttr("axis", -1)), v))
	y = b.node("Transpose", in(y), intsAttr("perm", 0, 2, 1, 3))
	y = b.node("Reshape", in(y, b.ints(n, t, h*f)))
	y = b.linear(y, h*f, d)
	if b.chance(2) {
		y = b.node("Add", b.mixed(x, y))
	}
	b.give(y, n, t, d)
}

// indexOf is a constant index, a scalar.
func (b *builder) indexOf(i int) string {
	return b.node("Squeeze", in(b.ints(i), b.ints(0)))
}

// recurrent is one of ONNX's recurrent operators in one or two directions.
func (b *builder) recurrent() {
	op, gates := "RNN", 1
	switch b.rng.IntN(3) {
	case 0:
		op, gates = "LSTM", 4
	case 1:
		op, gates = "GRU", 3
	}
	t, n, d, h := 2+b.rng.IntN(3), 1+b.rng.IntN(2), b.size(), b.size()
	direction, dirs := one(b.common, "forward", "reverse", "bidirectional"), 1
	if direction == "bidirectional" {
		dirs = 2
	}
	scale := 1 / math.Sqrt(float64(d+h))
	inputs := in(b.takeAs(t, n, d), b.weight(scale, dirs, gates*h, d), b.weight(scale, dirs, gates*h, h))
	if b.chance(2) {
		inputs = append(inputs, b.weight(0.3, dirs, 2*gates*h))
		if b.chance(2) {
			inputs = append(inputs, "", b.takeAs(dirs, n, h))
		}
	}
	outputs := 2
	if op == "LSTM" {
		outputs = 3
	}
	y := b.nodes("", op, outputs, inputs, intAttr("hidden_size", h), textAttr("direction", direction))
	if b.chance(2) {
		b.give(y[1], dirs, n, h)
		return
	}
	all := b.node("Transpose", in(y[0]), intsAttr("perm", 0, 2, 1, 3))
	b.give(b.node("Reshape", in(all, b.ints(t, n, dirs*h))), t, n, dirs*h)
	if outputs == 3 && b.chance(2) {
		b.give(y[2], dirs, n, h)
	}
}

// cell is a recurrent cell, written out step by step with the same weights.
func (b *builder) cell() {
	n, d, h := 1+b.rng.IntN(3), b.size(), b.size()
	w, u, bias := b.weight(1/math.Sqrt(float64(d)), d, h), b.weight(1/math.Sqrt(float64(h)), h, h), b.weight(0.3, h)
	state := b.takeAs(n, h)
	for range 2 + b.rng.IntN(2) {
		x := b.node("MatMul", in(b.takeAs(n, d), w))
		x = b.node("Add", in(x, b.node("MatMul", in(state, u))))
		next := b.node("Tanh", in(b.node("Add", in(x, bias))))
		if b.chance(3) {
			gate := b.node("Sigmoid", in(x))
			next = b.node("Add", in(b.node("Mul", in(gate, next)), state))
		}
		state = next
	}
	b.give(state, n, h)
}
