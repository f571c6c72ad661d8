package onnxgraph

import "slices"

// reshape is the rule of Reshape: the target is input 1, before opset 5 an
// attribute.
func reshape(c operation) {
	target, ok := c.ints(1)
	if attr, given := c.attrInts("shape"); given {
		target, ok = sizesOf(attr), true
	}
	if !ok {
		if rank, known := c.dim(1, 0).Known(); known && c.rank(1) == 1 {
			c.set(0, unknowns(int(rank))...)
		}
		return
	}
	dims, ranked := c.shape(0)
	c.set(0, c.reshaped(dims, ranked, target)...)
}

// reshaped resolves a target: 0 keeps a size, -1 takes what is left. One size
// that is merely unknown follows from the others too.
func (c operation) reshaped(dims []Dim, ranked bool, target []Dim) []Dim {
	out := slices.Clone(target)
	var open []int
	for i, d := range target {
		n, known := d.Known()
		switch {
		case known && n == 0 && c.attrInt("allowzero", 0) == 0:
			out[i] = c.dim(0, i)
		case known && n < 0 || !known && !c.nonNegative(d):
			out[i] = Symbol("")
		}
		if out[i].Unknown() {
			open = append(open, i)
		}
	}
	if len(open) == 1 && ranked {
		rest := total(slices.Delete(slices.Clone(out), open[0], open[0]+1))
		if all := total(dims); rest != Size(0) && !all.Unknown() {
			out[open[0]] = all.floorDiv(rest)
		}
	}
	return out
}

// transpose is the rule of Transpose: the axes in another order, reversed when
// none is given.
func transpose(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	perm, given := c.attrInts("perm")
	out := slices.Clone(dims)
	slices.Reverse(out)
	if given {
		if len(perm) != len(dims) {
			return
		}
		for i, p := range perm {
			out[i] = c.dim(0, int(p))
		}
	}
	c.set(0, out...)
}

// flatten is the rule of Flatten: the axes before and from axis on as one each.
func flatten(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		c.set(0, unknowns(2)...)
		return
	}
	axis := c.attrInt("axis", 1)
	if axis < 0 {
		axis += int64(len(dims))
	}
	if axis < 0 || axis > int64(len(dims)) {
		return
	}
	c.set(0, total(dims[:axis]), total(dims[axis:]))
}

// squeeze is the rule of Squeeze. Without axes, every size must be known to
// tell which are 1.
func squeeze(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	axes, n, given := c.axesOf("axes", 1, len(dims))
	if given && axes == nil {
		if n >= 0 && n <= len(dims) {
			c.set(0, unknowns(len(dims)-n)...)
		}
		return
	}
	var out []Dim
	for i, d := range dims {
		k, known := d.Known()
		if !given && !known {
			return
		}
		if given && slices.Contains(axes, i) || !given && k == 1 {
			continue
		}
		out = append(out, d)
	}
	c.set(0, out...)
}

// unsqueeze is the rule of Unsqueeze: axes count in the result.
func unsqueeze(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	raw, given := c.attrInts("axes")
	n := len(raw)
	if !given {
		raw, given = c.known(1)
		n = len(raw)
		if k, sized := c.dim(1, 0).Known(); sized && !given {
			n = int(min(k, maxRank))
		} else if !given {
			return
		}
	}
	rank := len(dims) + n
	if !given || rank > maxRank {
		c.set(0, unknowns(rank)...)
		return
	}
	out := unknowns(rank)
	one := make([]bool, rank)
	for _, a := range raw {
		if axis, ok := normAxis(a, rank); ok {
			one[axis] = true
		}
	}
	for i := range out {
		switch {
		case one[i]:
			out[i] = Size(1)
		case len(dims) > 0:
			out[i], dims = dims[0], dims[1:]
		}
	}
	c.set(0, out...)
}

// expand is the rule of Expand: input and target broadcast to each other.
func expand(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	target, known := c.ints(1)
	if !known {
		n, sized := c.dim(1, 0).Known()
		if !sized || n > maxRank {
			return
		}
		target = unknowns(int(n))
	}
	for i, d := range target {
		if !c.nonNegative(d) {
			target[i] = Symbol("")
		}
	}
	c.set(0, broadcastShapes(dims, target)...)
}

// tile is the rule of Tile: repeats are input 1; before opset 6, inputs 1 and 2
// were a number and an axis.
func tile(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	out := unknowns(len(dims))
	repeats, known := c.ints(1)
	if known && len(c.n.Inputs) == 2 && len(repeats) == len(dims) {
		for i, r := range repeats {
			out[i] = dims[i].Mul(r)
		}
	}
	c.set(0, out...)
}

var reshapeShapes = map[string]shapeRule{
	"Reshape": reshape, "Transpose": transpose, "Flatten": flatten, "Squeeze": squeeze,
	"Unsqueeze": unsqueeze, "Expand": expand, "Tile": tile,
}
