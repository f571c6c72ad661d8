package onnxgraph

import "slices"

// walk returns the elements met when stepping through sizes with the strides.
func walk(elems []elem, sizes, strides []int, offset int) []elem {
	n := elementsOf(sizes)
	out := make([]elem, 0, n)
	index := make([]int, len(sizes))
	for range n {
		out = append(out, elems[offset])
		for k := len(sizes) - 1; k >= 0; k-- {
			index[k]++
			offset += strides[k]
			if index[k] < sizes[k] {
				break
			}
			offset -= strides[k] * sizes[k]
			index[k] = 0
		}
	}
	return out
}

// elementsOf returns the number of elements.
func elementsOf(sizes []int) int {
	n := 1
	for _, s := range sizes {
		n *= s
	}
	return n
}

// stridesOf returns the row-major strides.
func stridesOf(sizes []int) []int {
	strides := make([]int, len(sizes))
	step := 1
	for k := len(sizes) - 1; k >= 0; k-- {
		strides[k] = step
		step *= sizes[k]
	}
	return strides
}

// keep folds operators that leave the elements and their order.
func keep(c operation) {
	if elems, ok := c.elems(c.in(0)); ok {
		c.fold(0, elems)
	}
}

// foldDropout keeps the elements unless it may be told to train.
func foldDropout(c operation) {
	if training, ok := c.ints(2); c.in(2) == nil || ok && len(training) == 1 && training[0] == Size(0) {
		keep(c)
	}
}

// foldTranspose reads the elements in the order of the axes.
func foldTranspose(c operation) {
	elems, ok := c.elems(c.in(0))
	from, okF := c.inSizes(0)
	sizes, okS := c.outSizes(0)
	if !ok || !okF || !okS || len(from) != len(sizes) {
		return
	}
	perm, given := c.attrInts("perm")
	strides, own := make([]int, len(sizes)), stridesOf(from)
	for i := range strides {
		p := len(sizes) - 1 - i
		if given {
			if i >= len(perm) || perm[i] < 0 || perm[i] >= int64(len(own)) {
				return
			}
			p = int(perm[i])
		}
		strides[i] = own[p]
		if from[p] != sizes[i] {
			return
		}
	}
	c.fold(0, walk(elems, sizes, strides, 0))
}

// foldExpand repeats the elements along axes of size 1.
func foldExpand(c operation) {
	if sizes, ok := c.outSizes(0); ok && c.anyElems() {
		if out, ok := c.stretched(0, sizes); ok {
			c.fold(0, out)
		}
	}
}

// foldSlice reads the elements from the bounds in steps.
func foldSlice(c operation) {
	elems, ok := c.elems(c.in(0))
	from, okF := c.inSizes(0)
	sizes, okS := c.outSizes(0)
	cuts, okC := c.cuts(len(from))
	if !ok || !okF || !okS || !okC || len(from) != len(sizes) {
		return
	}
	strides, offset := stridesOf(from), 0
	for axis, b := range cuts {
		step, okT := b.step.Known()
		if !okT || step == 0 {
			return
		}
		first, _ := b.resolve(Size(int64(from[axis])), step)
		start, okS := first.Known()
		last := start + int64(sizes[axis]-1)*step
		if !okS || sizes[axis] > 0 && (min(start, last) < 0 || max(start, last) >= int64(from[axis])) {
			return
		}
		offset += int(start) * strides[axis]
		strides[axis] *= int(step)
	}
	if slices.Contains(sizes, 0) {
		c.fold(0, []elem{})
		return
	}
	for axis, n := range sizes {
		if _, cut := cuts[axis]; !cut && n != from[axis] {
			return
		}
	}
	c.fold(0, walk(elems, sizes, strides, offset))
}

// around returns how many elements an axis has around it: outer·n·inner in all.
func around(sizes []int, axis int) (outer, inner int) {
	return elementsOf(sizes[:axis]), elementsOf(sizes[axis+1:])
}

// foldConcat puts inputs side by side. An input of which only the sizes are
// known gives unknown elements.
func foldConcat(c operation) {
	sizes, ok := c.outSizes(0)
	axis, in := normAxis(c.attrInt("axis", 1), len(sizes))
	if !ok || !in {
		return
	}
	outer, _ := around(sizes, axis)
	var out []elem
	for o := range outer {
		for i := range c.n.Inputs {
			from, ok := c.inSizes(i)
			if !ok || len(from) != len(sizes) {
				return
			}
			_, inner := around(from, axis)
			n := from[axis] * inner
			elems, ok := c.elems(c.in(i))
			if !ok {
				out = append(out, slices.Repeat([]elem{unknownElem}, n)...)
			} else if (o+1)*n <= len(elems) {
				out = append(out, elems[o*n:(o+1)*n]...)
			}
		}
	}
	c.fold(0, out)
}

// foldSplit cuts an axis into the outputs.
func foldSplit(c operation) {
	elems, ok := c.elems(c.in(0))
	from, okF := c.inSizes(0)
	axis, in := normAxis(c.attrInt("axis", 0), len(from))
	if !ok || !okF || !in {
		return
	}
	outer, inner := around(from, axis)
	at := 0
	for i := range c.n.Outputs {
		sizes, ok := c.outSizes(i)
		if !ok || len(sizes) != len(from) || at+sizes[axis] > from[axis] {
			return
		}
		var out []elem
		for o := range outer {
			row := elems[o*from[axis]*inner:]
			out = append(out, row[at*inner:(at+sizes[axis])*inner]...)
		}
		at += sizes[axis]
		c.fold(i, out)
	}
}

// foldGather picks elements by known indices.
func foldGather(c operation) {
	elems, ok := c.elems(c.in(0))
	from, okF := c.inSizes(0)
	index, okI := c.ints(1)
	axis, in := normAxis(c.attrInt("axis", 0), len(from))
	if !ok || !okF || !okI || !in {
		return
	}
	outer, inner := around(from, axis)
	var out []elem
	for o := range outer {
		for _, d := range index {
			n, known := d.Known()
			k, in := normAxis(n, from[axis])
			if !known || !in {
				out = append(out, slices.Repeat([]elem{unknownElem}, inner)...)
				continue
			}
			start := (o*from[axis] + k) * inner
			out = append(out, elems[start:start+inner]...)
		}
	}
	c.fold(0, out)
}

// foldTile repeats the elements along every axis.
func foldTile(c operation) {
	elems, ok := c.elems(c.in(0))
	from, okF := c.inSizes(0)
	sizes, okS := c.outSizes(0)
	if !ok || !okF || !okS || len(from) != len(sizes) || len(elems) == 0 {
		return
	}
	var out []elem
	strides, own := stridesOf(sizes), stridesOf(from)
	for i := range elementsOf(sizes) {
		at := 0
		for k := range sizes {
			at += (i / strides[k] % sizes[k] % from[k]) * own[k]
		}
		out = append(out, elems[at])
	}
	c.fold(0, out)
}

var foldMove = map[string]foldRule{
	"Identity": keep, "Reshape": keep, "Flatten": keep, "Squeeze": keep, "Unsqueeze": keep,
	"Transpose": foldTranspose, "Expand": foldExpand, "Slice": foldSlice, "Concat": foldConcat,
	"Split": foldSplit, "Gather": foldGather, "Tile": foldTile, "Dropout": foldDropout,
}
