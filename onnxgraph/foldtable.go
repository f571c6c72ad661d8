package onnxgraph

import "slices"

// foldRule computes the elements of a node's outputs from those of its inputs.
// The shapes of the outputs are settled before.
type foldRule func(c operation)

// fold gives output i its elements, if its sizes are known and fit. Elements of
// which nothing is known are not kept.
func (c operation) fold(i int, elems []elem) {
	if i >= len(c.n.Outputs) || c.n.Outputs[i] == nil || elems == nil {
		return
	}
	f := c.facts[c.n.Outputs[i]]
	n, ok := count(f.dims, maxFolded)
	if ok && f.ranked && n == len(elems) && (n == 0 || !allUnknown(elems)) {
		f.elems = elems
	}
}

func allUnknown(elems []elem) bool {
	return !slices.ContainsFunc(elems, func(e elem) bool { return !e.unknown() })
}

// outSizes returns the sizes of output i, all known and few elements in total.
func (c operation) outSizes(i int) ([]int, bool) {
	if i >= len(c.n.Outputs) || c.n.Outputs[i] == nil {
		return nil, false
	}
	f := c.facts[c.n.Outputs[i]]
	return smallSizes(f.dims, f.ranked)
}

// inSizes returns the sizes of input i, all known and few elements in total.
func (c operation) inSizes(i int) ([]int, bool) {
	dims, ok := c.shape(i)
	return smallSizes(dims, ok)
}

func smallSizes(dims []Dim, ranked bool) ([]int, bool) {
	if _, ok := count(dims, maxFolded); !ok || !ranked {
		return nil, false
	}
	sizes := make([]int, len(dims))
	for i, d := range dims {
		n, _ := d.Known()
		sizes[i] = int(n)
	}
	return sizes, true
}

// number returns the only element of input i.
func (c operation) number(i int) elem {
	if elems, ok := c.elems(c.in(i)); ok && len(elems) == 1 {
		return elems[0]
	}
	return unknownElem
}

var foldRules = joined(rulesOf("", foldPoint, foldMove, foldShape, foldReduce))
