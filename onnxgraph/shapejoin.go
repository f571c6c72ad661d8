package onnxgraph

import "slices"

// concat is the rule of Concat: sizes add up along the axis and are equal
// elsewhere. Inputs of which nothing is known leave the axis open.
func concat(c operation) { c.concatOf(c.inputRange(0, 1)) }

// qlinearConcat is concat of quantised inputs: scale and zero point of the
// result first, then each input with its own.
func qlinearConcat(c operation) { c.concatOf(c.inputRange(2, 3)) }

// inputRange returns every step-th input from first on.
func (c operation) inputRange(first, step int) []int {
	var list []int
	for i := first; i < len(c.n.Inputs); i += step {
		list = append(list, i)
	}
	return list
}

func (c operation) concatOf(inputs []int) {
	var out []Dim
	axis, sum := -1, Dim{}
	for _, i := range inputs {
		dims, ok := c.shape(i)
		if !ok {
			sum = Symbol("")
			continue
		}
		if out == nil {
			out = slices.Clone(dims)
			axis, ok = normAxis(c.attrInt("axis", 1), len(dims))
		}
		if !ok || len(dims) != len(out) {
			return
		}
		for k, d := range dims {
			out[k] = unify(out[k], d)
		}
		sum = sum.Add(dims[axis])
	}
	if axis < 0 {
		return
	}
	out[axis] = sum
	c.set(0, out...)
}

// split is the rule of Split: the parts' sizes are an attribute, input 1, or
// equal, the last one smaller where the number of parts does not divide.
func split(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	axis, ok := normAxis(c.attrInt("axis", 0), len(dims))
	if !ok {
		return
	}
	parts := c.parts(dims[axis])
	for i := range c.n.Outputs {
		out := slices.Clone(dims)
		out[axis] = dimAt(parts, i)
		c.set(i, out...)
	}
}

// parts returns the sizes into which an axis of size d is split.
func (c operation) parts(d Dim) []Dim {
	if sizes, ok := c.listOf("split", 1); ok {
		return sizes
	}
	n := int64(len(c.n.Outputs))
	if c.in(1) != nil || n == 0 {
		return nil
	}
	part := d.ceilDiv(n)
	if q, exact := d.Div(Size(n)); exact {
		part = q
	} else if _, known := d.Known(); !known && c.n.Version < 18 {
		part = d.floorDiv(Size(n)) // equal by definition
	}
	sizes := slices.Repeat([]Dim{part}, int(n))
	if c.n.Version >= 18 {
		sizes[n-1] = d.Sub(part.Mul(Size(n - 1)))
	}
	return sizes
}

// gather is the rule of Gather: the axis is replaced by the shape of the indices.
func gather(c operation) {
	data, okD := c.shape(0)
	index, okI := c.shape(1)
	axis, ok := normAxis(c.attrInt("axis", 0), len(data))
	if okD && okI && ok {
		c.set(0, slices.Concat(data[:axis], index, data[axis+1:])...)
	}
}

// gatherBlocks is the rule of GatherBlockQuantized: Gather on numbers of which a byte of the last axis holds several.
func gatherBlocks(c operation) {
	data, okD := c.shape(0)
	index, okI := c.shape(1)
	axis, ok := normAxis(c.attrInt("gather_axis", 0), len(data))
	if !okD || !okI || !ok {
		return
	}
	data = slices.Clone(data)
	if bits := c.attrInt("bits", 4); c.Type(c.in(0)) == Uint8 && bits > 0 {
		data[len(data)-1] = data[len(data)-1].Mul(Size(8 / bits))
	}
	c.set(0, slices.Concat(data[:axis], index, data[axis+1:])...)
}

// gatherND is the rule of GatherND: the last axis of the indices addresses axes
// of the data.
func gatherND(c operation) {
	data, okD := c.shape(0)
	index, okI := c.shape(1)
	if !okD || !okI || len(index) == 0 {
		return
	}
	n, ok := index[len(index)-1].Known()
	first := c.attrInt("batch_dims", 0) + n
	if ok && n >= 0 && first >= 0 && first <= int64(len(data)) {
		c.set(0, slices.Concat(index[:len(index)-1], data[first:])...)
	}
}

// nonZero is the rule of NonZero: the rank, and as many columns as elements
// differ from zero.
func nonZero(c operation) {
	rank := Symbol("")
	if r := c.rank(0); r > 0 {
		rank = Size(int64(r))
	}
	hits := Symbol("")
	if elems, ok := c.elems(c.in(0)); ok {
		if n, ok := countTrue(elems); ok {
			hits = Size(n)
		}
	}
	c.set(0, rank, hits)
}

// compress is the rule of Compress: an unknown number of slices of one axis, or
// of elements.
func compress(c operation) {
	hits := Symbol("")
	if elems, ok := c.elems(c.in(1)); ok {
		if n, ok := countTrue(elems); ok {
			hits = Size(n)
		}
	}
	dims, ok := c.shape(0)
	_, along := c.n.Attrs["axis"]
	if !along {
		c.set(0, hits)
		return
	}
	if axis, in := normAxis(c.attrInt("axis", 0), len(dims)); ok && in {
		out := slices.Clone(dims)
		out[axis] = hits
		c.set(0, out...)
	}
}

// unique is the rule of Unique: an unknown number of elements, or of slices.
func unique(c operation) {
	for i := 1; i < len(c.n.Outputs); i++ {
		c.set(i, unknowns(1)...)
	}
	dims, ok := c.shape(0)
	_, along := c.n.Attrs["axis"]
	if !along {
		c.set(0, unknowns(1)...)
		return
	}
	if axis, in := normAxis(c.attrInt("axis", 0), len(dims)); ok && in {
		out := slices.Clone(dims)
		out[axis] = Symbol("")
		c.set(0, out...)
	}
}

var joinShapes = map[string]shapeRule{
	"Slice": slice, "Pad": pad, "Concat": concat, "Split": split, "Gather": gather,
	"GatherElements": sameAs(1), "GatherND": gatherND, "Scatter": same, "ScatterElements": same,
	"ScatterND": same, "NonZero": nonZero, "Compress": compress, "Unique": unique,
}
