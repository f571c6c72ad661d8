package onnxgraph

import "slices"

// operation is one node under inference: what rules read the inputs and attributes
// from and write the outputs to. Nothing about a node is certain, so every
// reader tells, or answers with a default, when what is asked is not there.
type operation struct {
	*inference
	n *Node
}

// in returns input i, or nil when it is left out.
func (c operation) in(i int) *Value {
	if i < 0 || i >= len(c.n.Inputs) {
		return nil
	}
	return c.n.Inputs[i]
}

// shape returns the sizes of input i.
func (c operation) shape(i int) ([]Dim, bool) { return c.Shape(c.in(i)) }

// rank returns the rank of input i, or -1.
func (c operation) rank(i int) int {
	if dims, ok := c.shape(i); ok {
		return len(dims)
	}
	return -1
}

// dim returns the size of one axis of input i; a negative axis counts from the end.
func (c operation) dim(i, axis int) Dim {
	dims, _ := c.shape(i)
	if axis < 0 {
		axis += len(dims)
	}
	if axis < 0 || axis >= len(dims) {
		return Symbol("")
	}
	return dims[axis]
}

// set gives output i its shape.
func (c operation) set(i int, dims ...Dim) {
	if i < len(c.n.Outputs) && c.n.Outputs[i] != nil && len(dims) <= maxRank {
		f := c.facts[c.n.Outputs[i]]
		f.ranked, f.dims = true, slices.Clone(dims)
	}
}

// copy gives output i the shape of input j.
func (c operation) copy(i, j int) {
	if dims, ok := c.shape(j); ok {
		c.set(i, dims...)
	}
}

// ints returns the elements of an integer input; single ones may be unknown.
func (c operation) ints(i int) ([]Dim, bool) {
	elems, ok := c.elems(c.in(i))
	return integers(elems), ok
}

// known returns the elements of an integer input, all of them numbers.
func (c operation) known(i int) ([]int64, bool) {
	dims, ok := c.ints(i)
	if !ok {
		return nil, false
	}
	return knownDims(dims)
}

// scalar returns the only element of an integer input, unknown if there is none.
func (c operation) scalar(i int) Dim {
	if dims, ok := c.ints(i); ok && len(dims) == 1 {
		return dims[0]
	}
	return Symbol("")
}

// knownDims returns the numbers of dims, or false when one is not known.
func knownDims(dims []Dim) ([]int64, bool) {
	ns := make([]int64, len(dims))
	for i, d := range dims {
		n, ok := d.Known()
		if !ok {
			return nil, false
		}
		ns[i] = n
	}
	return ns, true
}

// attrInt returns an integer attribute.
func (c operation) attrInt(name string, otherwise int64) int64 {
	if a, ok := c.n.Attrs[name]; ok && a.Kind == AttrInt {
		return a.Int
	}
	return otherwise
}

// attrInts returns an attribute that is a list of integers.
func (c operation) attrInts(name string) ([]int64, bool) {
	a, ok := c.n.Attrs[name]
	return a.Ints, ok && a.Kind == AttrInts
}

// attrString returns a text attribute.
func (c operation) attrString(name, otherwise string) string {
	if a, ok := c.n.Attrs[name]; ok && a.Kind == AttrString {
		return a.String
	}
	return otherwise
}

// axesOf returns the axes a node names, whether as attribute or as input i, for
// a tensor of the given rank: sorted, not negative. Where none are named, given
// is false; where they are given but not known, axes is nil and n is their
// number, or -1.
func (c operation) axesOf(attr string, i, rank int) (axes []int, n int, given bool) {
	raw, given := c.attrInts(attr)
	if one, ok := c.n.Attrs[attr]; ok && one.Kind == AttrInt {
		raw, given = []int64{one.Int}, true
	}
	if !given && c.in(i) != nil {
		known, ok := c.known(i)
		if !ok {
			if k, sized := c.dim(i, 0).Known(); sized && c.rank(i) == 1 {
				return nil, int(k), true
			}
			return nil, -1, true
		}
		raw, given = known, true
	}
	if !given {
		return nil, 0, false
	}
	axes = make([]int, 0, len(raw))
	for _, a := range raw {
		axis, ok := normAxis(a, rank)
		if !ok {
			return nil, -1, true
		}
		axes = append(axes, axis)
	}
	slices.Sort(axes)
	return slices.Compact(axes), len(axes), true
}

// normAxis returns the axis counted from the front.
func normAxis(axis int64, rank int) (int, bool) {
	if axis < 0 {
		axis += int64(rank)
	}
	return int(axis), axis >= 0 && axis < int64(rank)
}

// maxRank bounds the rank a rule may give; no runtime goes as far.
const maxRank = 64

// unknowns returns n unknown sizes.
func unknowns(n int) []Dim {
	return slices.Repeat([]Dim{Symbol("")}, min(max(n, 0), maxRank+1))
}

// total returns the product of sizes.
func total(dims []Dim) Dim {
	n := Size(1)
	for _, d := range dims {
		n = n.Mul(d)
	}
	return n
}

// sizesOf returns numbers as sizes.
func sizesOf(ns []int64) []Dim {
	dims := make([]Dim, len(ns))
	for i, n := range ns {
		dims[i] = Size(n)
	}
	return dims
}
