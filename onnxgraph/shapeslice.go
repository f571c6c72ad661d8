package onnxgraph

import (
	"math"
	"slices"
)

// farBound is where a slice bound stands for "to the end": exporters write
// INT32_MAX, INT64_MAX, or their negatives.
const farBound = math.MaxInt32 - 1

// bounds is the slice of one axis.
type bounds struct{ start, end, step Dim }

// slice is the rule of Slice.
func slice(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	out := slices.Clone(dims)
	cuts, ok := c.cuts(len(dims))
	if !ok {
		out = unknowns(len(dims))
	}
	for axis, b := range cuts {
		out[axis] = b.length(dims[axis])
	}
	c.set(0, out...)
}

// cuts returns the bounds of each axis that a Slice node cuts, from attributes
// before opset 10 and from inputs after; false when the axes are not known.
func (c operation) cuts(rank int) (map[int]bounds, bool) {
	starts, okS := c.listOf("starts", 1)
	ends, okE := c.listOf("ends", 2)
	axes, okA := c.listOf("axes", 3)
	steps, okT := c.listOf("steps", 4)
	if !okA && c.in(3) == nil {
		axes, okA = firstAxes(max(len(starts), len(ends))), okS || okE
	}
	ns, known := knownDims(axes)
	if !okA || !known {
		return nil, false
	}
	cuts := make(map[int]bounds, len(ns))
	for i, a := range ns {
		axis, ok := normAxis(a, rank)
		if !ok {
			return nil, false
		}
		step := Size(1)
		if okT || c.in(4) != nil {
			step = dimAt(steps, i)
		}
		cuts[axis] = bounds{dimAt(starts, i), dimAt(ends, i), step}
	}
	return cuts, true
}

// listOf returns a list of integers, an attribute or input i.
func (c operation) listOf(attr string, i int) ([]Dim, bool) {
	if list, ok := c.attrInts(attr); ok {
		return sizesOf(list), true
	}
	return c.ints(i)
}

func firstAxes(n int) []Dim {
	axes := make([]Dim, n)
	for i := range axes {
		axes[i] = Size(int64(i))
	}
	return axes
}

// dimAt returns element i, unknown when the list is shorter.
func dimAt(list []Dim, i int) Dim {
	if i < len(list) {
		return list[i]
	}
	return Symbol("")
}

// length returns how many elements of an axis of size d the slice takes.
func (b bounds) length(d Dim) Dim {
	step, ok := b.step.Known()
	if !ok || step == 0 {
		return Symbol("")
	}
	first, last := b.resolve(d, step)
	span := last.Sub(first)
	_, sized := d.Known()
	if n, _ := last.Known(); !sized && n > 1 && span != Size(1) {
		span = choice("min", last, d).Sub(first) // the axis may be shorter
	}
	if step < 0 {
		span, step = span.Mul(Size(-1)), -step
	}
	if n, known := span.Known(); known && n <= 0 {
		return Size(0)
	}
	return span.ceilDiv(step)
}

// resolve returns where on an axis of size d the slice starts and the place
// before which it ends, counted from the front.
func (b bounds) resolve(d Dim, step int64) (first, last Dim) {
	if step > 0 {
		return clampBound(b.start, d, Size(0), d), clampBound(b.end, d, Size(0), d)
	}
	top := d.Sub(Size(1))
	return clampBound(b.start, d, Size(0), top), clampBound(b.end, d, Size(-1), top)
}

// clampBound counts a bound from the front of an axis of size d and holds it
// between low and high. A bound in terms of symbols is taken to lie on the axis.
func clampBound(b, d, low, high Dim) Dim {
	n, known := b.Known()
	size, sized := d.Known()
	switch {
	case b == d:
		return high
	case known && n >= farBound:
		return high
	case known && n <= -farBound:
		return low
	case known && sized:
		if n < 0 {
			n += size
		}
		l, _ := low.Known()
		h, _ := high.Known()
		return Size(min(max(n, l), h))
	case known && n < 0 || !known && b.coef < 0 && len(b.terms()) == 1:
		return d.Add(b)
	}
	return b
}

// pad is the rule of Pad: 2·rank amounts, befores then afters; from opset 18 on
// for the axes of input 3 alone.
func pad(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	pads, ok := c.listOf("pads", 1)
	if old, given := c.attrInts("paddings"); given {
		pads, ok = sizesOf(old), true
	}
	axes, n, given := c.padAxes(len(dims))
	out := slices.Clone(dims)
	if !ok || given && axes == nil || len(pads) != 2*n {
		c.set(0, unknowns(len(dims))...)
		return
	}
	for i, axis := range axes {
		out[axis] = out[axis].Add(pads[i]).Add(pads[i+n])
	}
	c.set(0, out...)
}

// padAxes returns the axes that pads speak of, in their order.
func (c operation) padAxes(rank int) (axes []int, n int, given bool) {
	if c.in(3) == nil {
		for i := range rank {
			axes = append(axes, i)
		}
		return axes, rank, false
	}
	raw, ok := c.known(3)
	if !ok {
		return nil, 0, true
	}
	axes = []int{}
	for _, a := range raw {
		axis, ok := normAxis(a, rank)
		if !ok {
			return nil, 0, true
		}
		axes = append(axes, axis)
	}
	return axes, len(axes), true
}
