package onnxgraph

import "slices"

// maxTurns bounds how often a body is visited to find what it keeps; what has
// not settled by then is taken to be unknown.
const maxTurns = 4

// carriedFrom returns what is known of n inputs from first on, without their
// elements, which may change from turn to turn.
func (c operation) carriedFrom(first, n int) []fact {
	carried := make([]fact, n)
	for i := range carried {
		carried[i] = c.valueFact(c.in(first + i))
		carried[i].elems = nil
	}
	return carried
}

// fixpoint repeats a turn until it reports no change. Inside several loops, and
// after maxTurns, nothing is assumed of what is carried, which holds after one
// turn.
func (c operation) fixpoint(carried []fact, turn func() bool) {
	c.inference.loops++
	defer func() { c.inference.loops-- }()
	if c.inference.loops <= 2 {
		for range maxTurns {
			if !turn() {
				return
			}
		}
	}
	for i := range carried {
		carried[i] = fact{typ: carried[i].typ}
	}
	for range 2 { // the second only if the condition of a Loop turned out to end
		if !turn() {
			return
		}
	}
}

// give says what is known of an input of a body.
func (c operation) give(v *Value, f fact) {
	if v == nil {
		return
	}
	f.dims = slices.Clone(f.dims)
	c.facts[v] = &f
	c.settle(v)
}

// visit goes through a body whose inputs from first on are the carried values.
func (c operation) visit(body *Graph, first int, carried []fact) {
	for i, f := range carried {
		c.give(body.Inputs[first+i], f)
	}
	c.graph(body)
}

// widenAll takes back what the outputs of a body do not keep of the carried
// values, and reports whether there was any.
func (c operation) widenAll(carried []fact, outputs []*Value) bool {
	changed := false
	for i := range carried {
		if i >= len(outputs) {
			break
		}
		next := c.valueFact(outputs[i])
		w := widen(carried[i], next)
		w.elems = nil
		if w.ranked != carried[i].ranked || !slices.Equal(w.dims, carried[i].dims) {
			carried[i], changed = w, true
		}
		carried[i].typ = w.typ
	}
	return changed
}

// collect gives a node's outputs the shapes of the carried values, and the
// others those of the body's outputs stacked by join.
func (c operation) collect(carried []fact, outputs []*Value, join func(i int, dims []Dim) []Dim) {
	for i, v := range c.n.Outputs {
		switch {
		case v == nil || i >= len(outputs):
		case i < len(carried):
			*c.facts[v] = fact{ranked: carried[i].ranked, dims: slices.Clone(carried[i].dims), typ: carried[i].typ}
		default:
			f := c.valueFact(outputs[i])
			c.facts[v].typ = f.typ
			if f.ranked {
				c.set(i, join(i, f.dims)...)
			}
		}
	}
}

// slab returns what is known of one slice of scanned input i, the number of
// slices, and the size of the batch axis that Scan of opset 8 has in front.
func (c operation) slab(i, first int, axis int64) (slab fact, n, batch Dim) {
	slab = c.valueFact(c.in(i))
	slab.elems = nil
	n, batch = Symbol(""), Symbol("")
	if first == 1 && len(slab.dims) > 0 {
		batch, slab.dims = slab.dims[0], slab.dims[1:]
	}
	at, ok := normAxis(axis, len(slab.dims))
	if !slab.ranked || !ok {
		return fact{typ: slab.typ}, n, batch
	}
	n = slab.dims[at]
	slab.dims = slices.Delete(slab.dims, at, at+1)
	return slab, n, batch
}

// prependBatch puts the batch axis in front of every output.
func (c operation) prependBatch(batch Dim) {
	for _, v := range c.n.Outputs {
		if v == nil {
			continue
		}
		if f := c.facts[v]; f.ranked {
			f.dims = slices.Insert(f.dims, 0, batch)
		}
	}
}

var controlShapes = map[string]shapeRule{"If": ifShape, "Loop": loopShape, "Scan": scanShape}
