package onnxgraph

import (
	"math"
	"slices"
)

// each folds an operator element by element.
func each(f func(c operation, a elem) elem) foldRule {
	return func(c operation) {
		in, ok := c.elems(c.in(0))
		if !ok {
			return
		}
		out := make([]elem, len(in))
		for i, a := range in {
			out[i] = c.round(f(c, a))
		}
		c.fold(0, out)
	}
}

// pairwise folds an operator of two or more inputs that broadcast, from the
// left. An input of which only the sizes are known has unknown elements, which
// may not matter: false and anything is false.
func pairwise(f func(c operation, a, b elem) elem) foldRule {
	return func(c operation) {
		sizes, ok := c.outSizes(0)
		if !ok || !c.anyElems() {
			return
		}
		out, ok := c.stretched(0, sizes)
		for i := 1; ok && i < len(c.n.Inputs); i++ {
			var right []elem
			if right, ok = c.stretched(i, sizes); ok {
				for k := range out {
					out[k] = c.round(f(c, out[k], right[k]))
				}
			}
		}
		if ok {
			c.fold(0, out)
		}
	}
}

// anyElems reports whether the elements of any input are known.
func (c operation) anyElems() bool {
	return slices.ContainsFunc(c.n.Inputs, func(v *Value) bool {
		_, ok := c.elems(v)
		return ok
	})
}

// stretched returns the elements of input i broadcast to the sizes.
func (c operation) stretched(i int, sizes []int) ([]elem, bool) {
	from, ok := c.inSizes(i)
	if !ok || len(from) > len(sizes) {
		return nil, false
	}
	elems, ok := c.elems(c.in(i))
	if !ok {
		elems = slices.Repeat([]elem{unknownElem}, elementsOf(from))
	}
	strides := make([]int, len(sizes))
	step, lead := 1, len(sizes)-len(from)
	for k := len(from) - 1; k >= 0; k-- {
		switch from[k] {
		case sizes[lead+k]:
			strides[lead+k] = step
		case 1:
		default:
			return nil, false
		}
		step *= from[k]
	}
	return walk(elems, sizes, strides, 0), true
}

// round returns a real number as the type of output 0 holds it.
func (c operation) round(e elem) elem {
	if e.isReal && c.Type(c.n.Outputs[0]) != Float64 {
		return number(float64(float32(e.real)))
	}
	return e
}

// divide is Div: integers are cut off towards zero.
func divide(c operation, a, b elem) elem {
	if c.Type(c.in(0)).IsFloat() {
		return divElem(a, b)
	}
	x, okX := a.dim.Known()
	y, okY := b.dim.Known()
	switch {
	case okY && y == 0 || a.fraction() || b.fraction() || !integral(c.Type(c.in(0))):
		return unknownElem
	}
	if okX && okY {
		return whole(Size(x / y))
	}
	if q, ok := a.dim.Div(b.dim); ok {
		return whole(q)
	}
	if c.nonNegative(a.dim) && c.nonNegative(b.dim) {
		return whole(a.dim.floorDiv(b.dim))
	}
	return unknownElem
}

// modulo is Mod: the sign is that of the divisor, or of the dividend with fmod.
func modulo(c operation, a, b elem) elem {
	n, ok := b.dim.Known()
	if a.fraction() || b.fraction() || !ok || n == 0 {
		return unknownElem
	}
	if c.attrInt("fmod", 0) == 1 {
		if x, known := a.dim.Known(); known && n != -1 {
			return whole(Size(x % n))
		}
		if n < 0 || !c.nonNegative(a.dim) {
			return unknownElem
		}
	}
	return whole(a.dim.Sub(a.dim.floorDiv(b.dim).Mul(b.dim)))
}

func power(_ operation, a, b elem) elem {
	x, okX := a.known()
	y, okY := b.known()
	switch {
	case okX && okY:
		return number(math.Pow(x, y))
	case okY && y == 1:
		return a
	case okY && y == 2:
		return mulElem(a, a)
	}
	return unknownElem
}

// truncate is Cast: numbers lose what is behind the point when the new type is
// an integer, and become 0 or 1 when it is boolean.
func truncate(c operation, a elem) elem {
	to := c.Type(c.n.Outputs[0])
	x, known := a.known()
	switch {
	case to.IsFloat():
		return a
	case to == Bool && known:
		return truth(x != 0)
	case !to.IsInteger():
		return unknownElem
	case known:
		return number(math.Trunc(x))
	case c.nonNegative(a.dim):
		return a.floor()
	case a.den == 1:
		return a
	}
	return unknownElem
}

func ceiling(_ operation, a elem) elem {
	if a.isReal {
		return number(math.Ceil(a.real))
	}
	return whole(a.dim.ceilDiv(a.den))
}

// ofNumber returns the rule of a function of known numbers.
func ofNumber(f func(float64) float64) func(operation, elem) elem {
	return func(_ operation, a elem) elem {
		if x, ok := a.known(); ok {
			return number(f(x))
		}
		return unknownElem
	}
}

// roundEven rounds to the nearest integer; integers stay, symbolic ones too.
func roundEven(c operation, a elem) elem {
	if !a.fraction() {
		return a
	}
	return ofNumber(math.RoundToEven)(c, a)
}

func absolute(c operation, a elem) elem {
	if x, ok := a.known(); ok {
		return number(math.Abs(x))
	}
	if c.nonNegative(a.dim) {
		return a
	}
	return unknownElem
}

func negate(_ operation, a elem) elem { return mulElem(a, whole(Size(-1))) }

func ignoreCall(f func(a, b elem) elem) func(operation, elem, elem) elem {
	return func(_ operation, a, b elem) elem { return f(a, b) }
}

var foldPoint = map[string]foldRule{
	"Add": pairwise(ignoreCall(addElem)), "Sub": pairwise(ignoreCall(subElem)),
	"Mul": pairwise(ignoreCall(mulElem)), "Sum": pairwise(ignoreCall(addElem)),
	"Div": pairwise(divide), "Mod": pairwise(modulo), "Pow": pairwise(power),
	"Min": pairwise(lesser), "Max": pairwise(greater), "Clip": clip,
	"Neg": each(negate), "Abs": each(absolute), "Sqrt": each(ofNumber(math.Sqrt)),
	"Floor": each(func(_ operation, a elem) elem { return a.floor() }), "Ceil": each(ceiling),
	"Round": each(roundEven), "Cast": each(truncate), "CastLike": each(truncate),
	"Exp": each(ofNumber(math.Exp)), "Log": each(ofNumber(math.Log)),
	"Reciprocal": each(func(_ operation, a elem) elem { return divElem(whole(Size(1)), a) }),
	"Relu":       each(func(c operation, a elem) elem { return greater(c, a, whole(Size(0))) }),
	"Equal":      pairwise(equal), "Less": pairwise(less), "Greater": pairwise(swap(less)),
	"LessOrEqual": pairwise(lessOrEqual), "GreaterOrEqual": pairwise(swap(lessOrEqual)),
	"Not": each(not), "And": pairwise(and), "Or": pairwise(or), "Xor": pairwise(xor), "Where": where,
}
