package onnxgraph

import (
	"bytes"
	"fmt"
	"slices"
)

// A collector walks two equal graphs from the outputs back and notes
// counterparts.
type collector struct {
	*matcher
	seen map[[2]*Value]bool
	out  *Correspondence
}

// value notes what two values that are computed alike consist of.
func (c *collector) value(a, b *Value) error {
	a, b = c.a.source(a), c.b.source(b)
	if a == nil || b == nil || c.seen[[2]*Value{a, b}] {
		return nil
	}
	c.seen[[2]*Value{a, b}] = true
	if a.Weight != nil && b.Weight != nil {
		return c.weight(a.Weight, b.Weight)
	}
	na, nb := a.Producer, b.Producer
	if na == nil || nb == nil || c.a.folded[a] {
		return nil // an input, or integers that may be had in two ways
	}
	if c.out.Nodes[na] == nil {
		c.out.Nodes[na] = nb
	}
	if na.Op != nb.Op && (na.Op == "Add" || nb.Op == "Add") {
		return c.gemm(na, nb)
	}
	for i := range c.a.moved(na) {
		if i < len(nb.Inputs) {
			if err := c.told(na.Inputs[i], nb.Inputs[i]); err != nil {
				return err
			}
		}
	}
	ia, ib := c.a.inputs(na), c.b.inputs(nb)
	for i := range min(len(ia), len(ib)) {
		if err := c.value(ia[i], ib[i]); err != nil {
			return err
		}
	}
	return c.attributes(na, nb)
}

// told notes the counterpart of a weight that was compared as an attribute.
func (c *collector) told(a, b *Value) error {
	a, b = c.a.source(a), c.b.source(b)
	if a == nil || b == nil || a.Weight == nil || b.Weight == nil {
		return nil
	}
	return c.weight(a.Weight, b.Weight)
}

// attributes notes the counterparts inside of attributes.
func (c *collector) attributes(a, b *Node) error {
	for name, x := range a.Attrs {
		y := b.Attrs[name]
		for i, w := range weights(x) {
			if err := c.weight(w, weights(y)[i]); err != nil {
				return err
			}
		}
		for i, g := range bodies(x) {
			for k, v := range g.Outputs {
				if err := c.value(v, bodies(y)[i].Outputs[k]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// weight notes that b is the counterpart of a.
func (c *collector) weight(a, b *Weight) error {
	old := c.out.Weights[a]
	if old == nil {
		c.out.Weights[a] = b
	}
	if old == nil && a.Replaceable() || old == b {
		return nil
	}
	if old == nil {
		same, err := sameNumbers(c.a.model, a, c.b.model, b)
		if err != nil || same {
			return err
		}
		return &Difference{a.Name, b.Name, fmt.Sprintf("weight %q of %s cannot be replaced where it is kept, and weight %q of %s has other numbers",
			a.Name, c.a.name, b.Name, c.b.name)}
	}
	same, err := sameNumbers(c.b.model, old, c.b.model, b)
	if err != nil || same {
		return err
	}
	return &Difference{a.Name, b.Name, fmt.Sprintf("weight %q of %s stands for two weights of %s that are not equal, %q and %q",
		a.Name, c.a.name, c.b.name, old.Name, b.Name)}
}

// sameNumbers reports whether two weights have the same numbers.
func sameNumbers(ma *Model, a *Weight, mb *Model, b *Weight) (bool, error) {
	if a.Type == String || b.Type == String {
		x, err := ma.strings(a)
		if err != nil {
			return false, err
		}
		y, err := mb.strings(b)
		return slices.Equal(x, y), err
	}
	x, err := ma.Bytes(a)
	if err != nil {
		return false, err
	}
	y, err := mb.Bytes(b)
	return bytes.Equal(x, y), err
}

// weights returns the tensors of an attribute.
func weights(a Attr) []*Weight {
	if a.Weight != nil {
		return []*Weight{a.Weight}
	}
	return a.Weights
}

// bodies returns the graphs of an attribute.
func bodies(a Attr) []*Graph {
	if a.Graph != nil {
		return []*Graph{a.Graph}
	}
	return a.Graphs
}
