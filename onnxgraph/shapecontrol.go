package onnxgraph

import "slices"

// ifShape is the rule of If: both branches are visited; the outputs are those
// of the branch taken when the condition is known, otherwise what both share.
func ifShape(c operation) {
	c.bodies()
	then, other := c.n.Attrs["then_branch"].Graph, c.n.Attrs["else_branch"].Graph
	if then == nil || other == nil {
		return
	}
	taken, known := c.branch()
	for i, v := range c.n.Outputs {
		if v == nil || i >= len(then.Outputs) || i >= len(other.Outputs) {
			continue
		}
		a, b := c.valueFact(then.Outputs[i]), c.valueFact(other.Outputs[i])
		switch {
		case known && taken:
			*c.facts[v] = a
		case known:
			*c.facts[v] = b
		default:
			*c.facts[v] = widen(a, b)
			if a.ranked && b.ranked && len(a.dims) != len(b.dims) && !slices.Contains(c.undecided, c.n) {
				c.undecided = append(c.undecided, c.n)
			}
		}
	}
}

// branch tells whether an If goes to the then branch.
func (c operation) branch() (taken, known bool) {
	delete(c.taken, c.n)
	n, known := c.scalar(0).Known()
	taken = n != 0
	if !known {
		taken, known = c.forced[c.n]
	}
	if known {
		c.taken[c.n] = taken
	}
	return taken, known
}

// valueFact returns all that is known of a value, its elements included.
func (c operation) valueFact(v *Value) fact {
	f := *c.fact(v)
	f.typ = c.Type(v)
	f.dims = slices.Clone(f.dims)
	f.elems, _ = c.elems(v)
	return f
}

// widen returns what two facts have in common.
func widen(a, b fact) fact {
	w := fact{typ: a.typ}
	if a.typ == Undefined {
		w.typ = b.typ
	}
	if !a.ranked || !b.ranked || len(a.dims) != len(b.dims) {
		return w
	}
	w.ranked, w.dims = true, slices.Clone(a.dims)
	for i, d := range b.dims {
		if w.dims[i] != d {
			w.dims[i] = Symbol("")
		}
	}
	if slices.Equal(a.elems, b.elems) {
		w.elems = a.elems
	}
	return w
}

// loopShape is the rule of Loop. What is carried from one turn to the next has the
// shape that it starts with as far as the body keeps it, which is found by
// visiting the body until nothing changes; a condition that starts true is
// tried as one that stays true, which makes the number of turns known.
func loopShape(c operation) {
	body := c.n.Attrs["body"].Graph
	if body == nil || len(body.Inputs) < 2 || len(body.Outputs) < 1 {
		c.bodies()
		return
	}
	carried := c.carriedFrom(2, len(body.Inputs)-2)
	always := c.in(1) == nil || c.scalar(1) == Size(1)
	c.fixpoint(carried, func() bool {
		c.give(body.Inputs[0], fact{ranked: true, typ: Int64})
		cond := fact{ranked: true, typ: Bool}
		if always {
			cond.elems = []elem{whole(Size(1))}
		}
		c.give(body.Inputs[1], cond)
		c.visit(body, 2, carried)
		still, _ := c.elems(body.Outputs[0])
		held := always
		always = always && len(still) == 1 && still[0] == whole(Size(1))
		changed := c.widenAll(carried, body.Outputs[1:])
		return changed || held != always
	})
	turns := Symbol("")
	if always && c.in(0) != nil {
		turns = c.scalar(0)
	}
	c.collect(carried, body.Outputs[1:], func(i int, dims []Dim) []Dim {
		return slices.Insert(slices.Clone(dims), 0, turns)
	})
}

// scanShape is the rule of Scan: states are carried like those of Loop, the other
// inputs are cut along an axis, and the other outputs stacked along one.
func scanShape(c operation) {
	body := c.n.Attrs["body"].Graph
	first := 0
	if c.n.Version < 9 {
		first = 1 // input 0 is the sequence lengths, and axis 0 of all is the batch
	}
	cut := int(min(max(c.attrInt("num_scan_inputs", 0), 0), int64(len(c.n.Inputs))))
	states := len(c.n.Inputs) - first - cut
	if body == nil || states < 0 || len(body.Inputs) != states+cut {
		c.bodies()
		return
	}
	carried := c.carriedFrom(first, states)
	batch, length := Symbol(""), Symbol("")
	for i := range states {
		if first == 1 && len(carried[i].dims) > 0 {
			batch, carried[i].dims = carried[i].dims[0], carried[i].dims[1:]
		}
	}
	inAxes, _ := c.attrInts("scan_input_axes")
	outAxes, _ := c.attrInts("scan_output_axes")
	var slabs []fact
	for i := range cut {
		slab, n, b := c.slab(first+states+i, first, at(inAxes, i, 0))
		slabs, length, batch = append(slabs, slab), unify(length, n), unify(batch, b)
	}
	c.fixpoint(carried, func() bool {
		for i, slab := range slabs {
			c.give(body.Inputs[states+i], slab)
		}
		c.visit(body, 0, carried)
		return c.widenAll(carried, body.Outputs)
	})
	c.collect(carried, body.Outputs, func(i int, dims []Dim) []Dim {
		axis, _ := normAxis(at(outAxes, i-states, 0), len(dims)+1)
		return slices.Insert(slices.Clone(dims), min(max(axis, 0), len(dims)), length)
	})
	if first == 1 {
		c.prependBatch(batch)
	}
}
