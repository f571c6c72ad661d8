package onnxgraph

import "slices"

// foldReduceBy folds a Reduce operator, element after element from the left;
// without elements the result is empty.
func foldReduceBy(f func(c operation, a, b elem) elem, empty elem) foldRule {
	return func(c operation) {
		elems, ok := c.elems(c.in(0))
		from, okF := c.inSizes(0)
		axes, n, given := c.axesOf("axes", 1, len(from))
		if !ok || !okF || given && axes == nil {
			return
		}
		if !given || n == 0 {
			if c.attrInt("noop_with_empty_axes", 0) == 1 {
				c.fold(0, elems)
				return
			}
			axes = allAxes(len(from))
		}
		c.fold(0, c.reduceElems(elems, from, axes, f, empty))
	}
}

// reduceElems reduces the axes of a tensor.
func (c operation) reduceElems(elems []elem, from, axes []int, f func(c operation, a, b elem) elem, empty elem) []elem {
	sizes, strides := slices.Clone(from), stridesOf(from)
	for _, k := range axes {
		sizes[k] = 1
	}
	n := elementsOf(sizes)
	out, seen := slices.Repeat([]elem{empty}, n), make([]bool, n)
	to := stridesOf(sizes)
	for i, e := range elems {
		at := 0
		for k := range from {
			at += i / strides[k] % from[k] % sizes[k] * to[k]
		}
		if seen[at] {
			e = f(c, out[at], e)
		}
		out[at], seen[at] = e, true
	}
	return out
}

// argBy folds ArgMax of a vector of known numbers, and ArgMin with sign -1.
func argBy(sign float64) foldRule {
	return func(c operation) {
		elems, ok := c.elems(c.in(0))
		if !ok || c.rank(0) != 1 || len(elems) == 0 || c.attrInt("select_last_index", 0) == 1 {
			return
		}
		best, place := 0.0, 0
		for i, e := range elems {
			x, known := e.known()
			if !known {
				return
			}
			if i == 0 || x*sign > best {
				best, place = x*sign, i
			}
		}
		c.fold(0, []elem{whole(Size(int64(place)))})
	}
}

var foldReduce = map[string]foldRule{
	"ReduceSum":  foldReduceBy(ignoreCall(addElem), whole(Size(0))),
	"ReduceProd": foldReduceBy(ignoreCall(mulElem), whole(Size(1))),
	"ReduceMax":  foldReduceBy(greater, unknownElem),
	"ReduceMin":  foldReduceBy(lesser, unknownElem),
	"ArgMax":     argBy(1),
	"ArgMin":     argBy(-1),
}
