package onnxgraph

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// Correspondence says which parts of two models of one architecture are each
// other's counterpart. Parts that no output depends on have none.
type Correspondence struct {
	Weights map[*Weight]*Weight // from those of the first model to the second's
	Nodes   map[*Node]*Node     // without nodes that pass on what they read
}

// Difference is the first place where two models are not of one architecture.
type Difference struct {
	A, B   string // the node on each side; "" where there is none
	Reason string // one sentence that names both
}

func (d *Difference) Error() string { return d.Reason }

// Correspond finds the counterparts of two models, or a *Difference.
//
// Models are compared by what their nodes do, not by names or by the order of
// nodes: operator, attributes, wiring, and the types and shapes of weights, from
// the inputs forward; the counterparts are then collected from the outputs
// back. Graph inputs and outputs are matched by name, or by position when the
// names differ. The numbers of weights may differ, except for integers that
// steer shapes and indices. It makes no difference whether
//
//   - Identity, Dropout and casts to a value's own type stand in between,
//   - a constant is an initializer or a Constant node, an attribute or an input,
//   - an attribute is left out or has its default,
//   - the inputs of an addition or multiplication are swapped,
//   - equal weights were merged into one in b. Where they were merged in a only,
//     which cannot hold what b tells apart, b's must be equal.
//
// Of identical parallel branches that are added up any may be any other's
// counterpart. Cost: near linear in the number of nodes.
func Correspond(a, b *Model) (*Correspondence, error) {
	m := newMatcher(a, b)
	byName, byPlace, err := m.interfaces()
	if err != nil {
		return nil, err
	}
	var first error
	for _, t := range []trial{{byName, true}, {byPlace, true}, {byName, false}, {byPlace, false}} {
		if t.io == nil {
			continue
		}
		c, err := m.try(t)
		if err == nil {
			return c, nil
		}
		if d := (*Difference)(nil); !errors.As(err, &d) {
			return nil, err
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// A trial is one way to compare: which inputs and outputs of b are a's, and
// whether a computed integer is told by its elements where they are known, or by
// how it is computed.
type trial struct {
	io   *pairing
	fold bool
}

// A pairing lists for each input and output of a the place of b's.
type pairing struct{ inputs, outputs []int }

// A matcher compares two models.
type matcher struct {
	a, b *side
}

// A side is one of the two models.
type side struct {
	model  *Model
	name   string
	shapes *ShapeInfo
	ids    map[*Value]int // values of equal ids are computed in the same way
	fold   bool
	folded map[*Value]bool // computed integers that are told by their elements

	quantized map[*Weight]bool
}

func newMatcher(a, b *Model) *matcher {
	m := &matcher{newSide(a), newSide(b)}
	m.a.name, m.b.name = filepath.Base(a.Path), filepath.Base(b.Path)
	if m.a.name == m.b.name {
		m.a.name, m.b.name = a.Path, b.Path
	}
	if m.a.name == m.b.name {
		m.a.name, m.b.name = "the first model", "the second model"
	}
	return m
}

func newSide(m *Model) *side {
	s := &side{model: m, shapes: Shapes(m), quantized: map[*Weight]bool{}}
	s.findQuantized(m.Graph)
	return s
}

// interfaces pairs inputs and outputs by name and by place; a pairing that is
// impossible, or the same again, is nil.
func (m *matcher) interfaces() (byName, byPlace *pairing, err error) {
	ga, gb := m.a.model.Graph, m.b.model.Graph
	for _, k := range []struct {
		what string
		a, b []*Value
	}{{"input", ga.Inputs, gb.Inputs}, {"output", ga.Outputs, gb.Outputs}} {
		if len(k.a) != len(k.b) {
			return nil, nil, &Difference{Reason: fmt.Sprintf("%s has %s, %s has %s",
				m.a.name, counted(len(k.a), k.what), m.b.name, counted(len(k.b), k.what))}
		}
	}
	in, inNamed := byNames(ga.Inputs, gb.Inputs)
	out, outNamed := byNames(ga.Outputs, gb.Outputs)
	byPlace = &pairing{places(len(in)), places(len(out))}
	if inNamed || outNamed {
		byName = &pairing{in, out}
	}
	if byName != nil && slices.Equal(in, byPlace.inputs) && slices.Equal(out, byPlace.outputs) {
		byPlace = nil
	}
	return byName, byPlace, nil
}

// counted returns a number of things in words.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// places returns 0 to n-1.
func places(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// byNames returns the places in b of the values of a by name, or by place when
// the names are not the same ones.
func byNames(a, b []*Value) ([]int, bool) {
	at := map[string]int{}
	for i, v := range b {
		at[v.Name] = i
	}
	out := make([]int, len(a))
	for i, v := range a {
		p, ok := at[v.Name]
		if !ok {
			return places(len(a)), false
		}
		out[i] = p
		delete(at, v.Name)
	}
	return out, len(at) == 0
}

// try compares the models in one way.
func (m *matcher) try(t trial) (*Correspondence, error) {
	ids := map[string]int{}
	for _, s := range []*side{m.a, m.b} {
		order := places(len(t.io.inputs))
		if s == m.b {
			for i, p := range t.io.inputs {
				order[p] = i
			}
		}
		if err := s.sign(ids, t.fold, order); err != nil {
			return nil, fmt.Errorf("compare models: %s: %w", s.name, err)
		}
	}
	ga, gb := m.a.model.Graph, m.b.model.Graph
	outputs := make([]*Value, len(gb.Outputs))
	for i, p := range t.io.outputs {
		outputs[i] = gb.Outputs[p]
	}
	for i, v := range ga.Outputs {
		if m.a.ids[v] != m.b.ids[outputs[i]] {
			return nil, m.difference(ga.Outputs, outputs)
		}
	}
	c := &collector{
		matcher: m, seen: map[[2]*Value]bool{},
		out: &Correspondence{map[*Weight]*Weight{}, map[*Node]*Node{}},
	}
	for i, v := range ga.Outputs {
		if err := c.value(v, outputs[i]); err != nil {
			return nil, err
		}
	}
	return c.out, nil
}

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
