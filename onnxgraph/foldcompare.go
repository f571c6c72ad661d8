package onnxgraph

// atLeast reports whether a-b ≥ n for integers, if that is certain.
func (c operation) atLeast(a, b elem, n int64) bool {
	if a.fraction() || b.fraction() {
		return false
	}
	return c.nonNegative(a.dim.Sub(b.dim).Sub(Size(n)))
}

// less folds a < b: certain for numbers, and for symbols where the difference
// has a certain sign.
func less(c operation, a, b elem) elem {
	x, okX := a.known()
	y, okY := b.known()
	switch {
	case okX && okY:
		return truth(x < y)
	case c.atLeast(b, a, 1):
		return truth(true)
	case c.atLeast(a, b, 0):
		return truth(false)
	}
	return unknownElem
}

func lessOrEqual(c operation, a, b elem) elem { return not(c, less(c, b, a)) }

// swap exchanges the sides.
func swap(f func(c operation, a, b elem) elem) func(operation, elem, elem) elem {
	return func(c operation, a, b elem) elem { return f(c, b, a) }
}

// equal folds a == b. A size is never -1: with that, exporters tell the axes of
// an Expand target that keep their size.
func equal(c operation, a, b elem) elem {
	x, okX := a.known()
	y, okY := b.known()
	switch {
	case okX && okY:
		return truth(x == y)
	case a.unknown() || b.unknown():
		return unknownElem
	case a == b:
		return truth(true)
	case c.atLeast(a, b, 1) || c.atLeast(b, a, 1):
		return truth(false)
	}
	return unknownElem
}

// lesser folds Min, greater Max: decided by the sign of the difference, or kept
// as an expression.
func lesser(c operation, a, b elem) elem { return pick(c, a, b, "min") }

func greater(c operation, a, b elem) elem { return pick(c, a, b, "max") }

func pick(c operation, a, b elem, name string) elem {
	small := less(c, a, b)
	if n, ok := small.dim.Known(); ok {
		if (n == 1) == (name == "min") {
			return a
		}
		return b
	}
	switch {
	case a.unknown() || b.unknown() || a.fraction() || b.fraction():
		return unknownElem
	case c.atLeast(b, a, 0) == c.atLeast(a, b, 0):
		return whole(choice(name, a.dim, b.dim))
	case c.atLeast(b, a, 0) == (name == "min"):
		return a
	}
	return b
}

// clip folds Clip with its bounds as inputs.
func clip(c operation) {
	in, ok := c.elems(c.in(0))
	if !ok || c.n.Version < 11 {
		return
	}
	out := append([]elem(nil), in...)
	for i := range out {
		if c.in(1) != nil {
			out[i] = greater(c, out[i], c.number(1))
		}
		if c.in(2) != nil {
			out[i] = lesser(c, out[i], c.number(2))
		}
	}
	c.fold(0, out)
}

func not(_ operation, a elem) elem {
	if n, ok := a.dim.Known(); ok {
		return truth(n == 0)
	}
	return unknownElem
}

func and(_ operation, a, b elem) elem { return decide(a, b, 0) }

func or(_ operation, a, b elem) elem { return decide(a, b, 1) }

// decide returns the value that settles the matter when either side has it, the
// other value when both have that, and nothing otherwise.
func decide(a, b elem, settles int64) elem {
	s, other := whole(Size(settles)), whole(Size(1-settles))
	switch {
	case a == s || b == s:
		return s
	case a == other && b == other:
		return other
	}
	return unknownElem
}

func xor(_ operation, a, b elem) elem {
	x, okX := a.dim.Known()
	y, okY := b.dim.Known()
	if okX && okY {
		return truth(x != y)
	}
	return unknownElem
}

// where folds Where: an undecided condition between equal elements is no matter.
func where(c operation) {
	sizes, ok := c.outSizes(0)
	if !ok || !c.anyElems() {
		return
	}
	cond, okC := c.stretched(0, sizes)
	a, okA := c.stretched(1, sizes)
	b, okB := c.stretched(2, sizes)
	if !okA || !okB || !okC {
		return
	}
	for i := range a {
		n, known := cond[i].dim.Known()
		switch {
		case known && n == 0:
			a[i] = b[i]
		case !known && a[i] != b[i]:
			a[i] = unknownElem
		}
	}
	c.fold(0, a)
}
