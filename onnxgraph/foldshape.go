package onnxgraph

import "slices"

// foldShapeOf folds Shape: the sizes of the input are the elements.
func foldShapeOf(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	from, to := c.shapeBounds(len(dims))
	out := []elem{}
	for _, d := range dims[from:to] {
		out = append(out, whole(d))
	}
	c.fold(0, out)
}

// foldSize folds Size: the product of the sizes.
func foldSize(c operation) {
	if dims, ok := c.shape(0); ok {
		c.fold(0, []elem{whole(total(dims))})
	}
}

// foldConstant folds the forms of Constant that are no tensors.
func foldConstant(c operation) {
	var out []elem
	for name, a := range c.n.Attrs {
		switch name {
		case "value_int":
			out = []elem{whole(Size(a.Int))}
		case "value_float":
			out = []elem{number(float64(a.Float))}
		case "value_ints":
			out = []elem{}
			for _, n := range a.Ints {
				out = append(out, whole(Size(n)))
			}
		case "value_floats":
			out = []elem{}
			for _, f := range a.Floats {
				out = append(out, number(float64(f)))
			}
		}
	}
	c.fold(0, out)
}

// foldConstantOfShape repeats one element, 0 when none is given.
func foldConstantOfShape(c operation) {
	sizes, ok := c.outSizes(0)
	if !ok {
		return
	}
	value := whole(Size(0))
	if a, given := c.n.Attrs["value"]; given {
		if a.Weight == nil || a.Weight.Elements() != 1 {
			return
		}
		elems := c.numbers(a.Weight)
		if len(elems) != 1 {
			return
		}
		value = elems[0]
	}
	c.fold(0, slices.Repeat([]elem{value}, elementsOf(sizes)))
}

// foldRange counts from start in steps of delta.
func foldRange(c operation) {
	sizes, ok := c.outSizes(0)
	if !ok || len(sizes) != 1 {
		return
	}
	at, delta := c.number(0), c.number(2)
	out := []elem{}
	for range sizes[0] {
		out = append(out, at)
		at = addElem(at, delta)
	}
	c.fold(0, out)
}

// foldNonZero lists the places of the elements that are not zero, one row for
// each axis.
func foldNonZero(c operation) {
	elems, ok := c.elems(c.in(0))
	sizes, okS := c.inSizes(0)
	if _, all := countTrue(elems); !ok || !okS || !all {
		return
	}
	out := []elem{}
	for k, stride := range stridesOf(sizes) {
		for i, e := range elems {
			if x, _ := e.known(); x != 0 {
				out = append(out, whole(Size(int64(i/stride%sizes[k]))))
			}
		}
	}
	c.fold(0, out)
}

// countTrue returns how many elements differ from zero, if all are known.
func countTrue(elems []elem) (int64, bool) {
	n := int64(0)
	for _, e := range elems {
		x, ok := e.known()
		if !ok {
			return 0, false
		}
		if x != 0 {
			n++
		}
	}
	return n, true
}

// foldScatter writes updates into a vector at known places: ScatterND with the
// indices in their last axis, ScatterElements with one for each update.
func foldScatter(c operation) {
	data, ok := c.elems(c.in(0))
	index, okI := c.ints(1)
	updates, okU := c.elems(c.in(2))
	if !ok || !okI || !okU || c.rank(0) != 1 || len(index) != len(updates) ||
		c.attrString("reduction", "none") != "none" {
		return
	}
	out := slices.Clone(data)
	for i, d := range index {
		n, known := d.Known()
		at, in := normAxis(n, len(out))
		if !known || !in {
			return
		}
		out[at] = updates[i]
	}
	c.fold(0, out)
}

var foldShape = map[string]foldRule{
	"Shape": foldShapeOf, "Size": foldSize, "Constant": foldConstant,
	"ConstantOfShape": foldConstantOfShape, "Range": foldRange, "NonZero": foldNonZero,
	"ScatterND": foldScatter, "ScatterElements": foldScatter, "Scatter": foldScatter,
}
