package onnxgraph

import "math"

// constantShape gives output 0 the sizes in integer input i.
func constantShape(i int) shapeRule {
	return func(c operation) {
		if target, ok := c.ints(i); ok {
			c.set(0, target...)
		} else if rank, known := c.dim(i, 0).Known(); known && c.rank(i) == 1 {
			c.set(0, unknowns(int(rank))...)
		}
	}
}

// shapeOf is the rule of Shape: one element for each axis from start to end.
func shapeOf(c operation) {
	rank := c.rank(0)
	if rank < 0 {
		c.set(0, unknowns(1)...)
		return
	}
	from, to := c.shapeBounds(rank)
	c.set(0, Size(int64(to-from)))
}

// shapeBounds returns the axes that a Shape node reports.
func (c operation) shapeBounds(rank int) (from, to int) {
	clamp := func(i int64) int {
		if i < 0 {
			i += int64(rank)
		}
		return int(min(max(i, 0), int64(rank)))
	}
	from, to = clamp(c.attrInt("start", 0)), clamp(c.attrInt("end", int64(rank)))
	return from, max(from, to)
}

// vector gives output 0 one axis, of size n.
func vector(n func(c operation) Dim) shapeRule { return func(c operation) { c.set(0, n(c)) } }

// scalarShape makes every output a scalar.
func scalarShape(c operation) {
	for i := range c.n.Outputs {
		c.set(i)
	}
}

// rangeLength returns ⌈(limit-start)/delta⌉, not below 0.
func rangeLength(c operation) Dim {
	start, limit, delta := c.number(0), c.number(1), c.number(2)
	if a, b, d, ok := threeReals(start, limit, delta); ok {
		return realRange(a, b, d)
	}
	step, ok := delta.dim.Known()
	if !ok || step == 0 || start.fraction() || limit.fraction() || delta.fraction() {
		return Symbol("")
	}
	span := limit.dim.Sub(start.dim)
	if step < 0 {
		span, step = span.Mul(Size(-1)), -step
	}
	return span.ceilDiv(step)
}

// threeReals returns the bounds of a Range whose numbers are all known.
func threeReals(a, b, d elem) (x, y, z float64, ok bool) {
	x, okX := a.known()
	y, okY := b.known()
	z, okZ := d.known()
	return x, y, z, okX && okY && okZ && z != 0
}

// realRange returns how many steps of d lead from a to b, b left out.
func realRange(a, b, d float64) Dim {
	n := math.Ceil((b - a) / d)
	if n > 1<<53 || math.IsNaN(n) {
		return Symbol("")
	}
	return Size(int64(max(n, 0)))
}

// multinomial is the rule of Multinomial: samples for each row.
func multinomial(c operation) { c.set(0, c.dim(0, 0), Size(c.attrInt("sample_size", 1))) }

// attrShape gives output 0 the shape in an attribute.
func attrShape(c operation) {
	if dims, ok := c.attrInts("shape"); ok {
		c.set(0, sizesOf(dims)...)
	}
}

// constant is the rule of Constant in the forms that are no tensors.
func constant(c operation) {
	for name, a := range c.n.Attrs {
		switch name {
		case "value_int", "value_float", "value_string":
			c.set(0)
		case "value_ints":
			c.set(0, Size(int64(len(a.Ints))))
		case "value_floats":
			c.set(0, Size(int64(len(a.Floats))))
		case "value_strings":
			c.set(0, Size(int64(len(a.Strings))))
		}
	}
}

// windowLength is the size of a window function, input 0.
func windowLength(c operation) Dim { return c.scalar(0) }

// makeShapes has the operators that make a tensor from a description of it.
var makeShapes = map[string]shapeRule{
	"Shape": shapeOf, "Size": scalarShape, "OptionalHasElement": scalarShape, "SequenceLength": scalarShape,
	"Constant": constant, "ConstantOfShape": constantShape(0), "Range": vector(rangeLength),
	"Multinomial": multinomial, "RandomNormal": attrShape, "RandomUniform": attrShape,
	"HannWindow": vector(windowLength), "HammingWindow": vector(windowLength),
	"BlackmanWindow": vector(windowLength),
}
